from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchsuite.binomial import binomial_interval

SHARES = st.integers(1, 400).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials)))


@given(SHARES, st.floats(0.5, 0.999))
def test_the_interval_is_scipys(share, confidence):
    hits, trials = share
    expected = stats.binomtest(hits, trials).proportion_ci(confidence, method="exact")
    assert binomial_interval(hits, trials, confidence) == pytest.approx(tuple(expected), rel=1e-6, abs=1e-9)


@given(SHARES)
def test_misses_mirror_hits(share):
    hits, trials = share
    low, high = binomial_interval(hits, trials)
    assert binomial_interval(trials - hits, trials) == pytest.approx((1 - high, 1 - low), abs=1e-9)
    assert low <= hits / trials <= high


def test_known_intervals():
    # None in n: the rule of three, made exact.
    assert binomial_interval(0, 300) == (0.0, pytest.approx(1 - 0.025 ** (1 / 300)))
    assert binomial_interval(60, 60) == (pytest.approx(0.025 ** (1 / 60)), 1.0)


def test_without_trials_all_is_possible():
    assert binomial_interval(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("hits", [-1, 11])
def test_impossible_counts_are_refused(hits):
    with pytest.raises(ValueError, match="of 10 trials"):
        binomial_interval(hits, 10)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.5])
def test_the_interval_covers_at_least_as_often_as_it_says(share):
    trials = 60
    covered = sum(
        stats.binom.pmf(hits, trials, share)
        for hits in range(trials + 1)
        if binomial_interval(hits, trials)[0] <= share <= binomial_interval(hits, trials)[1]
    )
    assert covered >= 0.95
