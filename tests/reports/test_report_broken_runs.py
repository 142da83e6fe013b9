"""Damaged run directories: whatever stands in their files, there is a page or one clear line."""

from __future__ import annotations

import copy
import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_run import make_info, make_records
from sample_verdict import make_verdict

from benchsuite.errors import BenchsuiteError
from benchsuite.store import INFO_FILE, RECORDS_FILE, VERDICT_FILE
from reports.pages import render_page

if TYPE_CHECKING:
    from pathlib import Path

WRONG = (
    None, True, 0, -1, 10**30, 1e308, float("nan"), float("inf"), "", "x", "\ud800", "<script>alert(1)</script>", [], [1], [[]],
    {}, {"a": 1}, [None, "x"],
)  # fmt: skip
DAMAGES = st.lists(
    st.tuples(st.integers(0, 2**32), st.sampled_from(WRONG), st.booleans()), min_size=1, max_size=6
)


@pytest.fixture(scope="module")
def whole() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The documents of a run of a few records of each kind."""
    chosen = {(r.scenario, r.variant, r.pass_, r.repetition): r for r in make_records(rounds=2)}.values()
    documents = json.loads(json.dumps([{**r.to_json(), "step_ns": list(r.step_ns)[:9]} for r in chosen]))
    return json.loads(json.dumps(make_info().to_json())), documents


def damaged(document: Any, seed: int, value: Any, *, drop: bool) -> None:
    """Replace or drop one value at a random depth of a document, in place."""
    rng = random.Random(seed)
    while True:
        keys = list(document) if isinstance(document, dict) else range(len(document))
        key = rng.choice(list(keys))
        inner = document[key]
        if not isinstance(inner, dict | list) or not inner or rng.random() < 0.25:
            break
        document = inner
    if drop:
        del document[key]
    else:
        document[key] = copy.deepcopy(value)


def write(folder: Path, info: Any, records: list[Any]) -> Path:
    folder.joinpath(INFO_FILE).write_text(json.dumps(info), encoding="utf-8")
    lines = "".join(json.dumps(record) + "\n" for record in records)
    folder.joinpath(RECORDS_FILE).write_text(lines, encoding="utf-8")
    return folder


def page_or_line(run: Path) -> str:
    """Return the page of a run; empty: it was refused, in one line."""
    try:
        page = render_page(run)
    except BenchsuiteError as error:
        line = str(error)
        page = ""
    else:
        line = str(run)
    assert "\n" not in line
    assert str(run) in line
    assert "<script>alert" not in page
    return page


@pytest.mark.slow
@given(DAMAGES)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_records_leave_a_page(whole, tmp_path, damages):
    info, records = whole
    records = copy.deepcopy(records)
    for seed, value, drop in damages:
        damaged(records, seed, value, drop=drop)
    assert page_or_line(write(tmp_path, info, records)).startswith("<!doctype html>")


@pytest.mark.slow
@given(DAMAGES)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_header_leaves_a_page_or_one_line(whole, tmp_path, damages):
    info, records = whole
    info = copy.deepcopy(info)
    for seed, value, drop in damages:
        damaged(info, seed, value, drop=drop)
    page_or_line(write(tmp_path, info, records))


@pytest.mark.slow
@given(DAMAGES)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_verdict_leaves_a_page_or_one_line(tmp_path, damages):
    document = json.loads(json.dumps(make_verdict().to_json()))
    for seed, value, drop in damages:
        damaged(document, seed, value, drop=drop)
    tmp_path.joinpath(VERDICT_FILE).write_text(json.dumps(document), encoding="utf-8")
    page_or_line(tmp_path)
