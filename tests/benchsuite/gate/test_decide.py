from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchsuite.gate.decide import Demand, Plan, Suspect, judge, percent, screen
from benchsuite.signed_rank import hodges_lehmann, pairs_needed, smallest_detectable
from benchsuite.statistics import robust_deviation

DEMAND = Demand(limit=0.01, detect=0.05)
ONE_LOOK = Plan(level=0.01, looks=(12,))
TWO_LOOKS = Plan(level=0.01, looks=(12, 20))
LOG_RATIOS = st.lists(st.floats(-0.2, 0.2), min_size=1, max_size=24)


def spread(center, deviation, count=12):
    """Return quantiles of a normal distribution: pairs as they are on average."""
    from scipy.stats import norm

    return (center + deviation * norm.ppf((np.arange(count) + 0.5) / count)).tolist()


def suspect(log_ratios, variant="v", demand=DEMAND):
    return Suspect(variant=variant, log_ratios=tuple(log_ratios), demand=demand)


def judged(log_ratios, plan=ONE_LOOK, demand=DEMAND):
    (found,) = judge([suspect(log_ratios, demand=demand)], plan)
    return found


@pytest.mark.parametrize(
    ("log_ratios", "screening"),
    [
        ([0.001, -0.002, 0.004, 0.0], "cleared"),
        ([0.001, -0.002, 0.004, 0.2], "cleared"),
        ([0.001, -0.002, -0.2, 0.2], "suspect"),
        ([0.03, 0.031, 0.028, 0.033], "suspect"),
        ([-0.03, -0.031, -0.028, -0.033], "suspect"),
        ([0.08, -0.07, 0.06, -0.075], "suspect"),
        ([0.001, 0.2, -0.002], "suspect"),
        ([0.0], "cleared"),
        ([], "suspect"),
    ],
)
def test_screening(log_ratios, screening):
    assert screen(log_ratios, DEMAND) == screening


@given(LOG_RATIOS)
def test_screening_knows_no_direction(log_ratios):
    assert screen(log_ratios, DEMAND) == screen([-value for value in log_ratios], DEMAND)


@given(LOG_RATIOS)
def test_what_is_cleared_has_an_estimate_within_the_limit(log_ratios):
    if screen(log_ratios, DEMAND) == "cleared":
        assert abs(hodges_lehmann(log_ratios)) <= math.log1p(0.01)


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (0.05, "regression"),
        (0.03, "regression"),
        (0.0, "unchanged"),
        (-0.05, "improvement"),
        (0.009, "unchanged"),
    ],
)
def test_verdicts(change, verdict):
    found = judged(spread(math.log1p(change), 0.01))
    assert found.verdict == verdict
    assert found.ratio == pytest.approx(1 + change)
    assert found.interval[0] < found.ratio < found.interval[1]
    assert not found.reason


@given(LOG_RATIOS, st.sampled_from([ONE_LOOK, TWO_LOOKS]))
def test_the_two_directions_mirror_each_other(log_ratios, plan):
    found, mirrored = judged(log_ratios, plan), judged([-value for value in log_ratios], plan)
    other = {"regression": "improvement", "improvement": "regression"}
    assert mirrored.verdict == other.get(found.verdict, found.verdict)
    assert mirrored.open == found.open
    assert math.log(mirrored.ratio) == pytest.approx(-math.log(found.ratio), abs=1e-12)


@given(LOG_RATIOS, st.sampled_from([ONE_LOOK, TWO_LOOKS]))
def test_a_verdict_and_what_is_said_with_it_agree(log_ratios, plan):
    found = judged(log_ratios, plan)
    assert bool(found.reason) == (found.verdict == "inconclusive")
    assert found.open or found.verdict != "inconclusive"
    if found.verdict == "regression":
        assert found.p <= plan.level
        assert found.ratio > 1.01
        assert not found.open
    if found.verdict == "unchanged":
        assert found.smallest_detectable <= 0.05
        assert found.interval[1] < 1.05


@given(LOG_RATIOS)
def test_the_interval_and_the_test_say_the_same_at_one_look(log_ratios):
    found = judged(log_ratios)
    clear = abs(found.interval[0] / 1.01 - 1) > 1e-9
    assert not clear or (found.verdict == "regression") == (found.interval[0] > 1.01)


def test_noise_that_hides_what_is_asked_for_is_inconclusive_and_says_what_would_do():
    found = judged(spread(0.0, 0.045))
    assert found.verdict == "inconclusive"
    assert found.open
    visible = smallest_detectable(robust_deviation(spread(0.0, 0.045)), 12, 0.01)
    assert found.smallest_detectable == visible > 0.05
    needed = pairs_needed(robust_deviation(spread(0.0, 0.045)), 0.05, 0.01)
    assert needed > 12
    assert found.reason == (
        f"these 12 pairs could have shown {percent(visible)} and more, 5 % is asked for: "
        f"about {needed} pairs would be needed, or a quieter machine"
    )


def test_too_few_pairs_are_inconclusive_however_large_the_change():
    found = judged([0.5] * 6)
    assert found.verdict == "inconclusive"
    assert found.reason.startswith("6 pairs cannot decide at this level, whatever they show: at least 7")
    assert found.smallest_detectable == math.inf
    assert judged([0.5] * 7).verdict == "regression"
    assert judged([0.5] * 7, TWO_LOOKS).verdict == "inconclusive"
    assert judged([0.5] * 8, TWO_LOOKS).verdict == "regression"


def test_a_suspect_without_pairs_is_inconclusive():
    found = judged([])
    assert (found.verdict, found.pairs, found.ratio, found.p) == ("inconclusive", 0, None, 1.0)
    assert found.reason == "no pair was measured"


def test_between_the_limit_and_what_is_asked_for_nothing_is_claimed():
    found = judged(spread(0.027, 0.027))
    assert found.smallest_detectable < 0.05 < found.interval[1] - 1
    assert found.verdict == "inconclusive"
    assert "neither 1 % nor 5 % is ruled out" in found.reason


def test_an_estimate_beyond_the_limit_without_proof_is_open():
    found = judged(spread(0.015, 0.012))
    assert (found.verdict, found.open) == ("inconclusive", True)
    assert "the estimate is +1.5 %, beyond 1 %, and not shown" in found.reason
    assert not judged(spread(0.005, 0.012)).open


def test_several_suspects_share_the_level():
    weak = [*spread(0.035, 0.014, 11), -0.009]
    alone = judged(weak)
    assert alone.verdict == "regression"
    others = [suspect(spread(0.0, 0.01), f"v{i}") for i in range(9)]
    found = judge([suspect(weak), *others], ONE_LOOK)
    assert [j.verdict for j in found] == ["inconclusive"] + ["unchanged"] * 9
    assert "among all suspects of this gate" in found[0].reason
    assert found[0].p == alone.p <= ONE_LOOK.level
    assert [j.variant for j in found] == ["v", *(f"v{i}" for i in range(9))]


def test_many_regressions_lift_each_other():
    weak = [*spread(0.035, 0.014, 11), -0.009]
    assert {j.verdict for j in judge([suspect(weak)] * 9, ONE_LOOK)} == {"regression"}


def test_each_suspect_is_held_to_its_own_limit():
    pairs = spread(0.05, 0.01)
    wide = Demand(limit=0.1, detect=0.05)
    found = judge([suspect(pairs), suspect(pairs, demand=wide)], ONE_LOOK)
    assert [j.verdict for j in found] == ["regression", "unchanged"]


def test_a_limit_leaves_room_for_what_must_be_detected():
    assert Demand(limit=0.04, detect=0.05).asked == pytest.approx(0.08)
    assert DEMAND.asked == 0.05


def test_one_outlier_hides_a_change_from_twelve_pairs_and_not_from_the_second_look():
    pairs = [*spread(0.05, 0.01, 11), -0.2]
    first = judged(pairs, TWO_LOOKS)
    assert first.verdict != "regression"
    assert first.open
    assert judged([*pairs, *spread(0.05, 0.01, 8)], TWO_LOOKS).verdict == "regression"


def test_a_first_look_that_has_decided_is_not_undone_by_later_pairs():
    first = spread(0.05, 0.01)
    assert judged([*first, *([-0.05] * 8)], TWO_LOOKS).verdict == "regression"


@settings(max_examples=50)
@given(st.lists(st.floats(-0.1, 0.1), min_size=13, max_size=24))
def test_looks_pay_for_one_another(log_ratios):
    both = judged(log_ratios, replace(ONE_LOOK, looks=(12, len(log_ratios))))
    alone = judged(log_ratios, replace(ONE_LOOK, looks=(len(log_ratios),)))
    assert both.p <= min(1, 2 * alone.p)
    assert both.interval[0] <= alone.interval[0]


def test_pairs_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="finite"):
        judged([math.nan] * 12)


def test_percent():
    assert percent(0.0621) == "6.2 %"
    assert percent(0.05) == "5 %"
    assert percent(-0.0001) == "0 %"
    assert percent(0.012, sign="+") == "+1.2 %"
