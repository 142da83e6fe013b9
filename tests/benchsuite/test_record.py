from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchsuite.errors import NotComparableError
from benchsuite.record import (
    SCHEMA,
    AllocationSite,
    CallRow,
    CheckResult,
    OperatorRow,
    Record,
    RunInfo,
    Span,
    Turn,
    demand_schema,
    latest,
)
from benchsuite.record_schema import read_info, read_record

TEXT = st.text(max_size=9)
COUNTS = st.integers(0, 2**63 - 1)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
SAMPLES = st.lists(COUNTS, max_size=4).map(tuple)
SETTINGS = st.dictionaries(
    TEXT, st.one_of(TEXT, st.booleans(), st.none(), st.integers(), NUMBERS), max_size=3
)
FIGURES = st.dictionaries(TEXT, NUMBERS, max_size=3)


def several(kind, *fields):
    return st.lists(st.builds(kind, *fields), max_size=3).map(tuple)


RECORD_FIELDS = {
    "variant": TEXT,
    "scenario": TEXT,
    "settings": SETTINGS,
    "context": SETTINGS,
    "baseline": st.booleans(),
    "pass_": st.sampled_from(["timing", "operators", "memory", "calls"]),
    "repetition": st.integers(0, 9),
    "group": TEXT,
    "side": st.sampled_from(["", "base", "head"]),
    "outcome": st.sampled_from(["completed", "skipped", "failed"]),
    "started": TEXT,
    "reason": TEXT,
    "seed": COUNTS,
    "threads": st.integers(0, 99),
    "cores": st.integers(0, 99),
    "ranks": st.integers(1, 9),
    "environment": TEXT,
    "compile_cache": st.sampled_from(["", "empty", "filled"]),
    "first_step_ns": st.none() | COUNTS,
    "warmup_ns": SAMPLES,
    "settled": st.booleans(),
    "step_ns": SAMPLES,
    "cpu_ns": SAMPLES,
    "device_ns": SAMPLES,
    "turns": several(Turn, COUNTS, st.integers(1, 99), COUNTS, COUNTS),
    "items_per_step": st.integers(1, 9999),
    "metrics": FIGURES,
    "series": st.dictionaries(TEXT, st.lists(st.tuples(NUMBERS, NUMBERS), max_size=3).map(tuple), max_size=2),
    "checks": several(CheckResult, TEXT, st.none() | NUMBERS, NUMBERS, st.sampled_from(["<=", ">="]), st.booleans()),
    "operators": several(OperatorRow, TEXT, *[NUMBERS] * 6, TEXT),
    "timeline": several(Span, st.sampled_from(["operators", "kernels"]), TEXT, COUNTS, COUNTS),
    "sites": several(
        AllocationSite, st.sampled_from(["peak", "temporary", "leak", "cuda_peak"]), NUMBERS, NUMBERS, st.lists(TEXT, max_size=3).map(tuple)
    ),
    "calls": several(CallRow, TEXT, TEXT, NUMBERS, NUMBERS),
    "contention": FIGURES,
    "artifacts": st.dictionaries(TEXT, TEXT, max_size=2),
    "files": st.dictionaries(TEXT, TEXT, max_size=2),
    "foreign": st.lists(TEXT, max_size=2).map(tuple),
    "duration_ns": COUNTS,
    "working_ns": COUNTS,
}  # fmt: skip
HEADER_FIELDS = {
    "command": st.lists(TEXT, max_size=3).map(tuple),
    "kind": st.sampled_from(["run", "gate"]),
    "started": TEXT,
    "finished": st.none() | TEXT,
    "task": TEXT,
    "task_name": TEXT,
    "data": st.dictionaries(TEXT, TEXT, max_size=2),
    "software": SETTINGS,
    "plan": SETTINGS,
    "scenarios": st.lists(st.fixed_dictionaries({"name": TEXT, "later": NUMBERS}), max_size=2).map(tuple),
    "machine": SETTINGS,
    "environments": st.dictionaries(TEXT, SETTINGS, max_size=2),
    "options": SETTINGS,
    "ceilings": FIGURES,
    "compiler_imports_ns": FIGURES,
    "commit": st.none() | TEXT,
    "effort": FIGURES,
    "left_out": st.lists(TEXT, max_size=2).map(tuple),
    "fitness": st.lists(st.dictionaries(TEXT, TEXT, max_size=2), max_size=2).map(tuple),
}
RECORDS = st.builds(Record, **RECORD_FIELDS)
HEADERS = st.builds(RunInfo, **HEADER_FIELDS)
LEAST = {
    "schema": SCHEMA, "variant": "a", "scenario": "a", "settings": {}, "context": {}, "baseline": True, "pass": "timing",
    "repetition": 0, "group": "a()/timing/0", "outcome": "completed", "started": "2026-01-01T00:00:00Z",
}  # fmt: skip


def through_text(document):
    return json.loads(json.dumps(document))


@given(RECORDS)
def test_a_record_is_read_back(record):
    assert read_record(through_text(record.to_json())) == record


@given(HEADERS)
def test_a_header_is_read_back(info):
    assert read_info(through_text(info.to_json())) == info


def test_every_field_is_tried():
    assert {f.name for f in dataclasses.fields(Record)} == set(RECORD_FIELDS)
    assert {f.name for f in dataclasses.fields(RunInfo)} == set(HEADER_FIELDS)


def test_the_keys_that_others_build_on():
    turn = Turn(3, 2, 50, 10)
    record = dataclasses.replace(read_record(LEAST), turns=(turn,), series={"loss": ((1.0, 2.0),)})
    document = through_text(record.to_json())
    assert document["schema"] == SCHEMA
    assert document["pass"] == "timing"
    assert document["turns"] == [[3, 2, 50, 10]]
    assert document["series"] == {"loss": [[1.0, 2.0]]}
    assert "pass_" not in document
    assert turn.step_ns == 25
    assert turn.undisturbed_step_ns == 20


def test_a_turn_of_three_numbers_did_not_know_how_long_it_waited():
    record = read_record(LEAST | {"turns": [[3, 2, 50], [4, 2, 60, 7]]})
    assert record.turns == (Turn(3, 2, 50, 0), Turn(4, 2, 60, 7))


@given(COUNTS, st.integers(1, 99), COUNTS)
def test_a_step_never_takes_less_than_no_time(elapsed_ns, steps, waited_ns):
    # What was waited is read around the turn, so that it can be more than the turn itself.
    turn = Turn(0, steps, elapsed_ns, waited_ns)
    assert 0 < turn.undisturbed_step_ns <= max(turn.step_ns, 1 / steps)


def test_the_least_that_a_record_holds():
    record = read_record(LEAST)
    assert (record.step_ns, record.turns, record.metrics, record.settled) == ((), (), {}, True)


@pytest.mark.parametrize("missing", [key for key in LEAST if key != "schema"])
def test_a_record_without_a_compulsory_key_is_refused(missing):
    document = {key: value for key, value in LEAST.items() if key != missing}
    with pytest.raises(ValueError, match=missing.replace("pass", "pass_")):
        read_record(document)


@pytest.mark.parametrize("read", [read_record, read_info])
def test_later_additions_are_ignored(read):
    document = LEAST | {"command": ["x"], "task": "t"}
    assert read(document | {"added_later": {"x": 1}}) == read(document)


@pytest.mark.parametrize("read", [read_record, read_info, demand_schema])
def test_a_newer_schema_is_refused(read):
    with pytest.raises(NotComparableError) as caught:
        read(LEAST | {"schema": SCHEMA + 1})
    assert f"schema {SCHEMA + 1}" in str(caught.value)
    assert "use the version that wrote it" in str(caught.value)


@pytest.mark.parametrize("document", [{}, {"schema": "1"}, {"schema": None}, [], "schema", 1, None, True])
def test_what_is_no_document_of_ours_is_a_value_error(document):
    for read in (read_record, read_info):
        with pytest.raises(ValueError, match="schema"):
            read(document)


def test_the_last_record_of_a_trial_counts_and_the_sides_of_a_gate_are_two():
    first = read_record(LEAST)
    again = dataclasses.replace(first, seed=1)
    base, head = (dataclasses.replace(first, side=side) for side in ("base", "head"))
    other = dataclasses.replace(first, repetition=1)
    assert latest([first, base, other, head, again]) == (again, base, other, head)
