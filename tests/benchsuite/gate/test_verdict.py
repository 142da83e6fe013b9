from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchsuite.gate.verdict import ORDER, Finding, SideInfo, Verdict

LEAST_FINDING = {"scenario": "a", "variant": "a", "metric": "step_time", "verdict": "unchanged"}


def finding(verdict, **changes):
    return Finding(**LEAST_FINDING | {"verdict": verdict} | changes)


def gate(*findings):
    side = SideInfo(name="x")
    return Verdict(base=side, head=side, findings=findings, started="", seconds=0.0)


def through_text(document):
    return json.loads(json.dumps(document, allow_nan=False))


@given(st.sampled_from([math.inf, -math.inf, math.nan]))
def test_what_is_no_finite_number_is_null(value):
    found = finding("inconclusive", smallest_detectable=value, ratio=value, p=value, interval=(0.9, value))
    document = through_text(found.to_json())
    assert [document[key] for key in ("smallest_detectable", "ratio", "p")] == [None, None, None]
    assert document["interval"] == [0.9, None]


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
