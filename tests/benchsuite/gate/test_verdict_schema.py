from __future__ import annotations

import dataclasses
import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchsuite.errors import NotComparableError
from benchsuite.gate.verdict import Finding, SideInfo, Verdict
from benchsuite.gate.verdict_schema import read_verdict
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


def through_text(document):
    return json.loads(json.dumps(document, allow_nan=False))


def read_finding(document):
    return read_verdict(LEAST | {"findings": [document]}).findings[0]


@given(st.builds(Verdict, **VERDICT_FIELDS))
def test_a_verdict_is_read_back(verdict):
    document = through_text(verdict.to_json())
    assert read_verdict(document) == verdict
    assert document["schema"] == SCHEMA
    assert document["verdict"] == verdict.verdict


@given(FINDINGS)
def test_a_finding_is_read_back(found):
    assert read_finding(through_text(found.to_json())) == found


@pytest.mark.parametrize(
    ("kind", "tried"), [(Finding, FINDING_FIELDS), (SideInfo, SIDE_FIELDS), (Verdict, VERDICT_FIELDS)]
)
def test_every_field_is_tried(kind, tried):
    assert {f.name for f in dataclasses.fields(kind)} == set(tried)


def test_an_interval_without_ends_is_read_as_the_whole_line():
    document = LEAST_FINDING | {"interval": [None, None]}
    assert read_finding(document).interval == (0.0, math.inf)


def test_the_least_that_a_verdict_holds():
    read = read_verdict(LEAST | {"findings": [LEAST_FINDING]})
    assert read.verdict == "pass"
    assert read.findings == (Finding(**LEAST_FINDING),)
    assert (read.warnings, read.run, read.base.commit) == ((), "", None)


@pytest.mark.parametrize("missing", [key for key in LEAST if key != "schema"])
def test_a_verdict_without_a_compulsory_key_is_refused(missing):
    with pytest.raises(ValueError, match=f"^{missing}: field required$"):
        read_verdict({key: value for key, value in LEAST.items() if key != missing})


def test_later_additions_are_ignored_everywhere():
    more = {"added_later": {"x": 1}}
    document = LEAST | {"findings": [LEAST_FINDING]}
    later = LEAST | more | {"base": LEAST["base"] | more, "findings": [LEAST_FINDING | more]}
    assert read_verdict(later) == read_verdict(document)


def test_a_newer_schema_is_refused():
    with pytest.raises(NotComparableError, match=f"schema {SCHEMA + 1}"):
        read_verdict(LEAST | {"schema": SCHEMA + 1})


@pytest.mark.parametrize("document", [{}, [], None, "x", {"schema": "1"}])
def test_what_is_no_verdict_is_a_value_error(document):
    with pytest.raises(ValueError, match="schema"):
        read_verdict(document)


def test_a_gate_that_kept_no_pairs_is_read():
    old = Finding(**LEAST_FINDING).to_json()
    del old["screening_ratios"], old["confirmation_ratios"]
    assert read_finding(old).confirmation_ratios == ()


def test_ratios_that_are_none_are_left_out():
    document = Finding(**LEAST_FINDING).to_json() | {
        "screening_ratios": [1.5, None, 0, -2, math.nan, math.inf]
    }
    assert read_finding(document).screening_ratios == (1.5,)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("verdict", "worse", "verdict: input should be 'regression', 'improvement', "),
        ("ratio", "fast", "ratio: input should be a valid number"),
        ("interval", [1.0], "interval.1: field required"),
        ("interval", "wide", "interval: "),
        ("screening_ratios", ["fast"], "screening_ratios.0: input should be a valid number"),
        ("confirmation_ratios", 3, "confirmation_ratios: "),
        ("pairs", None, "pairs: input should be a valid integer"),
        ("reason", ["noise"], "reason: input should be a valid string"),
    ],
)
def test_a_value_of_another_type_is_refused_with_its_place(key, value, said):
    with pytest.raises(ValueError, match=rf"^findings\.0\.{re.escape(said)}"):
        read_finding(LEAST_FINDING | {key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [("findings", {}), ("findings", [3]), ("base", "main"), ("machine", ["big"]), ("seconds", "long"), ("warnings", 1)],
)  # fmt: skip
def test_a_part_that_is_none_is_refused_with_its_place(key, value):
    with pytest.raises(ValueError, match=f"^{key}"):
        read_verdict(LEAST | {key: value})
