from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from sample_run import make_info, make_records, write_run

from benchsuite.commands.summary import show
from benchsuite.errors import NothingMeasuredError
from benchsuite.terminal import Terminal
from reports.ranking import FIGURES

if TYPE_CHECKING:
    from pathlib import Path


def test_what_pays_closes_what_a_run_shows(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(NothingMeasuredError, match="1 of the variants failed"):
        show(sample, Terminal(), as_json=False)
    shown = capsys.readouterr().out
    closing = shown[shown.index("What pays on this machine") :]
    assert closing.splitlines()[1] == " training, CPU"
    assert closing.splitlines()[2].startswith("  2.6")
    assert "loader: memory instead of images; 1.90 times the peak memory" in closing
    assert "stack: all 3 together instead of reference loop" in closing
    assert closing.index(" inference, CPU") < closing.index("Report: ")


def test_the_json_of_a_run_holds_its_ranking(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = [record for record in make_records(rounds=3) if record.outcome == "completed"]
    show(write_run(tmp_path, make_info(), records), Terminal(quiet_stdout=True), as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert [list(ranked) for ranked in document["ranking"]] == [list(FIGURES)] * len(document["ranking"])
    best = document["ranking"][0]
    assert (best["scenario"], best["device"], best["phase"]) == ("loader", "cpu", "train")
    assert best["low"] <= best["speedup"] <= best["high"]
