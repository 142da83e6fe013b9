from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))
from hostile_run import FORMULA, write_empty_run, write_hostile_run, write_interrupted_run
from sample_run import make_records, write_run

import reports

FRAMES = (
    "variants", "comparisons", "ranking", "trials", "samples", "checks", "series", "operators", "memory_sites",
)  # fmt: skip


def types(data: reports.ReportData, name: str) -> dict[str, str]:
    frame = getattr(data, name)
    return {title: str(kind) for title, kind in frame.dtypes.items() if "." not in title}


@pytest.fixture(scope="module")
def others(tmp_path_factory) -> list[reports.ReportData]:
    writers = (write_empty_run, write_interrupted_run, write_hostile_run)
    return [reports.load(write(tmp_path_factory.mktemp("runs"))) for write in writers]


@pytest.mark.parametrize("name", FRAMES)
def test_types_are_the_same_of_a_whole_a_torn_an_empty_and_a_hostile_run(name, loaded, others) -> None:
    for data in others:
        assert types(data, name) == types(loaded, name)


def test_trials_hold_every_pass_the_canary_and_what_failed(loaded) -> None:
    trials = loaded.trials
    assert set(trials["pass"]) == {"timing", "memory", "operators"}
    assert "canary" in set(trials["scenario"])
    failed = trials[trials["outcome"] == "failed"]
    assert set(failed["variant"]) == {"batch_size[batch_size=2048]"}
    assert failed["step_ns"].isna().all()
    memory = trials[trials["pass"] == "memory"]
    assert (memory["metrics.peak_heap_bytes"] > 0).all()
    assert trials["contention.wait_share"].max() == 0.283


def test_checks_are_one_row_for_each_check_of_each_trial(loaded) -> None:
    assert len(loaded.checks) == sum(len(record.checks) for record in loaded.run.records)
    assert loaded.checks["ok"].all()


def test_a_line_with_memory_stands_beside_its_stack(loaded) -> None:
    sites = loaded.memory_sites
    first = sites[sites["kind"] == "peak"].iloc[0]
    assert first["line"] == "scenarios/cnn.py:23"
    assert first["stack"] == "conv2d (torch/nn/functional.py:9) < forward (scenarios/cnn.py:23)"
    assert first["size_bytes"] > 0


def test_samples_are_those_of_the_records_in_their_order(tmp_path) -> None:
    records = [record for record in make_records() if record.scenario == "compile"]
    samples = reports.load(write_run(tmp_path, records=records)).samples
    record = next(r for r in records if r.pass_ == "timing")
    own = samples[(samples["variant"] == record.variant) & (samples["group"] == record.group)]
    assert list(own[own["kind"] == "step"]["ns"]) == list(record.step_ns)
    assert list(own[own["kind"] == "turn"]["index"]) == list(range(len(record.turns)))
    assert list(own[own["kind"] == "first"]["ns"]) == [record.first_step_ns]


def test_half_a_character_in_a_name_is_spelt_in_every_frame(tmp_path) -> None:
    data = reports.load(write_hostile_run(tmp_path))
    assert any("\\ud800" in text for text in data.variants["variant"])
    assert f"settings.{FORMULA}" in data.variants.columns
    assert any("\\ud800" in text for text in data.samples["variant"].cat.categories)
    for summary in reports.summarise(data):
        assert len(summary.table.frame()) == 3


def test_a_run_is_one_line_in_a_terminal(sample, loaded) -> None:
    assert repr(loaded) == f"<run {sample.name!r}: 8 questions, 41 variants>"
