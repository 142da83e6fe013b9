from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchsuite.false_discovery import adjusted, rejected

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@given(P_VALUES)
def test_adjusted_p_values_are_scipys(ps):
    assert adjusted(ps) == pytest.approx(stats.false_discovery_control(ps, method="bh"), rel=1e-12)


@given(P_VALUES, st.floats(0.001, 0.2))
def test_what_is_rejected_is_the_step_up_rule(ps, level):
    ordered = sorted(ps)
    ranks = [rank for rank, p in enumerate(ordered, 1) if p * len(ps) / rank <= level]
    bound = ordered[max(ranks) - 1] if ranks else -1.0
    assert rejected(ps, level) == [p <= bound for p in ps]


@given(P_VALUES, st.randoms(use_true_random=False))
def test_the_order_of_p_values_does_not_matter(ps, random):
    places = list(range(len(ps)))
    random.shuffle(places)
    assert adjusted([ps[place] for place in places]) == [adjusted(ps)[place] for place in places]


def test_the_example_of_the_authors():
    # Benjamini and Hochberg (1995), section 3.3: at 0.05 the first four are rejected, by Bonferroni three.
    ps = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
        0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000,
    ]  # fmt: skip
    assert rejected(ps, 0.05) == [True] * 4 + [False] * 11


def test_a_lone_test_is_not_corrected():
    assert adjusted([0.03]) == [0.03]
    assert adjusted([]) == []


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_what_is_no_p_value_is_refused(p):
    with pytest.raises(ValueError, match="between 0 and 1"):
        adjusted([0.5, p])


def test_the_rate_of_false_discoveries_is_kept():
    # Of ten tests seven are true hypotheses: the rate is level * 7 / 10 for independent tests.
    rng = np.random.default_rng(4)
    trials, level = 4000, 0.1
    shares = []
    for _ in range(trials):
        ps = stats.norm.sf(rng.normal([0] * 7 + [3] * 3)).tolist()
        found = rejected(ps, level)
        shares.append(sum(found[:7]) / max(1, sum(found)))
    spread = np.std(shares) / np.sqrt(trials)
    assert np.mean(shares) == pytest.approx(0.07, abs=4 * spread)
