from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchsuite.environment import read_machine
from benchsuite.gate.self_test import words
from benchsuite.gate.self_test.decisions import Decision, SelfTest
from benchsuite.gate.self_test.plan import NONE, Plant, make_plan
from benchsuite.gate.self_test.tally import Rate, tally
from benchsuite.gate.verdict import Finding

HEADER = SelfTest(
    started="2026-11-23T12:00:00+00:00", seed=4, loads=(0, 2), batches=make_plan((0, 2), 4),
    versions={"benchsuite": "0.1.0", "torch": "2.15.0"}, commit="abc123", machine=read_machine(),
)  # fmt: skip
PLANTS = (NONE, Plant("slowdown", 0.05), Plant("slowdown", 0.03))


def decision(plant, verdict, part="time", metric="step_time", load=0):
    finding = Finding(scenario="train", variant="v", metric=metric, verdict=verdict, seconds=9.0)
    rivals = {"pyperf compare_to": "slower"} if part == "time" else {}
    return Decision(
        batch=0, part=part, load=load, variant="v", plant=plant, findings=(finding,), rivals=rivals,
        batch_seconds=20.0, run="runs/1",
    )  # fmt: skip


MADE = [
    *[
        decision(plant, "unchanged" if plant == NONE else "regression", load=load)
        for plant in PLANTS
        for load in (0, 2)
    ],
    decision(Plant("check"), "failed", "exact", ""),
    decision(Plant("memory"), "unchanged", "exact", "peak_heap"),
]
FOUND = tally(MADE)


def test_the_page_says_when_where_and_with_what():
    page = words.markdown(HEADER, FOUND, len(MADE))
    for said in (
        "2026-11-23",
        read_machine().cpu_model,
        "torch 2.15.0",
        "abc123",
        "seed 4",
        "0 and 2 busy neighbours",
    ):
        assert said in page
    planned = sum(len(batch.decisions) for batch in HEADER.batches)
    assert f"{len(MADE)} of {planned} decisions" in page


def test_the_page_says_where_the_steps_ran():
    on_gpu = dataclasses.replace(HEADER, device="cuda")
    assert "gate --self-test --device cuda`" in words.markdown(on_gpu, FOUND, len(MADE))
    assert "--device" not in words.markdown(HEADER, FOUND, len(MADE))
    assert words.document(on_gpu, FOUND, len(MADE))["device"] == "cuda"


def test_the_page_shows_false_alarms_detections_seconds_and_rivals():
    page = words.markdown(HEADER, FOUND, len(MADE))
    lines = page.splitlines()
    assert "| step time | all together | 0 of 2: 0.0 % (0.0 to 84.2 %) | 0 | 0 | 0 |" in lines
    assert "| 5 % slower | all together | 2 of 2: 100.0 % (15.8 to 100.0 %) | 0 | 0 | 0 |" in lines
    assert any(line.startswith("| a failing check | 0 | 1 of 1: 100.0 %") for line in lines)
    assert any(line.startswith("| 1 MiB more memory | 0 | 0 of 1: 0.0 %") for line in lines)
    assert any(line.startswith("| pyperf compare_to | 2 of 2: 100.0 %") for line in lines)
    assert any(line.startswith("| this gate | 0 of 2: 0.0 %") for line in lines)
    assert "| 0 | 9.0, 9.0 |" in page


def test_every_row_is_as_wide_as_its_table():
    for table in words.tables(FOUND):
        assert table.rows
        assert {len(row) for row in table.rows} == {len(table.columns)}


def test_tables_without_a_row_are_left_out():
    titles = [table.title for table in words.tables(tally(MADE[-1:]))]
    assert titles == ["Detections: planted changes", "Seconds for each decision: median, longest"]


def test_the_document_is_json_with_the_same_figures():
    document = json.loads(json.dumps(words.document(HEADER, FOUND, len(MADE)), allow_nan=False))
    row = next(
        r for r in document["rows"] if r["plant"] == {"kind": "none", "share": 0.0} and r["load"] is None
    )
    assert row["called"] == {"hits": 0, "trials": 2, "interval": [0.0, pytest.approx(0.8419, abs=1e-4)]}
    assert document["decisions"] == len(MADE)
    assert document["commit"] == "abc123"


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_intervals_ends_are_rounded_outward(counts):
    low, high = Rate(*counts).interval
    text = words.spell_rate(Rate(*counts))
    shown_low, shown_high = text.partition("(")[2].removesuffix(" %)").split(" to ")
    assert float(shown_low) <= 100 * low + 1e-9
    assert float(shown_high) >= 100 * high - 1e-9
    assert float(shown_high) - float(shown_low) <= 100 * (high - low) + 0.2 + 1e-9


def test_without_trials_there_is_no_rate():
    assert words.spell_rate(Rate(0, 0)) == words.NOTHING
