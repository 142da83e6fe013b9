from __future__ import annotations

import pytest

from benchsuite.errors import UsageError
from benchsuite.gate import measure as module
from benchsuite.gate.measure import Work, measure
from benchsuite.gate.selection import Selection
from benchsuite.gate.settings import GateSettings
from benchsuite.store import RunDirectory, load_info
from benchsuite.turns import Outcome

READY = {"event": "completed", "data": {"name": "d"}}
SKIPPED = {"event": "skipped", "reason": "the data are elsewhere"}
FAILED = {"event": "failed", "reason": "KeyError('x')"}


class Silent:
    def working_on(self, what, done_s, left_s):
        pass


@pytest.fixture
def gate(tmp_path, monkeypatch, make_candidate, make_sides):
    """Return a function from what each side's `prepare` says to the gate's outcome, and the runs folder."""
    candidate = make_candidate()

    def gate(**said):
        class Trials:
            def __init__(self, *_arguments):
                self.environments = {}

            def prepare(self, name):
                return Outcome(said.get(name, READY))

            def renew(self):
                pass

        monkeypatch.setattr(module, "GateTrials", Trials)
        selection = Selection(candidates=(candidate,), new=(), missing=(), skipped=())
        directory = RunDirectory.create(tmp_path / "runs")
        work = Work(task="task:task")
        return measure(make_sides(candidate), selection, GateSettings(), work, directory, Silent(), str)

    return gate


def runs(folder):
    return [path for path in (folder / "runs").iterdir() if path.is_dir()]


@pytest.mark.parametrize("said", [SKIPPED, FAILED])
def test_a_head_whose_data_cannot_be_used_is_wrong_usage_and_leaves_no_directory(gate, tmp_path, said):
    with pytest.raises(UsageError) as caught:
        gate(head=said)
    assert str(caught.value) == f"the task of the working tree cannot be used: {said['reason']}"
    assert runs(tmp_path) == []


@pytest.mark.parametrize("said", [SKIPPED, FAILED])
def test_a_base_whose_data_cannot_be_used_is_a_finding_of_a_directory_marked_as_a_gates(gate, tmp_path, said):
    (finding,) = gate(base=said).verdict.findings
    assert (finding.verdict, finding.variant) == ("failed", "v")
    assert finding.reason == f"the task of the base cannot be used: {said['reason']}"
    (run,) = runs(tmp_path)
    assert load_info(run).kind == "gate"
