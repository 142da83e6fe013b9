from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from sample_run import make_info, make_records, write_run

import reports
from benchsuite.errors import NotComparableError, UsageError
from benchsuite.store import INFO_FILE, RECORDS_FILE

if TYPE_CHECKING:
    from pathlib import Path


def test_frames_hold_every_variant_and_every_sample(sample: Path) -> None:
    data = reports.load(sample)
    outcomes = data.variants.set_index("variant")["outcome"]
    assert len(data.variants) == 41
    assert outcomes["batch_size[batch_size=2048]"] == "failed"
    assert outcomes["device[device=cuda]"] == "skipped"
    turns = data.samples.query("kind == 'turn' and variant == 'compile[mode=eager]'")
    assert len(turns) == 5 * 30
    assert set(data.series["name"]) >= {"loss", "validation_accuracy"}
    assert data.operators["self_cpu_ns"].min() > 0
    assert set(data.comparisons["verdict"]) <= {"faster", "slower", "same", "open"}


def test_a_table_is_text_to_print_and_values_to_compute_with(sample: Path) -> None:
    summary = reports.summarise(sample)[2]
    assert summary.question == "Does torch.compile pay?"
    assert all(len(row) == len(summary.table.titles) for row in summary.table.texts)
    frame = summary.table.frame()
    assert frame.loc["compile[mode=eager]", "Step time"] == pytest.approx(8.9e6, rel=0.1)
    narrow = summary.table.essential()
    assert len(narrow.titles) < len(summary.table.titles)
    assert "Verdict" in narrow.titles


@pytest.mark.parametrize("width", [40, 80, 120, 160, 400])
def test_a_table_keeps_what_fits_and_what_is_essential(sample: Path, width: int) -> None:
    for summary in reports.summarise(sample):
        shown = summary.table.fitting(width)
        assert sum(shown.widths) <= width or shown.titles == summary.table.essential().titles
        assert set(summary.table.essential().titles) <= set(shown.titles)
        assert shown.titles == tuple(title for title in summary.table.titles if title in shown.titles)
        if sum(summary.table.widths) <= width:
            assert shown == summary.table


def test_columns_stand_where_there_are_values(sample: Path) -> None:
    tables = {summary.name: summary.table for summary in reports.summarise(sample)}
    assert {"Waiting for data", "Epoch start", "Worker memory"} <= set(tables["loader"].titles)
    assert "Skipped steps" in tables["precision"].titles
    assert not {"Waiting for data", "Skipped steps", "Energy a step"} & set(tables["compile"].titles)
    assert tables["loader"].titles[0] == "Variant"
    assert tables["precision"].titles[0] == "Precision"
    frame = tables["precision"].frame()
    assert frame.loc["precision[precision=fp16-autocast]", "Skipped steps"] == 2


def test_a_truncated_last_line_is_told_and_the_rest_stands(tmp_path: Path) -> None:
    path = write_run(tmp_path)
    records = path / RECORDS_FILE
    records.write_bytes(records.read_bytes()[:-40])
    data = reports.load(path)
    assert any("could not be read" in problem for problem in data.problems)
    assert "could not be read" in reports.build(path).read_text(encoding="utf-8")


def test_an_interrupted_run_says_so_and_which_variants_it_did_not_reach(tmp_path: Path) -> None:
    records = [record for record in make_records() if record.scenario in {"training", "batch_size"}]
    path = write_run(tmp_path, make_info(finished=None), records)
    page = reports.build(path).read_text(encoding="utf-8")
    assert "The run was interrupted or is still going on" in page
    assert "the run ended before its turn" in page


def test_a_run_without_a_completed_trial_still_has_a_page(tmp_path: Path) -> None:
    page = reports.build(write_run(tmp_path, records=[])).read_text(encoding="utf-8")
    assert "No timing was completed" in page
    assert "<svg" not in page


def test_a_run_without_its_records_file_or_artifacts(tmp_path: Path) -> None:
    path = write_run(tmp_path)
    lines = (path / RECORDS_FILE).read_text(encoding="utf-8").splitlines()
    document = json.loads(lines[0]) | {"artifacts": {"trace": "artifacts/gone/trace.json.gz"}}
    (path / RECORDS_FILE).write_text("\n".join([json.dumps(document), *lines[1:]]) + "\n", encoding="utf-8")
    assert any("no longer there" in problem for problem in reports.load(path).problems)
    (path / RECORDS_FILE).unlink()
    assert f"{RECORDS_FILE} is missing." in reports.load(path).problems


def test_a_header_without_scenarios_is_filled_from_the_records(tmp_path: Path) -> None:
    path = write_run(tmp_path, make_info(scenarios=()))
    assert {summary.name for summary in reports.summarise(path)} == {
        "training",
        "batch_size",
        "compile",
        "device",
        "loader",
        "precision",
        "optimizer",
        "stack",
    }


def test_a_trial_measured_again_counts_once(tmp_path: Path) -> None:
    records = make_records()
    again = write_run(tmp_path, records=[*records, *records])
    rounds = reports.load(again).comparisons["rounds"]
    assert set(rounds) == {5}


def test_no_run_and_a_newer_run_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        reports.load(tmp_path)
    path = write_run(tmp_path)
    document = json.loads((path / INFO_FILE).read_text(encoding="utf-8"))
    (path / INFO_FILE).write_text(json.dumps(document | {"schema": 99}), encoding="utf-8")
    with pytest.raises(NotComparableError):
        reports.build(path)
