from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchsuite.binomial import binomial_interval
from benchsuite.history.change_points import (
    LEAST_SIZE,
    LEVEL,
    exact_changes,
    find_changes,
    split_statistics,
)

times = st.lists(st.floats(1e-3, 1e12), max_size=40)


def noisy(random, *levels, noise=0.01):
    """Return values around levels, each given with how many there are."""
    return [level * math.exp(random.gauss(0, noise)) for level, count in levels for _ in range(count)]


def places(changes):
    return [change.after for change in changes]


def by_definition(values, place):
    """The energy statistic as Matteson and James write it."""
    first, rest = values[:place], values[place:]
    m, n = len(first), len(rest)

    def within(part):
        pairs = [abs(x - y) for i, x in enumerate(part) for y in part[:i]]
        return sum(pairs) / math.comb(len(part), 2)

    across = sum(abs(x - y) for x in first for y in rest)
    return m * n / (m + n) * (2 * across / (m * n) - within(first) - within(rest))


@given(st.lists(st.floats(-1e3, 1e3), min_size=2 * LEAST_SIZE, max_size=14))
def test_the_statistic_is_the_one_of_the_paper(values):
    found = split_statistics(np.array([values]))[0]
    assert len(found) == len(values) - 2 * LEAST_SIZE + 1
    for index, statistic in enumerate(found):
        assert statistic == pytest.approx(by_definition(values, index + LEAST_SIZE), rel=1e-6, abs=1e-6)


@given(times)
def test_changes_are_in_order_and_far_enough_apart(values):
    changes = find_changes(values)
    bounds = [0, *places(changes), len(values)]
    if changes:
        assert min(np.diff(bounds)) >= LEAST_SIZE
    assert [change.before + 1 for change in changes] == places(changes)
    assert [change.seen for change in changes] == list(np.diff(bounds)[1:])
    for change in changes:
        assert change.factor.low <= change.factor.value <= change.factor.high
        assert change.factor.value == pytest.approx(change.new / change.old)
        assert 0 < change.p <= LEVEL


@given(times)
def test_the_same_values_give_the_same_changes(values):
    assert find_changes(values) == find_changes(values)


@settings(max_examples=20)
@given(st.sampled_from([0.25, 2.0, 1024.0]), st.integers(0, 99))
def test_the_unit_makes_no_difference(unit, seed):
    import random

    values = noisy(random.Random(seed), (1, 9), (1.1, 8))
    assert places(find_changes([value * unit for value in values])) == places(find_changes(values))


@given(st.floats(-1e9, 1e9), st.integers(0, 30))
def test_values_that_never_change_have_no_change(value, count):
    assert find_changes([value] * count) == []
    assert exact_changes([value] * count) == []


def test_levels_that_are_not_positive_are_told_without_a_factor():
    (change,) = find_changes([-1.0, -1.1, -0.9] * 4 + [3.0, 3.1, 2.9] * 4)
    assert change.factor is None
    assert (change.old, change.new) == (pytest.approx(-1), pytest.approx(3))


def test_a_change_that_is_too_small_is_not_told():
    import random

    values = noisy(random.Random(1), (1, 20), (1.005, 20), noise=1e-4)
    assert places(find_changes(values)) == [20]
    assert find_changes(values, least_share=0.01) == []


def test_a_small_change_beside_a_large_one_is_joined_to_its_neighbour():
    import random

    values = noisy(random.Random(1), (1, 12), (1.005, 12), (1.2, 12), noise=1e-4)
    assert places(find_changes(values)) == [12, 24]
    assert places(find_changes(values, least_share=0.01)) == [24]


def test_two_changes_are_both_found():
    import random

    values = noisy(random.Random(5), (10, 30), (10.6, 30), (9.4, 30))
    assert places(find_changes(values, least_share=0.01)) == [30, 60]


@pytest.mark.parametrize("count", [0, 1, 2, 5, 9])
def test_too_few_values_show_nothing(count):
    assert find_changes([1.0] * (count // 2) + [2.0] * (count - count // 2)) == []


block = st.tuples(st.integers(0, 5), st.integers(2, 5))


@given(st.lists(block, min_size=1, max_size=6))
def test_every_lasting_step_of_exact_values_is_found(blocks):
    values = [float(level) for level, count in blocks for _ in range(count)]
    expected = [place for place in range(1, len(values)) if values[place] != values[place - 1]]
    changes = exact_changes(values)
    assert places(changes) == expected
    assert [(change.old, change.new) for change in changes] == [
        (values[place - 1], values[place]) for place in expected
    ]


@given(st.integers(2, 6), st.integers(2, 6), st.floats(1.5, 9.0))
def test_an_exact_value_that_one_run_alone_has_is_no_level(before, after, value):
    assert exact_changes([1.0] * before + [value] + [1.0] * after) == []


def test_a_step_with_another_value_in_between_is_told_once_from_level_to_level():
    (change,) = exact_changes([10.0, 10.0, 11.0, 12.0, 12.0])
    assert (change.before, change.after, change.old, change.new, change.seen) == (1, 3, 10.0, 12.0, 2)


def test_the_newest_run_alone_is_a_change_of_exact_values():
    (change,) = exact_changes([187.0, 187.0, 187.0, 190.0])
    assert (change.after, change.seen) == (3, 1)
    assert change.factor.value == change.factor.low == change.factor.high == pytest.approx(190 / 187)


def test_exact_values_that_differ_by_no_more_than_the_floor_are_equal():
    assert exact_changes([100.0, 100.0, 116.0, 116.0], floor=16.0) == []
    assert places(exact_changes([100.0, 100.0, 117.0, 117.0], floor=16.0)) == [2]


def test_a_creeping_exact_value_is_told_once_it_has_gone_too_far():
    values = [float(100 + 6 * number) for number in range(8)]
    assert exact_changes(values, floor=16.0)


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["normal", "heavy tails"])
def test_false_alarms_are_as_rare_as_the_level_says(shape):
    random = np.random.default_rng(20260301)
    number = 2000
    draw = random.standard_normal if shape == "normal" else (lambda size: random.standard_t(2, size))
    alarms = sum(bool(find_changes(list(np.exp(0.01 * draw(30))))) for _ in range(number))
    low, high = binomial_interval(alarms, number, 0.999)
    assert low <= LEVEL <= high


@pytest.mark.slow
def test_a_shift_of_five_percent_in_noise_of_one_percent_is_found_where_it_is():
    import random

    found = [
        find_changes(noisy(random.Random(seed), (1, 20), (1.05, 5)), least_share=0.01) for seed in range(200)
    ]
    assert sum(len(changes) == 1 and abs(changes[0].after - 20) <= 1 for changes in found) >= 190
    covered = sum(
        bool(changes) and changes[0].factor.low <= 1.05 <= changes[0].factor.high for changes in found
    )
    assert covered >= 180


@pytest.mark.slow
def test_a_thousand_runs_are_not_too_many():
    import random

    values = noisy(random.Random(2), (1, 700), (1.03, 300))
    assert [abs(place - 700) <= 2 for place in places(find_changes(values, least_share=0.01))] == [True]
