from __future__ import annotations

import pytest

from benchsuite import streams
from benchsuite.commands import gate_outcome
from benchsuite.commands.gate_outcome import conclude
from benchsuite.errors import OutputError
from benchsuite.gate.measure import Measured
from benchsuite.gate.settings import GateSettings
from benchsuite.gate.verdict import Finding, SideInfo, Verdict
from benchsuite.store import VERDICT_FILE, RunDirectory
from benchsuite.terminal import Terminal


def concluded(kind, error, tmp_path, monkeypatch):
    """Return the exit code of a gate with one finding, whose output meets an error."""

    def show(_verdict, _out):
        raise error

    monkeypatch.setattr(gate_outcome, "show", show)
    # It would turn the stdout of the tests' own process into nothing.
    monkeypatch.setattr(streams, "give_up_stdout", lambda: None)
    finding = Finding(
        scenario="work",
        variant="work",
        metric="step_time",
        pairs=12,
        verdict=kind,
        base=1.0,
        head=2.0,
        ratio=2.0,
    )
    verdict = Verdict(
        base=SideInfo(name="main"),
        head=SideInfo(name="working tree"),
        findings=(finding,),
        started="2026-01-01T00:00:00+00:00",
        seconds=1.0,
    )
    directory = RunDirectory.create(tmp_path / "runs")
    try:
        return conclude(Measured(verdict, {}), (), GateSettings(), directory, Terminal(), as_json=False)
    finally:
        assert (directory.path / VERDICT_FILE).is_file()


def test_a_regression_is_not_lost_with_the_output(tmp_path, monkeypatch, capsys):
    assert concluded("regression", OutputError("stdout: full"), tmp_path, monkeypatch) == 1
    assert "stdout: full" in capsys.readouterr().err


def test_a_pass_that_cannot_be_written_is_none(tmp_path, monkeypatch):
    with pytest.raises(OutputError):
        concluded("unchanged", OutputError("stdout: full"), tmp_path, monkeypatch)


@pytest.mark.parametrize(("kind", "code"), [("unchanged", 0), ("regression", 1)])
def test_a_reader_that_has_left_changes_no_code(tmp_path, monkeypatch, kind, code):
    assert concluded(kind, BrokenPipeError(), tmp_path, monkeypatch) == code
