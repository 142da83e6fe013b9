from __future__ import annotations

import dataclasses
import json
from importlib import metadata

import pytest

from benchsuite.commands import gate_stored
from benchsuite.commands.gate_stored import Wanted, gate_against_run
from benchsuite.commands.request import Request
from benchsuite.config import GateConfig
from benchsuite.environment import read_machine
from benchsuite.errors import NotComparableError, NothingMeasuredError, UsageError
from benchsuite.gate.settings import GateSettings
from benchsuite.record import Record, RunInfo, Turn
from benchsuite.store import RunDirectory, load_run
from benchsuite.terminal import Terminal

BENCH = """
from dataclasses import dataclass

from benchsuite import Check, Workload, scenario


@dataclass(frozen=True)
class Settings:
    width: int = 8


@scenario(question="Is it quick?", variants=[Settings()])
def work(settings, task):
    return Workload(lambda: None, lambda: [Check("a fact", 1.0, 1.0, "<=")])
"""
REQUEST = Request(
    names=("work",), all=False, quick=False, only=None, task="scenarios.mnist:task", dataset=None, data_dir=None,
    scenarios=(), only_scenarios=("stored_bench.py",), threads=1, seed=3, budget_s=77.0, timeout_s=88.0,
)  # fmt: skip
VARIANT = {
    "id": "work", "settings": {"width": 8}, "context": {}, "baseline": True, "available": True, "reason": "", "changes": {},
}  # fmt: skip
SCENARIO = {
    "name": "work", "question": "Is it quick?", "compare": None, "within": [], "metric": "step_time", "answer": "best",
    "once": False, "combines": False, "variants": [VARIANT],
}  # fmt: skip
INFO = RunInfo(
    command=("run",), started="2026-01-01T00:00:00+00:00", finished="2026-01-01T00:09:00+00:00",
    task="scenarios.mnist:task", scenarios=(SCENARIO,), options=dataclasses.asdict(REQUEST),
)  # fmt: skip
ALL = Wanted((), (), everything=True)


def record(variant="work", kind="timing", repetition=0, **known):
    least = {
        "scenario": variant.partition("[")[0], "settings": {"width": 8}, "context": {}, "baseline": True,
        "group": f"work()/{kind}/{repetition}", "outcome": "completed", "started": INFO.started,
    }  # fmt: skip
    return Record(variant=variant, pass_=kind, repetition=repetition, **least | known)


def timing(repetition=0, variant="work", step_ns=1000):
    turns = tuple(Turn(order, 10, 10 * step_ns + order) for order in range(5))
    return record(variant, repetition=repetition, turns=turns)


def memory(variant="work", allocations=5.0):
    return record(variant, "memory", metrics={"allocations": allocations, "peak_heap": 1e6})


@pytest.fixture
def gate(tmp_path, monkeypatch, capsys):
    """Return a function from the records of both to the exit code and the verdict's findings by metric."""
    (tmp_path / "stored_bench.py").write_text(BENCH)
    monkeypatch.chdir(tmp_path)
    info = dataclasses.replace(INFO, machine=dataclasses.asdict(read_machine()))

    def gate(before, after=(), settings=None, **changes):
        stored = RunDirectory.create(tmp_path / "stored")
        stored.write_info(dataclasses.replace(info, **changes))
        stored.append(*before)

        def measure(request, entries, chosen, directory, out):
            gate.request, gate.chosen = request, chosen
            directory.write_info(info)
            directory.append(*after)
            return load_run(directory.path)

        monkeypatch.setattr(gate_stored, "_measure", measure)
        monkeypatch.setattr(gate_stored, "reproduction", str)
        config = GateConfig(settings=settings or GateSettings())
        out = Terminal(quiet_stdout=True)
        try:
            code = gate_against_run(stored.path, config, ALL, tmp_path / "runs", out, as_json=True)
        except NothingMeasuredError as error:
            code = error.exit_code
        findings = json.loads(capsys.readouterr().out)["findings"]
        return code, {finding["metric"]: finding for finding in findings}

    return gate


def test_a_head_that_fails_everywhere_is_failed_not_incomparable(gate):
    broken = record(outcome="failed", reason="ImportError: no such module")
    code, found = gate([timing(0), timing(1), memory()], [broken])
    assert code == 3
    assert (found[""]["verdict"], found[""]["reason"]) == ("failed", broken.reason)
    assert found.keys() == {""}


def test_a_run_of_which_nothing_is_left_is_missing(gate):
    code, found = gate([timing(variant="gone"), memory("gone")])
    assert code == 3
    assert found[""]["verdict"] == "missing"
    assert gate.chosen == set()


def test_counts_decide_where_the_head_has_no_time(gate):
    code, found = gate([timing(0), timing(1), memory()], [memory(allocations=6.0)])
    assert code == 1
    assert found["allocations"]["verdict"] == "regression"
    assert "step_time" not in found


def test_a_time_has_an_interval_from_two_rounds_on(gate):
    both = [timing(0), timing(1, step_ns=1010), memory()]
    _code, found = gate(both, both)
    assert found["step_time"]["interval"][0] < 1 < found["step_time"]["interval"][1]
    code, found = gate([timing(0), memory()], both)
    assert code == 0
    assert found["step_time"]["advisory"]
    assert found["step_time"]["interval"] is None
    assert found["step_time"]["ratio"] == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"finished": None}, r"this run is not finished; `python -m benchsuite run --resume .*` goes on with it"),
        ({"kind": "gate"}, "a gate measured it: name a run"),
        ({"options": {}}, "its header does not say what the run was asked for"),
        ({"options": {"quick": False}}, r"does not say all that the run was asked for \('names'\)"),
        ({"options": {"names": [], "scenarios": [], "only_scenarios": []}}, "does not say all that the run was asked for"),
    ],
)  # fmt: skip
def test_what_cannot_be_measured_again_is_refused_before_anything_is(gate, tmp_path, changes, said):
    with pytest.raises(UsageError, match=said) as caught:
        gate([timing(0), timing(1), memory()], **changes)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "runs").exists()


def test_a_package_that_is_gone_is_another_machine(gate, monkeypatch):
    def version(package):
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setattr(metadata, "version", version)
    software = {"numpy": "2.1.0", "torch": None}
    with pytest.raises(NotComparableError, match=r"\(environment\.numpy was 2\.1\.0, is absent\)"):
        gate([timing(0), timing(1), memory()], software=software)


def test_the_gates_budget_and_timeout_hold(gate):
    both = [timing(0), timing(1), memory()]
    gate(both, both, GateSettings(budget_s=11.0, timeout_s=22.0))
    assert (gate.request.budget_s, gate.request.timeout_s) == (11.0, 22.0)
    assert (gate.request.threads, gate.request.all, gate.request.names) == (1, True, ())
