from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchsuite.gate.exact import changed, compare
from benchsuite.gate.settings import DEFAULT_LIMITS, TIME_METRICS, GateSettings, ScenarioLimits

COUNTS = st.integers(0, 10**9).map(float)


@pytest.fixture
def judged(make_record):
    """Return a function from what each side counted in each repetition to the finding about `operators`, or None."""

    def judge(base, head, metric="operators", kind="operators", repetitions=1, **settings):
        def records(side, values):
            return [
                make_record(side, kind, metrics={} if value is None else {metric: value}) for value in values
            ]

        found = compare(
            "v", "s", records("base", base), records("head", head), GateSettings(**settings),
            repetitions=repetitions,
        )  # fmt: skip
        assert len(found) <= 1
        return found[0] if found else None

    return judge


@pytest.mark.parametrize(
    ("base", "head", "verdict"),
    [
        (7, 7, "unchanged"),
        (7, 8, "regression"),
        (7, 6, "improvement"),
        (0, 1, "regression"),
        (1, 0, "improvement"),
    ],
)
def test_a_count_is_compared_as_it_is(judged, base, head, verdict):
    found = judged([base], [head])
    assert found.verdict == verdict
    assert (found.base, found.head, found.limit, found.exact) == (base, head, 0.0, True)
    assert (found.scenario, found.variant, found.metric) == ("s", "v", "operators")
    assert found.ratio == (head / base if base else None)
    assert found.p is None


@pytest.mark.parametrize(
    ("growth", "verdict"),
    [(16384, "unchanged"), (16385, "regression"), (-16384, "unchanged"), (-16385, "improvement")],
)
def test_a_floor_is_absolute_and_holds_both_ways(judged, growth, verdict):
    found = judged([1e9], [1e9 + growth], metric="peak_heap")
    assert (found.verdict, found.limit) == (verdict, DEFAULT_LIMITS["peak_heap"])


@given(base=COUNTS, head=COUNTS, limit=COUNTS)
def test_both_directions_are_judged_alike(judged_once, base, head, limit):
    mirrored = {"regression": "improvement", "improvement": "regression", "unchanged": "unchanged"}
    assert judged_once(base, head, limit) == mirrored[judged_once(head, base, limit)]
    assert (judged_once(base, head, limit) == "unchanged") == (abs(head - base) <= limit)


@pytest.fixture(scope="module")
def judged_once(make_record):
    """Return a function from two counts and a limit to the verdict."""

    def judge(base, head, limit):
        records = [[make_record(metrics={"operators": value})] for value in (base, head)]
        (found,) = compare(
            "v", "s", *records, GateSettings(metrics=("operators",), limits={"operators": limit})
        )
        return found.verdict

    return judge


def test_a_variant_may_have_a_limit_of_its_own(judged):
    own = (ScenarioLimits("v", {"operators": 5.0}),)
    assert judged([7], [12], scenario_limits=own).verdict == "unchanged"
    assert judged([7], [13], scenario_limits=own).verdict == "regression"


def test_only_metrics_that_were_asked_for_are_judged(judged):
    assert judged([7], [8], metrics=("leak", "step_time")) is None
    assert judged([7.0], [9.0], metric="step_time", kind="timing") is None
    assert set(GateSettings().metrics) & TIME_METRICS


def test_a_metric_of_the_scenarios_own_can_be_gated(judged):
    assert judged([3], [4], metric="tokens", metrics=("tokens",)).verdict == "regression"


def test_means_over_steps_are_not_told_apart_by_their_last_digits(judged):
    assert judged([1 / 3], [1 / 3 + 1e-12]).verdict == "unchanged"
    assert judged([20.05], [20.1]).verdict == "regression"


def test_what_neither_side_measured_is_no_finding(judged):
    assert judged([None], [None]) is None
    assert judged([], []) is None


def test_what_one_side_alone_measured_cannot_be_compared(judged):
    found = judged([7], [None])
    assert (found.verdict, found.reason) == ("not comparable", "head did not measure it")
    assert (found.base, found.head, found.ratio) == (7, None, None)
    assert judged([None], [7]).reason == "base did not measure it"


@pytest.mark.parametrize("metric", ["graph_breaks", "recompiles"])
def test_what_only_compiled_work_has_was_none_where_a_side_has_none_of_it(judged, metric):
    assert judged([None], [2], metric=metric, kind="timing").verdict == "regression"
    assert judged([2, 2], [None, None], metric=metric, kind="timing").verdict == "improvement"
    assert judged([None], [0], metric=metric, kind="timing").verdict == "unchanged"


def test_a_pass_that_failed_has_not_shown_that_there_is_none(make_record):
    base = [make_record("base", "operators", outcome="failed"), make_record("base", "memory")]
    head = [make_record("head", "operators", metrics={"kernels": 9.0})]
    (found,) = compare("v", "s", base, head, GateSettings())
    assert (found.verdict, found.reason) == ("not comparable", "base did not measure it")


def test_what_a_failed_trial_counted_does_not_count(make_record):
    failed = make_record("head", "operators", outcome="failed", metrics={"operators": 99.0})
    held = make_record("head", "operators", metrics={"operators": 7.0})
    base = make_record("base", "operators", metrics={"operators": 7.0})
    (found,) = compare("v", "s", [base, base], [failed, held], GateSettings())
    assert found.verdict == "unchanged"


def test_a_change_is_claimed_where_every_repetition_shows_it(judged):
    found = judged([7, 7], [8, 8], repetitions=2)
    assert (found.verdict, found.base, found.head) == ("regression", 7, 8)


@pytest.mark.parametrize(
    ("base", "head"), [([7, 7], [8, 7]), ([7, 7], [7, 8]), ([8, 7], [7, 8]), ([7, 8], [8, 9])]
)
def test_a_change_that_does_not_repeat_is_inconclusive(judged, base, head):
    found = judged(base, head)
    assert found.verdict == "inconclusive"
    said = [", ".join(f"{value}" for value in values) for values in (base, head)]
    assert found.reason == f"it does not repeat exactly: base had {said[0]}, head {said[1]}"


def test_what_varies_alike_on_both_sides_is_no_change(judged):
    assert judged([7, 8], [7, 8]).verdict == "unchanged"


def test_bytes_that_do_not_repeat_are_told_to_the_last_one(judged):
    found = judged([12_345_678, 12_345_678], [12_400_001, 12_345_679], metric="peak_heap")
    assert found.reason.endswith("base had 12345678, 12345678, head 12400001, 12345679")


@pytest.mark.parametrize(("base", "head"), [([7], [8]), ([7, 7], [8]), ([7, 7], [8, None])])
def test_a_change_that_was_seen_once_alone_is_inconclusive_where_it_must_be_repeated(judged, base, head):
    assert judged(base, head).verdict == "regression"
    found = judged(base, head, repetitions=2)
    assert (found.verdict, found.base, found.head) == ("inconclusive", 7, 8)
    assert found.reason == "the change was seen in 1 of 2 repetitions: the others failed, or the budget ended"
    assert judged(base, [7] * len(head), repetitions=2).verdict == "unchanged"


@pytest.mark.parametrize(
    ("head", "expected"), [([8], True), ([6], True), ([7], False), ([8, 7], False), ([None], False)]
)
def test_what_needs_a_second_look(judged, head, expected):
    assert changed([judged([7] * len(head), head)]) is expected
    assert not changed([])
