from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchsuite.gate import rival_rules
from benchsuite.gate.rival_rules import (
    RULES,
    asv_continuous,
    call_all,
    criterion,
    pyperf_compare_to,
    pytest_benchmark,
)

STEP_NS = 9e6
OPPOSITE = {"slower": "faster", "faster": "slower", "same": "same"}


def side(rng, factor=1.0, *, processes=16, steps=60, within=0.02, between=0.0):
    """Return step times: noise of the steps, and of the processes."""
    levels = STEP_NS * factor * np.exp(rng.normal(0, between, processes))
    return [(level * np.exp(rng.normal(0, within, steps))).tolist() for level in levels]


@pytest.mark.parametrize("seed", range(3))
def test_all_rules_see_a_large_slowdown(seed):
    rng = np.random.default_rng(seed)
    assert set(call_all(side(rng), side(rng, 1.3)).values()) == {"slower"}


def test_all_but_pytest_benchmark_see_a_large_speedup():
    rng = np.random.default_rng(2)
    found = call_all(side(rng, 1.3), side(rng))
    assert found.pop("pytest-benchmark mean:5%") == "same"
    assert set(found.values()) == {"faster"}


def test_a_side_beside_itself_is_the_same():
    same = side(np.random.default_rng(3))
    assert set(call_all(same, same).values()) == {"same"}


def test_the_levels_of_processes_mislead_the_rules_that_take_steps_for_independent():
    rng = np.random.default_rng(4)
    calls = [call_all(side(rng, between=0.05), side(rng, between=0.05)) for _ in range(60)]
    false = {name: np.mean([call[name] != "same" for call in calls]) for name in RULES}
    assert false["criterion"] > 0.5
    assert false["pyperf compare_to"] > 0.1
    assert false["pytest-benchmark mean:5%"] > 0.1


@given(st.floats(0.5, 2.0))
def test_pytest_benchmark_compares_the_means_of_one_process(factor):
    base = [[1e6, 2e6, 3e6], [1e6]]
    head = [[value * factor for value in base[0]], [9e9]]
    if abs(factor - 1.05) > 1e-9:
        assert pytest_benchmark(base, head) == ("slower" if factor > 1.05 else "same")


@pytest.mark.parametrize(("factor", "call"), [(1.08, "same"), (1.15, "slower"), (1 / 1.15, "faster")])
def test_asv_ignores_what_is_below_its_factor(factor, call):
    rng = np.random.default_rng(5)
    assert asv_continuous(side(rng, within=0.01), side(rng, factor, within=0.01)) == call


def test_asv_needs_the_test_beside_the_factor():
    # The head's median is 1.3 times the base's, but the samples overlap.
    base, head = [[1.0, 1.0, 1.0, 9.0, 9.0]] * 2, [[1.3, 1.3, 1.3, 1.3, 0.5]] * 2
    assert asv_continuous(base, head) == "same"
    assert asv_continuous([[1.0, 1.01, 1.02, 1.03, 1.04]] * 2, [[1.3] * 5] * 2) == "slower"


def test_asv_cannot_see_five_against_four_samples():
    assert 1 / 126 > 0.002
    assert asv_continuous([[1.0, 1.1, 1.2, 1.3, 1.4]], [[5.0, 5.1, 5.2, 5.3]]) == "same"


@pytest.mark.parametrize(("count", "rank"), [(8, 1), (10, 1), (12, 2), (15, 3), (20, 4)])
def test_the_interval_of_the_median_is_the_tabled_one(count, rank):
    # Distribution-free 99 % intervals of the median, ranks as in Conover's tables.
    values = [float(i) for i in range(1, count + 1)]
    assert rival_rules._median_interval(values) == (rank, count + 1 - rank)


@given(st.lists(st.floats(1.0, 2.0), min_size=60, max_size=60, unique=True))
def test_pyperf_is_students_t_test_where_its_table_is_exact(values):
    base = [values[i : i + 3] for i in range(0, 30, 3)]
    head = [values[i : i + 3] for i in range(30, 60, 3)]
    result = stats.ttest_ind(values[30:], values[:30])
    critical = 2.009  # Of 58 degrees of freedom the table has that of 50.
    if abs(abs(result.statistic) - critical) > 1e-6:
        expected = (
            "same" if abs(result.statistic) < critical else "slower" if result.statistic > 0 else "faster"
        )
        assert pyperf_compare_to(base, head) == expected


def test_pyperf_takes_sides_that_it_cannot_test_for_different():
    assert pyperf_compare_to([[1.0, 2.0, 3.0]], [[1.1, 2.0, 3.0], [1.0, 2.0, 3.0]]) != "same"


def test_criterion_wants_more_than_its_noise_threshold():
    rng = np.random.default_rng(6)
    base, head = side(rng, within=0.003), side(rng, 1.006, within=0.003)
    assert stats.ttest_ind(base[0], head[0], equal_var=False).pvalue < 1e-6
    assert criterion(base, head) == "same"
    assert criterion(base, side(rng, 1.02, within=0.003)) == "slower"


def test_criterion_errs_as_a_t_test_does_where_steps_are_independent():
    rng = np.random.default_rng(7)
    trials = 150
    calls = [
        criterion(side(rng, processes=1, within=0.2), side(rng, processes=1, within=0.2))
        for _ in range(trials)
    ]
    assert sum(call != "same" for call in calls) <= stats.binom.ppf(0.999, trials, 0.05)


@given(st.integers(0, 50), st.floats(0.8, 1.25))
def test_swapped_sides_swap_the_call(seed, factor):
    rng = np.random.default_rng(seed)
    base, head = side(rng, processes=3, steps=12), side(rng, factor, processes=3, steps=12)
    for rule in (asv_continuous, pyperf_compare_to):
        assert rule(head, base) == OPPOSITE[rule(base, head)]
