from __future__ import annotations

import itertools
import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchsuite.signed_rank import (
    hodges_lehmann,
    pairs_needed,
    signed_rank_interval,
    signed_rank_p,
    smallest_detectable,
    smallest_p,
)

LOG_RATIOS = st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=14)
DISTINCT = st.lists(st.integers(-10_000, 10_000), min_size=1, max_size=25, unique_by=abs).map(
    lambda values: [v / 10_000 for v in values if v] or [0.1]
)
DYADIC = st.integers(-512, 512).map(lambda value: value / 1024)
"""Their differences are exact, so that rounding makes and breaks no ties."""
TIED = st.lists(st.integers(-3, 3), min_size=1, max_size=9)
LEVELS = st.floats(1e-3, 0.2)


def enumerated_p(values):
    """Return p by going through all choices of signs, ranks by Pratt."""
    ranks = stats.rankdata(np.abs(values))
    moving = [rank for rank, value in zip(ranks, values, strict=True) if value]
    observed = sum(rank for rank, value in zip(ranks, values, strict=True) if value > 0)
    sums = [sum(itertools.compress(moving, signs)) for signs in itertools.product([0, 1], repeat=len(moving))]
    return sum(total >= observed for total in sums) / len(sums)


@given(DISTINCT)
def test_p_is_scipys_where_nothing_is_tied(values):
    expected = stats.wilcoxon(values, alternative="greater", method="exact").pvalue
    assert signed_rank_p(values) == pytest.approx(expected, rel=1e-9)


@given(TIED)
def test_p_with_ties_and_zeros_is_that_of_all_choices_of_signs(values):
    assert signed_rank_p(values) == pytest.approx(enumerated_p(values), rel=1e-12)


def test_p_of_sixty_pairs_is_scipys():
    values = np.random.default_rng(5).normal(0.003, 0.015, 60).tolist()
    expected = stats.wilcoxon(values, alternative="greater", method="exact").pvalue
    assert signed_rank_p(values) == pytest.approx(expected, rel=1e-9)


def test_p_of_a_worked_example():
    # Ranks of the positive values are 2, 3, 4 and 5: of 32 choices of signs, 2 give 14 or more.
    assert signed_rank_p([-1, 2, 3, 4, 5]) == 2 / 32
    assert signed_rank_p([]) == 1
    assert signed_rank_p([0.0, 0.0]) == 1


@given(st.lists(DYADIC, min_size=1, max_size=14), DYADIC, DYADIC)
def test_p_never_falls_as_the_center_rises(values, center, other):
    low, high = sorted([center, other])
    assert signed_rank_p(values, low) <= signed_rank_p(values, high)


@given(TIED, st.integers(-6, 6))
def test_p_never_falls_where_values_and_centers_coincide(values, doubled):
    centers = [doubled / 2 - 0.25, doubled / 2, doubled / 2 + 0.25]
    found = [signed_rank_p(values, center) for center in centers]
    assert found == sorted(found)


@given(st.integers(1, 40))
def test_the_smallest_p_is_that_of_values_on_one_side(count):
    values = [0.01 * (i + 1) for i in range(count)]
    assert signed_rank_p(values) == smallest_p(count)
    assert signed_rank_p([-value for value in values]) == 1


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_values_that_are_not_finite_are_refused(value):
    with pytest.raises(ValueError, match="finite"):
        signed_rank_p([0.1, value])


@given(LOG_RATIOS)
def test_the_estimate_is_the_median_of_walsh_averages(values):
    array = np.array(values)
    rows, columns = np.triu_indices(len(values))
    assert hodges_lehmann(values) == pytest.approx(np.median((array[rows] + array[columns]) / 2), abs=1e-12)


@given(LOG_RATIOS, st.floats(-1, 1))
def test_the_estimate_moves_with_the_values(values, shift):
    moved = hodges_lehmann([value + shift for value in values])
    assert moved == pytest.approx(hodges_lehmann(values) + shift, abs=1e-9)
    assert hodges_lehmann([-value for value in values]) == pytest.approx(-hodges_lehmann(values), abs=1e-12)


def test_no_values_have_no_estimate():
    with pytest.raises(statistics.StatisticsError):
        hodges_lehmann([])


@given(TIED, LEVELS)
def test_the_interval_holds_the_centers_that_are_not_rejected(values, level):
    low, high = signed_rank_interval(values, level)
    mirrored = [-value for value in values]
    for center in np.arange(-3.125, 3.2, 0.25):
        kept = signed_rank_p(values, center) > level and signed_rank_p(mirrored, -center) > level
        assert kept == (low <= center <= high)


@given(st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=30, unique=True), st.floats(1e-3, 0.1))
def test_the_interval_surrounds_the_estimate(values, level):
    low, high = signed_rank_interval(values, level)
    assert low <= hodges_lehmann(values) + 1e-12
    assert hodges_lehmann(values) <= high + 1e-12


@pytest.mark.parametrize(("count", "rank"), [(7, 1), (8, 2), (10, 6), (12, 10), (20, 44)])
def test_the_interval_at_one_percent_is_the_tabled_walsh_average(count, rank):
    # Ranks are 1 + the tabled critical values of the smaller sum: 0, 1, 5, 9, 43.
    values = np.random.default_rng(count).normal(0, 1, count).tolist()
    rows, columns = np.triu_indices(count)
    array = np.array(values)
    averages = np.sort((array[rows] + array[columns]) / 2)
    low, high = signed_rank_interval(values, 0.01)
    assert (low, high) == (pytest.approx(averages[rank - 1]), pytest.approx(averages[-rank]))


def test_too_few_pairs_say_nothing_at_the_level():
    assert signed_rank_interval([0.05] * 6, 0.01) == (-math.inf, math.inf)
    assert signed_rank_interval([0.05] * 7, 0.01) == (0.05, 0.05)
    assert signed_rank_interval([], 0.01) == (-math.inf, math.inf)


@pytest.mark.parametrize("noise", ["normal", "contaminated", "laplace"])
def test_the_test_and_the_interval_err_no_more_often_than_they_say(noise):
    rng = np.random.default_rng(20261123)
    trials, count, level = 3000, 12, 0.05
    sample = {
        "normal": lambda: rng.normal(0, 0.015, count),
        "laplace": lambda: rng.laplace(0, 0.015, count),
        "contaminated": lambda: (
            rng.normal(0, 0.015, count) + 0.2 * rng.choice([-1, 1], count) * (rng.random(count) < 1 / 60)
        ),
    }[noise]
    samples = [sample().tolist() for _ in range(trials)]
    rejected = sum(signed_rank_p(values) <= level for values in samples)
    below = sum(signed_rank_interval(values, level)[0] > 0 for values in samples)
    assert rejected == below
    # 12 pairs attain 0.0461 at most.
    assert stats.binom.ppf(0.0005, trials, 0.0461) <= rejected <= stats.binom.ppf(0.9995, trials, 0.0461)


@pytest.mark.parametrize(
    ("count", "level"), [(5, 0.05), (7, 0.01), (8, 0.01), (12, 0.01), (12, 0.001), (20, 0.01), (32, 0.01)]
)
@pytest.mark.parametrize("power", [0.8, 0.9])
def test_the_smallest_detectable_change_is_that_of_a_simulation(count, level, power):
    # A shift is significant where it lifts the lower bound to the margin, so the shift that is needed is
    # the quantile of the bounds of samples without one.
    rng = np.random.default_rng(11)
    deviation, margin = 0.015, 0.01
    bounds = [signed_rank_interval(rng.normal(0, deviation, count), level)[0] for _ in range(1500)]
    needed = np.quantile(np.negative(bounds), power)
    found = math.log1p(smallest_detectable(deviation, count, margin, level, power)) - math.log1p(margin)
    assert found == pytest.approx(needed, rel=0.1)


@given(st.floats(1e-4, 0.1), st.integers(9, 59), st.floats(0, 0.05))
def test_quieter_pairs_and_smaller_margins_show_smaller_changes(deviation, count, margin):
    found = smallest_detectable(deviation, count, margin)
    assert margin < found
    assert smallest_detectable(deviation / 2, count, margin) < found
    assert found < smallest_detectable(deviation, count, margin + 0.01)
    assert found < smallest_detectable(deviation, count, margin, power=0.95)


@given(st.integers(0, 6))
def test_pairs_that_cannot_be_significant_show_nothing(count):
    assert smallest_detectable(0.001, count, 0.0, 0.01) == math.inf


def test_pairs_without_noise_show_whatever_is_above_the_margin():
    assert smallest_detectable(0.0, 7, 0.01) == pytest.approx(0.01)
    assert pairs_needed(0.0, 0.02, 0.01) == 7


@settings(max_examples=50)
@given(st.floats(1e-3, 0.05), st.floats(0.011, 0.2), st.floats(0, 0.01))
def test_so_many_pairs_are_needed_and_no_fewer(deviation, change, margin):
    count = pairs_needed(deviation, change, margin)
    if count is None:
        assert smallest_detectable(deviation, 1000, margin) > change
        return
    assert smallest_detectable(deviation, count, margin) <= change
    assert smallest_detectable(deviation, count - 1, margin) > change


def test_a_change_within_the_margin_needs_no_pairs_that_could_be_named():
    assert pairs_needed(0.01, 0.01, 0.01) is None
    assert pairs_needed(0.5, 0.0101, 0.01) is None
