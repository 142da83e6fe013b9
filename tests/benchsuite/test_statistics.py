from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchsuite.statistics import (
    bonferroni,
    intervals_against_baseline,
    log_interval,
    quantile,
    robust_deviation,
    smallest_detectable,
    t_quantile,
)

TIMES = st.lists(st.floats(1e-3, 1e12), min_size=1, max_size=20)
SEVERAL = st.lists(st.floats(1e-3, 1e12), min_size=2, max_size=20)
NUMBERS = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=30)
LEVELS = st.floats(0.5, 0.999)


@given(SEVERAL, LEVELS)
def test_the_interval_is_students_on_the_logarithms(values, confidence):
    found = log_interval(values, confidence)
    logs = np.log(values)
    scale = stats.sem(logs)
    assert found.value == pytest.approx(stats.gmean(values))
    assert found.count == len(values)
    if scale > 1e-9:
        low, high = stats.t.interval(confidence, len(values) - 1, loc=logs.mean(), scale=scale)
        with np.errstate(over="ignore"):
            assert found.low == pytest.approx(np.exp(low), rel=1e-6)
            assert found.high == pytest.approx(np.exp(high), rel=1e-6) or high > 700


@given(TIMES, LEVELS)
def test_the_interval_holds_its_value(values, confidence):
    found = log_interval(values, confidence)
    assert 0 <= found.low <= found.value * (1 + 1e-12)
    assert found.value <= found.high * (1 + 1e-12)
    assert found.value == pytest.approx(math.exp(statistics.fmean(map(math.log, values))))


@given(SEVERAL, LEVELS, st.floats(1e-3, 1e3))
def test_units_do_not_matter(values, confidence, factor):
    found, scaled = log_interval(values, confidence), log_interval([factor * v for v in values], confidence)
    assert scaled.value == pytest.approx(factor * found.value)
    assert scaled.low == pytest.approx(factor * found.low, rel=1e-6)
    assert scaled.high == pytest.approx(factor * found.high, rel=1e-6)


@given(SEVERAL, LEVELS)
def test_a_ratio_and_its_inverse_say_the_same(values, confidence):
    found, inverse = log_interval(values, confidence), log_interval([1 / v for v in values], confidence)
    assert inverse.value == pytest.approx(1 / found.value)
    assert inverse.low * found.high == pytest.approx(1, rel=1e-6) or math.isinf(found.high)


@given(SEVERAL, st.floats(0.5, 0.9), st.floats(0.01, 0.09))
def test_more_confidence_is_a_wider_interval(values, confidence, more):
    narrow, wide = log_interval(values, confidence), log_interval(values, confidence + more)
    assert wide.low <= narrow.low
    assert wide.high >= narrow.high


def test_one_observation_supports_nothing():
    found = log_interval([5.0], 0.95)
    assert (found.value, found.low, found.high, found.count) == (pytest.approx(5), 0, math.inf, 1)


def test_wild_observations_overflow_to_an_infinite_interval():
    found = log_interval([1e-300, 1e300], 0.99)
    assert (found.low, found.high) == (0, math.inf)


@pytest.mark.parametrize("count", [3, 5, 12])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_the_interval_covers_the_truth_as_often_as_it_says(count, confidence):
    rng = np.random.default_rng(20261123)
    trials, truth = 2000, 1.25
    samples = np.exp(rng.normal(math.log(truth), 0.05, (trials, count)))
    covered = sum(
        found.low <= truth <= found.high for found in (log_interval(s.tolist(), confidence) for s in samples)
    )
    # Outside these bounds once in ten thousand, were the level right.
    low, high = stats.binom.interval(0.9999, trials, confidence)
    assert low <= covered <= high


def layout(rng, variants, count, deviation=0.05):
    """Return the ratios of identical variants to their baseline, all equally noisy, with rounds that drift."""
    logs = rng.normal(0, deviation, (variants + 1, count)) + rng.normal(0, 0.3, count)
    return {f"v{i}": np.exp(row - logs[0]).tolist() for i, row in enumerate(logs[1:])}


def test_one_variant_is_judged_by_its_own_spread_and_as_one_of_two():
    ratios = layout(np.random.default_rng(1), 1, 4)
    assert intervals_against_baseline(ratios, 0.95)["v0"] == log_interval(ratios["v0"], 0.975)
    assert intervals_against_baseline({}, 0.95) == {}


@pytest.mark.parametrize("variants", [2, 5])
@pytest.mark.parametrize("count", [2, 3, 5])
def test_the_noise_of_a_ratio_is_the_variants_own_and_what_they_share(variants, count):
    ratios = layout(np.random.default_rng(variants * count), variants, count)
    logs = np.log(list(ratios.values()))
    shared = logs.mean(axis=0)
    residuals = logs - logs.mean(axis=1, keepdims=True) - shared + logs.mean()
    parts = [
        (
            (residuals**2).sum() / ((variants - 1) * (count - 1)) * (1 - 1 / variants),
            (variants - 1) * (count - 1),
        ),
        (shared.var(ddof=1), count - 1),
    ]
    noise = math.sqrt(sum(part for part, _ in parts))
    freedom = noise**4 / sum(part**2 / degrees for part, degrees in parts)
    reach = stats.t.ppf(1 - 0.05 / variants / 2, freedom) / math.sqrt(count)
    for name, found in intervals_against_baseline(ratios, 0.95).items():
        row = np.log(ratios[name])
        half = reach * max(noise, row.std(ddof=1))
        assert found.value == pytest.approx(np.exp(row.mean()))
        assert found.low == pytest.approx(np.exp(row.mean() - half))
        assert found.high == pytest.approx(np.exp(row.mean() + half))
        assert found.count == count


def test_a_variant_that_lacks_a_round_is_judged_by_its_own_spread():
    ratios = layout(np.random.default_rng(5), 3, 4)
    short = ratios["v1"][:3]
    found = intervals_against_baseline(ratios | {"v1": short}, 0.95)
    assert found["v1"] == log_interval(short, bonferroni(0.95, 3))
    whole = intervals_against_baseline({name: ratios[name] for name in ("v0", "v2")}, 1 - 0.05 * 2 / 3)
    assert found["v0"].low == pytest.approx(whole["v0"].low)


@pytest.mark.parametrize("variants", [2, 5])
@pytest.mark.parametrize("count", [3, 5])
def test_intervals_hold_together_where_all_are_equally_noisy(variants, count):
    rng = np.random.default_rng(20261123)
    trials = 1000
    missed = 0
    for _ in range(trials):
        found = intervals_against_baseline(layout(rng, variants, count), 0.95)
        missed += any(not interval.low <= 1 <= interval.high for interval in found.values())
    assert missed <= stats.binom.ppf(0.999, trials, 0.05)


@pytest.mark.parametrize("variants", [2, 5])
def test_intervals_hold_together_where_the_baseline_is_much_noisier(variants):
    rng = np.random.default_rng(20261124)
    trials, count, missed = 1000, 3, 0
    for _ in range(trials):
        noise = rng.normal(0, 0.01, (variants, count)) - rng.normal(0, 0.07, count)
        found = intervals_against_baseline({f"v{i}": list(np.exp(row)) for i, row in enumerate(noise)}, 0.95)
        missed += any(not interval.low <= 1 <= interval.high for interval in found.values())
    assert missed <= stats.binom.ppf(0.999, trials, 0.05)


@given(LEVELS, st.integers(1, 200))
def test_quantiles_of_student(confidence, freedom):
    assert t_quantile(confidence, freedom) == pytest.approx(
        stats.t.ppf((1 + confidence) / 2, freedom), rel=1e-6
    )


@given(LEVELS, st.integers(1, 50))
def test_bonferroni_shares_the_error(confidence, comparisons):
    assert (1 - bonferroni(confidence, comparisons)) * comparisons == pytest.approx(1 - confidence)


def test_bonferroni_without_comparisons():
    assert bonferroni(0.95, 0) == pytest.approx(0.95)


@given(NUMBERS)
def test_the_robust_deviation_is_the_median_absolute_deviation(values):
    expected = stats.median_abs_deviation(values) * 1.4826 if len(values) > 1 else 0
    assert robust_deviation(values) == pytest.approx(expected)


def test_the_robust_deviation_of_a_normal_distribution():
    sample = np.random.default_rng(1).normal(7, 2, 20_000)
    assert robust_deviation(sample.tolist()) == pytest.approx(2, rel=0.03)


@given(st.lists(st.floats(-1, 1), min_size=5, max_size=30), st.floats(-1e12, 1e12))
def test_one_outlier_moves_the_robust_deviation_little(values, outlier):
    assert robust_deviation([*values, outlier]) <= 1.4826 * 2


@given(NUMBERS, st.floats(0, 1))
def test_quantiles_are_numpys(values, share):
    assert quantile(values, share) == pytest.approx(np.quantile(values, share), rel=1e-9, abs=1e-6)


@given(NUMBERS)
def test_quantiles_at_the_ends(values):
    assert quantile(values, 0) == min(values)
    assert quantile(values, 1) == max(values)
    assert quantile(values, 0.5) == pytest.approx(statistics.median(values), abs=1e-6)


@pytest.mark.parametrize("count", [4, 8, 16])
@pytest.mark.parametrize("deviation", [0.005, 0.015, 0.05])
def test_the_smallest_detectable_change_is_shown_as_often_as_it_says(count, deviation):
    rng = np.random.default_rng(7)
    trials, power = 4000, 0.9
    change = smallest_detectable(deviation, count, confidence=0.95, power=power)
    logs = rng.normal(math.log1p(change), deviation, (trials, count))
    half = stats.t.ppf(0.975, count - 1) * logs.std(axis=1, ddof=1) / math.sqrt(count)
    shown = np.mean(logs.mean(axis=1) - half > 0)
    assert shown == pytest.approx(power, abs=0.03)


@given(st.floats(1e-4, 0.2), st.integers(2, 30))
def test_more_pairs_show_less(deviation, count):
    assert smallest_detectable(deviation, count + 1) < smallest_detectable(deviation, count)
    assert smallest_detectable(deviation, count) < smallest_detectable(2 * deviation, count)


def test_no_deviation_shows_any_change():
    assert smallest_detectable(0, 4) == 0
