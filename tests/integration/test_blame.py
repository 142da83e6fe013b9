"""Planted changes, both sides run in real workers: one sentence names the operator or function, and the file."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchsuite.launcher import Zygote, can_fork
from benchsuite.outcomes import record_of
from benchsuite.plan import start_order
from benchsuite.turns import Launch, Length, Outcome, run_group
from benchsuite.worker.protocol import TrialSpec
from reports.compare.blame import blame

MODEL = Path(__file__).with_name("model.py")
PATIENCE_S = 120
PAIRS = 3

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not can_fork(), reason="no safe fork here")]


@pytest.fixture(scope="module")
def zygote():
    started = Zygote({})
    yield started
    started.stop()


def spec_of(file, task_file, pass_):
    return TrialSpec(
        scenario="planted", module="benchsuite_user_model", file=str(file), settings={"hidden": 64}, pass_=pass_,
        task_module="benchsuite_user_workloads", task_file=str(task_file), task_attribute="task",
        paths=(str(file.parent),), cores=(min(os.sched_getaffinity(0)),) if pass_ == "timing" else (),
    )  # fmt: skip


def make_record(spec, outcome, repetition=0):
    variant = SimpleNamespace(
        scenario="planted", id="planted[hidden=64]", settings={"hidden": 64}, context={}, baseline=True
    )
    group = SimpleNamespace(pass_=spec.pass_, repetition=repetition, id=f"planted/{spec.pass_}/{repetition}")
    record = record_of(variant, group, spec, outcome, "", "")
    assert record.outcome == "completed", record.reason
    return record


class Sides:
    """Runs a model with some of its text replaced; the passes of the same text are run once."""

    def __init__(self, zygote, task_file, folders):
        self._zygote = zygote
        self._task_file = task_file
        self._folders = folders
        self._known = {}

    def passes(self, *replaced):
        """Return the model's file and the records of its passes."""
        source = MODEL.read_text()
        for old, new in replaced:
            assert old in source
            source = source.replace(old, new)
        if source not in self._known:
            file = self._folders.mktemp("side") / "model.py"
            file.write_text(source)
            self._known[source] = file, [self._pass(file, name) for name in ("operators", "memory", "calls")]
        return self._known[source]

    def both(self, base, head, *, timed):
        """Return the records of both sides; where they are timed, they take turns on one core."""
        (base_file, base_records), (head_file, head_records) = self.passes(*base), self.passes(*head)
        if not timed:
            return base_records, head_records
        specs = [spec_of(file, self._task_file, "timing") for file in (base_file, head_file)]
        launches = [Launch(self._launch(spec)) for spec in specs]
        pairs = [
            run_group(
                launches, start_order(2, number, "pair"), random.Random(number), timeout_s=PATIENCE_S,
                length=Length(alike=2),
            )
            for number in range(PAIRS)
        ]  # fmt: skip
        timings = [
            [make_record(spec, pair[side], number) for number, pair in enumerate(pairs)]
            for side, spec in enumerate(specs)
        ]
        return [*base_records, *timings[0]], [*head_records, *timings[1]]

    def forget(self):
        self._known.clear()

    def _pass(self, file, name):
        spec, outcome = spec_of(file, self._task_file, name), Outcome(started=time.time())
        worker = self._launch(spec)()
        outcome.message = worker.receive(PATIENCE_S)
        worker.end()
        return make_record(spec, outcome)

    def _launch(self, spec):
        def start():
            worker = self._zygote.start()
            worker.send(spec.to_json())
            return worker

        return start


@pytest.fixture(scope="module")
def sides(zygote, workloads, tmp_path_factory):
    return Sides(zygote, workloads, tmp_path_factory)


BEGIN = "        prepare(10)\n"
PLANTED = {
    "second convolution": (
        "step_time",
        [("features = self.convolution(inputs)", "features = self.convolution(inputs) * self.convolution(inputs)")],
        ["aten::conv2d is called 2 times a step instead of 1", "`Net.forward` (model.py:"],
    ),
    "item in a loop": (
        "step_time",
        [(BEGIN, f"{BEGIN}        for scalar in scalars:\n            scalar.item()\n")],
        ["aten::item is called 1,006 times a step instead of 6", "`step` (model.py:", "Tensor.item"],
    ),
    "unneeded clone": (
        "operators",
        [("net(images)", "net(images.clone())")],
        ["aten::clone is called 1 time a step instead of 0", "`step` (model.py:45), which calls Tensor.clone 1 time"],
    ),
    "loop in Python": (
        "step_time",
        [(BEGIN, f"{BEGIN}        [number * number for number in range(20_000)]\n")],
        ["`step` (model.py:42) takes", "longer by itself, with the same operators"],
    ),
    "sleep": (
        "step_time",
        [(BEGIN, f"{BEGIN}        time.sleep(0.005)\n")],
        ["time.sleep is called 1 time a step instead of 0, from `step` (model.py:44)"],
    ),
    "slow function": (
        "step_time",
        [("    return started, count\n", "    return started, sum(number * number for number in range(50_000))\n")],
        ["sum is called 1 time a step instead of 0, from `prepare` (model.py:31)"],
    ),
    "larger hidden layer": (
        "step_time",
        [("net = Net()", "net = Net(hidden=2048)")],
        [" instead of [", "2048", "(model.py:"],
    ),
    "float64": (
        "step_time",
        [("net = Net()", "net = Net().double()"), ("net(images)", "net(images.double())")],
        ["aten::", "`step` (model.py:45), which calls Tensor.double 1 time a step instead of 0"],
    ),
    "optimizer that is not fused": (
        "operators",
        [("fused=True", "foreach=False")],
        ["aten::", "times a step instead of 0, from `step` (model.py:47)", "explains all of", "operators a step"],
    ),
    "leak": (
        "leak",
        [(BEGIN, f"{BEGIN}        kept.append(images.clone())\n")],
        ["`step` (model.py:44) leaves 49", "KiB behind in each step: this explains all of"],
    ),
    "held buffer": (
        "peak_heap",
        [("kept = []", "kept = [torch.zeros(2**18)]")],
        ["`planted` (model.py:39) holds", "at the peak instead of", "explains all of 1.00 MiB"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_change_is_named_with_its_file(sides, name):
    metric, replaced, expected = PLANTED[name]
    base, head = sides.both((), replaced, timed=metric == "step_time")
    sentence = blame(metric, base, head, ["model.py"])
    if "not clear" in sentence and metric == "step_time":
        # A busy machine can hide what explains the time: it may not do so twice.
        sides.forget()
        base, head = sides.both((), replaced, timed=True)
        sentence = blame(metric, base, head, ["model.py"])
    assert all(text in sentence for text in expected), sentence
    assert "not clear" not in sentence
    assert "(model.py:" in blame(metric, head, base, ["model.py"])


def test_where_nothing_has_changed_it_says_that_it_is_unsure(sides):
    # Other text, the same work: both sides are really run.
    base, head = sides.both((), [("What was planted?", "What was not planted?")], timed=True)
    # A busy machine may make operators seem slower: that alone is never called more than probable.
    assert blame("step_time", base, head).startswith(("The cause is not clear", "Probably"))
    for metric in ("operators", "peak_heap", "leak", "graph_breaks"):
        sentence = blame(metric, base, head, ["model.py", "a.py", "b.py", "c.py"])
        assert sentence.startswith("The cause is not clear"), sentence
        assert sentence.endswith("changed files are model.py and 3 more.")


def test_a_graph_break_is_named_with_its_line(sides):
    compiled = ("net = Net()\n", 'net = torch.compile(Net(), backend="eager")\n')
    broken = (
        "inputs)\n        features = t",
        "inputs)\n        torch._dynamo.graph_break()\n        features = t",
    )
    base, head = sides.both([compiled], [compiled, broken], timed=True)
    assert (base[-1].metrics["graph_breaks"], head[-1].metrics["graph_breaks"]) == (0, 1)
    said = blame("graph_breaks", base, head, ["model.py"])
    assert said == "`forward` (model.py:25) leaves the compiled code; changed file is model.py."
