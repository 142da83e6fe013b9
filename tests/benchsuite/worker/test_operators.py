"""The operator pass in real forked workers: rows by shapes, FLOPs, synchronisations, memory, and what it keeps quiet."""

from __future__ import annotations

import gzip
import itertools
import json
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from benchsuite.launcher import Zygote, can_fork
from benchsuite.scenario import Skip, Workload
from benchsuite.worker import operators
from benchsuite.worker.protocol import TrialSpec
from benchsuite.worker.step_timeline import StepTimeline
from benchsuite.worker.timing import Samples
from benchsuite.worker.trace import TraceSummary

pytestmark = pytest.mark.skipif(not can_fork(), reason="no safe fork here")
FILE = str(Path(__file__).parents[2] / "profiled_workloads.py")
MIB = 2**20
PATIENCE_S = 120


@pytest.fixture(scope="module")
def zygote():
    started = Zygote({})
    yield started
    started.stop()


@pytest.fixture
def profiled(zygote, tmp_path):
    """Return a function that runs the operator pass of a scenario and returns its result and what it wrote to stderr."""

    def run(scenario, rounds=1, *, stacks=False):
        spec = TrialSpec(
            scenario=scenario, module="benchsuite_user_profiled", file=FILE, settings={"rounds": rounds},
            pass_="operators", task_module="benchsuite_user_profiled", task_file=FILE, task_attribute="task", threads=1,
            artifacts=str(tmp_path), stacks=stacks,
        )  # fmt: skip
        with tempfile.TemporaryFile() as stderr:
            worker = zygote.start(stderr)
            worker.send(spec.to_json())
            message = worker.receive(PATIENCE_S)
            worker.end()
            stderr.seek(0)
            return message, stderr.read().decode()

    return run


def rows(result, name):
    return {row["shapes"]: row for row in result["operators"] if row["name"] == name}


@pytest.mark.parametrize("stacks", [False, True])
def test_the_trace_holds_pythons_calls_where_stacks_are_asked_for(profiled, tmp_path, stacks):
    result, _stderr = profiled("shaped", stacks=stacks)
    with gzip.open(tmp_path / result["artifacts"]["trace"], "rt") as file:
        events = json.load(file)["traceEvents"]
    assert any(event.get("cat") == "python_function" for event in events) == stacks
    assert result["metrics"]["operators"] == profiled("shaped")[0]["metrics"]["operators"]


def test_an_operator_has_a_row_for_each_of_its_shapes(profiled):
    result, _stderr = profiled("shaped", rounds=3)
    products = rows(result, "aten::mm")
    assert {shapes: row["calls"] for shapes, row in products.items()} == {
        "200x200, 200x200": 3,
        "200x200, 200x50": 1,
    }
    assert products["200x200, 200x200"]["flops"] == 3 * 2 * 200**3
    assert products["200x200, 200x50"]["flops"] == 2 * 200 * 200 * 50
    assert "operator_rows_dropped" not in result["metrics"]


def test_flops_of_convolutions_and_their_gradients_stand_in_their_rows(profiled):
    result, _stderr = profiled("convolved", rounds=2)
    first, second = 2 * 4 * 36 * 9 * 2, 2 * 4 * 16 * 9 * 4 * 2
    forward, backward = rows(result, "aten::convolution"), rows(result, "aten::convolution_backward")
    assert forward["2x1x8x8, 4x1x3x3, 4"]["flops"] == first
    assert forward["2x4x6x6, 4x4x3x3, 4"]["flops"] == second
    # The images need no gradient; what comes from the first layer does.
    assert backward["2x4x6x6, 2x1x8x8, 4x1x3x3"]["flops"] == first
    assert backward["2x4x4x4, 2x4x6x6, 4x4x3x3"]["flops"] == 2 * second
    assert sum(row["flops"] for row in result["operators"]) == result["metrics"]["flops"]


def test_bytes_that_operators_move_are_those_of_one_eager_step(profiled):
    # Each square is multiplied by itself: read once, written once.
    square, thin = 4 * 200 * 200, 4 * 200 * 50
    assert profiled("shaped", rounds=3)[0]["metrics"]["moved_bytes"] == 3 * 2 * square + square + 2 * thin


def test_the_timeline_shows_the_products_of_one_step_one_behind_the_other(profiled):
    result, _stderr = profiled("shaped", rounds=3)
    spans = [span for span in result["timeline"] if span[1] in {"aten::mm", "aten::matmul"}]
    assert len(spans) == 3 + 1
    assert {lane for lane, _name, _start, _length in spans} == {"operators"}
    assert all(one[2] + one[3] <= other[2] for one, other in itertools.pairwise(spans))


def row(key):
    return SimpleNamespace(key=key)


def test_what_hides_its_operators_is_not_counted(monkeypatch):
    class Loaded:
        """A stand-in for AOTInductor's model."""

    assert operators._is_eager([row("aten::mm"), row("cudaLaunchKernel")])
    assert not operators._is_eager([row("aten::mm"), row("cudaGraphLaunch")])
    package = SimpleNamespace(AOTICompiledModel=Loaded)
    monkeypatch.setitem(sys.modules, "torch._inductor.package.package", package)
    assert operators._is_eager([row("aten::mm")])
    held = Loaded()
    assert not operators._is_eager([row("aten::mm")])
    del held


def test_a_planted_second_convolution_shows_in_the_rows_alone_of_what_it_calls(profiled):
    one, two = (profiled("convolved", rounds=rounds)[0] for rounds in (1, 2))
    assert two["metrics"]["operators"] > one["metrics"]["operators"]
    more = {row["name"] for row in two["operators"]} ^ {row["name"] for row in one["operators"]}
    assert "aten::convolution" not in more
    assert sum(row["calls"] for row in rows(two, "aten::convolution").values()) == 2
    assert sum(row["calls"] for row in rows(one, "aten::convolution").values()) == 1


def test_asking_for_a_number_is_a_synchronisation(profiled):
    assert profiled("asking", rounds=3)[0]["metrics"]["synchronisations"] == 3
    metrics = profiled("shaped")[0]["metrics"]
    assert metrics["synchronisations"] == 0
    assert not {"kernels", "launches", "device_idle_share", "host_wait_share", "copied_bytes"} & set(metrics)


def test_memory_that_steps_hold_is_a_curve(profiled):
    curve = profiled("holding", rounds=8)[0]["series"]["memory_over_time"]
    heights = [size for _ms, size in curve]
    assert max(heights) == 8 * MIB
    assert heights[-1] == 0
    assert [ms for ms, _size in curve] == sorted(ms for ms, _size in curve)


def test_the_fastest_step_is_the_device_s_own_where_there_is_one():
    assert operators._fastest_ns(Samples(0, [3, 1, 2], [])) == 1
    assert operators._fastest_ns(Samples(0, [3, 1, 2], [], [30, 10, 20])) == 10


def test_the_overhead_stands_beside_what_was_seen(profiled):
    assert profiled("shaped")[0]["metrics"]["profiler_overhead"] > -1


def test_warnings_of_the_code_itself_survive_and_are_all_that_is_said(profiled):
    _result, stderr = profiled("warning")
    lines = [line for line in stderr.splitlines() if "planted" not in line]
    assert lines == []
    assert "planted: from native code" in stderr
    assert "UserWarning: planted: from Python" in stderr


def test_a_step_that_is_too_long_says_so():
    operators._demand_short(Samples(operators.LONGEST_STEP_NS, [operators.LONGEST_STEP_NS], []))
    with pytest.raises(Skip, match=r"a step takes 12 s: .* at most 10 s"):
        operators._demand_short(Samples(12_000_000_000, [12_000_000_000], []))


def test_the_trace_that_is_kept_holds_the_steps(profiled, tmp_path):
    result, _stderr = profiled("shaped")
    with gzip.open(tmp_path / result["artifacts"]["trace"], "rt") as file:
        events = json.load(file)["traceEvents"]
    steps = [event for event in events if event.get("name") == operators.STEP]
    assert len(steps) == operators.PROFILED_STEPS
    assert [path.name for path in tmp_path.iterdir()] == ["trace.json.gz"]


def test_counts_repeat_exactly_over_ten_processes(profiled):
    def counts():
        result, _stderr = profiled("convolved", rounds=3)
        metrics = {k: v for k, v in result["metrics"].items() if k != "profiler_overhead"}
        assert metrics["moved_bytes"] > 0
        calls = sorted(
            (row["name"], row["shapes"], row["calls"], row["flops"]) for row in result["operators"]
        )
        return str((metrics, calls))

    assert len({counts() for _ in range(10)}) == 1


class TornProfiler:
    """Writes a trace as it stands after the disk has run full."""

    def export_chrome_trace(self, path):
        event = {"ph": "X", "cat": "cpu_op", "name": "aten::_local_scalar_dense", "ts": 1, "dur": 1}
        whole = json.dumps({"traceEvents": [event] * 10})
        Path(path).write_text(whole[: len(whole) // 2], encoding="utf-8")


def test_a_torn_trace_is_kept_and_what_stands_before_the_tear_is_reported(tmp_path):
    summary, dropped, kept = operators._read_trace(TornProfiler(), str(tmp_path), StepTimeline("step"))
    assert 0 < summary.synchronisations < 10
    assert dropped == 1
    assert (tmp_path / kept["trace"]).stat().st_size > 0
    assert operators._read_trace(TornProfiler(), "", StepTimeline("step")) == (summary, dropped, {})


def test_what_was_rehearsed_has_ended_before_the_recording_begins(monkeypatch):
    log = []
    monkeypatch.setattr(operators.device, "synchronize", lambda: log.append("wait"))
    operators._profile(Workload(lambda: log.append("step"), tuple), stacks=False)
    assert log[: 2 * operators.REHEARSED_STEPS] == ["step", "wait"] * operators.REHEARSED_STEPS
    assert log.count("step") == operators.REHEARSED_STEPS + operators.PROFILED_STEPS


@pytest.mark.parametrize(("rows", "too_short"), [(1, True), (1500, False)])
def test_a_step_that_the_profiler_outweighs_says_so(rows, too_short):
    factor = torch.ones(rows, rows)
    found = operators.run(lambda: Workload(lambda: factor @ factor, list), "")
    assert [" µs: under the profiler it takes " in clause for clause in found["problems"]] == [
        True
    ] * too_short


def test_what_is_cut_off_is_said(monkeypatch):
    product = Workload(lambda: torch.ones(4, 4) @ torch.ones(4, 4), list)
    whole = operators.run(lambda: product, "")
    monkeypatch.setattr(operators, "KEPT_ROWS", 2)
    monkeypatch.setattr(operators, "_read_trace", lambda *_arguments: (TraceSummary(), 7, {}))
    cut = operators.run(lambda: product, "")
    assert len(cut["operators"]) == 2
    assert cut["metrics"]["operator_rows_dropped"] == len(whole["operators"]) - 2
    assert cut["metrics"]["operators"] == whole["metrics"]["operators"]
    assert cut["metrics"]["trace_events_dropped"] == 7
