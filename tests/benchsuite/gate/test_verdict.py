from __future__ import annotations

import dataclasses
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchsuite.errors import NotComparableError
from benchsuite.gate.verdict import ORDER, Finding, SideInfo, Verdict
from benchsuite.record import SCHEMA

TEXT = st.text(max_size=9)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
FIGURES = st.none() | NUMBERS
RATIOS = st.floats(min_value=1e-6, max_value=1e6)
VERDICTS = [
    "regression", "improvement", "unchanged", "inconclusive", "not comparable", "new", "missing", "failed",
]  # fmt: skip
FINDING_FIELDS = {
    "scenario": TEXT,
    "variant": TEXT,
    "metric": TEXT,
    "verdict": st.sampled_from(VERDICTS),
    "base": FIGURES,
    "head": FIGURES,
    "ratio": FIGURES,
    "interval": st.none() | st.tuples(NUMBERS, NUMBERS | st.just(math.inf)),
    "p": FIGURES,
    "pairs": st.integers(0, 99),
    "smallest_detectable": FIGURES,
    "limit": FIGURES,
    "exact": st.booleans(),
    "advisory": st.booleans(),
    "quarantine": TEXT,
    "screening_ratios": st.lists(RATIOS, max_size=4).map(tuple),
    "confirmation_ratios": st.lists(RATIOS, max_size=4).map(tuple),
    "disturbed_pairs": st.integers(0, 99),
    "seconds": NUMBERS,
    "reason": TEXT,
    "cause": TEXT,
    "reproduce": TEXT,
}
SIDE_FIELDS = {
    "name": TEXT,
    "commit": st.none() | TEXT,
    "dirty": st.booleans(),
    "python": TEXT,
    "environment": st.dictionaries(TEXT, TEXT | st.integers() | st.none(), max_size=2),
}
FINDINGS = st.builds(Finding, **FINDING_FIELDS)
SIDES = st.builds(SideInfo, **SIDE_FIELDS)
VERDICT_FIELDS = {
    "base": SIDES,
    "head": SIDES,
    "findings": st.lists(FINDINGS, max_size=3).map(tuple),
    "started": TEXT,
    "seconds": NUMBERS,
    "machine": st.dictionaries(TEXT, TEXT | st.integers(), max_size=2),
    "warnings": st.lists(TEXT, max_size=2).map(tuple),
    "run": TEXT,
    "exit_code": st.integers(0, 6),
}
LEAST = {
    "schema": SCHEMA, "base": {"name": "main"}, "head": {"name": "working tree"}, "findings": [],
    "started": "2026-01-01T00:00:00Z", "seconds": 1.0,
}  # fmt: skip
LEAST_FINDING = {"scenario": "a", "variant": "a", "metric": "step_time", "verdict": "unchanged"}


def finding(verdict, **changes):
    return Finding(**LEAST_FINDING | {"verdict": verdict} | changes)


def gate(*findings):
    side = SideInfo(name="x")
    return Verdict(base=side, head=side, findings=findings, started="", seconds=0.0)


def through_text(document):
    return json.loads(json.dumps(document, allow_nan=False))


@given(st.builds(Verdict, **VERDICT_FIELDS))
def test_a_verdict_is_read_back(verdict):
    document = through_text(verdict.to_json())
    assert Verdict.from_json(document) == verdict
    assert document["schema"] == SCHEMA
    assert document["verdict"] == verdict.verdict


@given(FINDINGS)
def test_a_finding_is_read_back(found):
    assert Finding.from_json(through_text(found.to_json())) == found


@pytest.mark.parametrize(
    ("kind", "tried"), [(Finding, FINDING_FIELDS), (SideInfo, SIDE_FIELDS), (Verdict, VERDICT_FIELDS)]
)
def test_every_field_is_tried(kind, tried):
    assert {f.name for f in dataclasses.fields(kind)} == set(tried)


@given(st.sampled_from([math.inf, -math.inf, math.nan]))
def test_what_is_no_finite_number_is_null(value):
    found = finding("inconclusive", smallest_detectable=value, ratio=value, p=value, interval=(0.9, value))
    document = through_text(found.to_json())
    assert [document[key] for key in ("smallest_detectable", "ratio", "p")] == [None, None, None]
    assert document["interval"] == [0.9, None]


def test_an_interval_without_ends_is_read_as_the_whole_line():
    document = LEAST_FINDING | {"interval": [None, None]}
    assert Finding.from_json(document).interval == (0.0, math.inf)


def test_the_least_that_a_verdict_holds():
    read = Verdict.from_json(LEAST | {"findings": [LEAST_FINDING]})
    assert read.verdict == "pass"
    assert read.findings == (finding("unchanged"),)
    assert (read.warnings, read.run, read.base.commit) == ((), "", None)


@pytest.mark.parametrize("missing", [key for key in LEAST if key != "schema"])
def test_a_verdict_without_a_compulsory_key_is_refused(missing):
    with pytest.raises((KeyError, TypeError)):
        Verdict.from_json({key: value for key, value in LEAST.items() if key != missing})


def test_later_additions_are_ignored_everywhere():
    more = {"added_later": {"x": 1}}
    document = LEAST | {"findings": [LEAST_FINDING]}
    later = LEAST | more | {"base": LEAST["base"] | more, "findings": [LEAST_FINDING | more]}
    assert Verdict.from_json(later) == Verdict.from_json(document)


def test_a_newer_schema_is_refused():
    with pytest.raises(NotComparableError, match=f"schema {SCHEMA + 1}"):
        Verdict.from_json(LEAST | {"schema": SCHEMA + 1})


@pytest.mark.parametrize("document", [{}, [], None, "x", {"schema": "1"}])
def test_what_is_no_verdict_is_a_value_error(document):
    with pytest.raises(ValueError, match="schema"):
        Verdict.from_json(document)


def test_the_heaviest_finding_decides():
    assert ORDER == ("failed", "regression", "not comparable", "inconclusive")
    findings = [finding(verdict) for verdict in (*ORDER, "unchanged", "improvement", "new", "missing")]
    for place, verdict in enumerate(ORDER):
        assert gate(*findings[place:]).verdict == verdict
        assert gate(*reversed(findings[place:])).verdict == verdict
    assert gate(*findings[len(ORDER) :]).verdict == "pass"


@pytest.mark.parametrize("weightless", [{"advisory": True}, {"quarantine": "flaky (until 2026-12-31)"}])
def test_what_has_no_weight_is_shown_and_decides_nothing(weightless):
    found = gate(
        finding("failed", **weightless), finding("regression", **weightless), finding("inconclusive")
    )
    assert found.verdict == "inconclusive"
    assert len(found.to_json()["findings"]) == 3
    assert gate(finding("regression", **weightless)).verdict == "pass"


def test_a_gate_that_kept_no_pairs_is_read():
    old = finding("unchanged").to_json()
    del old["screening_ratios"], old["confirmation_ratios"]
    assert Finding.from_json(old).confirmation_ratios == ()


def test_ratios_that_are_none_are_left_out():
    document = finding("unchanged").to_json() | {"screening_ratios": [1.5, None, 0, -2, math.nan, math.inf]}
    assert Finding.from_json(document).screening_ratios == (1.5,)
    with pytest.raises(ValueError, match="could not convert"):
        Finding.from_json(document | {"screening_ratios": ["fast"]})
