from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchsuite import comparison, statistics
from benchsuite.comparison import (
    Comparison,
    absolute,
    compare,
    compare_in_order,
    contended,
    group_speedup,
    is_open,
    judge,
    moved_groups,
    step_time_ns,
    timings,
    undisturbed_log_ratio,
    undisturbed_step_time_ns,
)
from benchsuite.plan import MAX_ROUNDS, MIN_ROUNDS
from benchsuite.record import CANARY, Record, Turn
from benchsuite.statistics import Interval, intervals_against_baseline

LENGTHS = st.integers(1_000, 10**10)


def trial(name="base", ms=10.0, repetition=0, **changes):
    """Return a timing record of one turn of ten steps; the variant called base is the baseline."""
    context = changes.pop("context", {})
    turns = changes.pop("turns", (Turn(0, 10, round(ms * 1e7)),))
    return Record(
        **{
            "variant": f"layout[{name}]", "scenario": "layout", "settings": {}, "context": context,
            "baseline": name == "base", "pass_": "timing", "repetition": repetition,
            "group": f"layout({context})/timing/{repetition}", "outcome": "completed", "started": "", "turns": turns,
        } | changes
    )  # fmt: skip


def rounds(*times):
    """Return records of so many rounds; each round gives the step time of base, a, b, ..., None for none."""
    return [
        trial(name, ms, repetition)
        for repetition, members in enumerate(times)
        for name, ms in zip(["base", "a", "b", "c", "d", "e"], members, strict=False)
        if ms is not None
    ]


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (1.02, 1.5, "faster"),
        (1.0101, 1.2, "faster"),
        (1.01, 1.2, "open"),
        (0.5, 0.98, "slower"),
        (0.5, 0.9900, "slower"),
        (0.5, 0.9902, "open"),
        (0.98, 1.02, "same"),
        (0.971, 1.0299, "same"),
        (0.97, 1.02, "open"),
        (0.98, 1.03, "open"),
        (1.0, 1.005, "same"),
        (1.005, 1.029, "same"),
        (0.0, math.inf, "open"),
    ],
)
def test_verdicts(low, high, verdict):
    assert judge(Interval((low + high) / 2, low, high, 3)) == verdict


@given(st.floats(0.01, 100), st.floats(0.01, 100))
def test_the_inverse_ratio_gets_the_opposite_verdict(one, other):
    low, high = sorted([one, other])
    opposite = {"faster": "slower", "slower": "faster", "same": "same", "open": "open"}
    assert judge(Interval(1, 1 / high, 1 / low, 3)) == opposite[judge(Interval(1, low, high, 3))]


@given(st.lists(st.tuples(LENGTHS, LENGTHS), min_size=1, max_size=31), st.integers(1, 64), st.integers(1, 64))
def test_a_groups_speedup_is_the_median_ratio_of_neighbouring_turns(pairs, items, base_items):
    variant = trial(
        "a", turns=tuple(Turn(2 * n, 1, a) for n, (a, _) in enumerate(pairs)), items_per_step=items
    )
    baseline = trial(
        turns=tuple(Turn(2 * n + 1, 1, b) for n, (_, b) in enumerate(pairs)), items_per_step=base_items
    )
    expected = np.exp(np.median([np.log((b / base_items) / (a / items)) for a, b in pairs]))
    assert group_speedup(variant, baseline) == pytest.approx(expected)
    assert group_speedup(baseline, variant) == pytest.approx(1 / expected)


def test_what_moves_the_machine_moves_both():
    drift = [1.0, 1.1, 3.0, 0.7, 2.0]
    variant = trial("a", turns=tuple(Turn(n, 2, round(2e7 * d)) for n, d in enumerate(drift)))
    baseline = trial(turns=tuple(Turn(n, 4, round(8e7 * d)) for n, d in enumerate(drift)))
    assert group_speedup(variant, baseline) == pytest.approx(2)


def test_twice_the_items_in_the_same_time_is_twice_as_fast():
    found = compare(
        [trial("base", 10, n, items_per_step=100) for n in range(3)]
        + [trial("a", 10, n, items_per_step=200) for n in range(3)]
    )
    assert found[0].speedup.value == pytest.approx(2)


def test_a_variant_is_compared_with_the_baseline_of_its_own_round():
    (found,) = compare(rounds((10, 5), (20, 10.1), (40, 19.9)))
    assert (found.variant, found.baseline, found.rounds) == ("layout[a]", "layout[base]", 3)
    assert found.speedup.value == pytest.approx(2, rel=0.01)
    assert found.verdict == "faster"


def test_one_round_decides_nothing():
    (found,) = compare(rounds((10, 1)))
    assert (found.verdict, found.speedup.low, found.speedup.high) == ("open", 0, math.inf)


def test_contexts_are_kept_apart():
    records = []
    for n, wobble in enumerate((1, 1.001, 0.999)):
        for phase, ratio in (("train", 2), ("infer", 0.5)):
            context = {"phase": phase}
            records += [
                trial("base", 10, n, context=context, variant=f"base-{phase}"),
                trial("a", 10 * wobble / ratio, n, context=context, variant=f"a-{phase}"),
            ]
    found = {c.variant: c for c in compare(records)}
    assert {v: (c.baseline, c.verdict) for v, c in found.items()} == {
        "a-train": ("base-train", "faster"),
        "a-infer": ("base-infer", "slower"),
    }


def test_scenarios_are_kept_apart():
    records = [trial("base", 10, n) for n in range(3)] + [
        trial("a", 5, n, scenario="other") for n in range(3)
    ]
    assert compare(records) == []


def test_a_round_without_its_baseline_is_left_out():
    (found,) = compare(rounds((10, 5), (None, 30), (10, 5.1), (10, 4.9)))
    assert found.rounds == 3
    assert found.speedup.value == pytest.approx(2, rel=0.01)


def test_a_round_without_the_variant_is_left_out():
    first, second = compare(rounds((10, 5, 10), (10, None, 10), (10, 5, 10)))
    assert (first.rounds, second.rounds) == (2, 3)


def test_nothing_is_compared_without_a_baseline():
    assert compare(rounds((None, 5), (None, 5))) == []
    assert compare([]) == []


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "failed"},
        {"outcome": "skipped"},
        {"pass_": "operators"},
        {"pass_": "memory"},
        {"turns": ()},
    ],
)
@pytest.mark.parametrize("side", ["base", "a"])
def test_what_is_no_completed_timing_is_never_compared(side, change):
    records = [
        dataclasses.replace(record, **change) if record.repetition == 1 and record.variant == f"layout[{side}]" else record
        for record in rounds((10, 5), (10, 500), (10, 5.1), (10, 4.9))
    ]  # fmt: skip
    (found,) = compare(records)
    assert found.rounds == 3
    assert found.speedup.value == pytest.approx(2, rel=0.01)


def test_a_failed_baseline_leaves_nothing_to_compare():
    records = rounds((10, 5), (10, 5))
    assert compare([dataclasses.replace(r, outcome="failed") if r.baseline else r for r in records]) == []


def test_the_canary_is_no_variant():
    canary = [trial("canary", 2, n, scenario=CANARY, baseline=True) for n in range(2)]
    assert timings([*canary, *rounds((10, 5))]) == rounds((10, 5))


def test_the_intervals_of_a_context_hold_together():
    times = [(10, 5, 7), (10, 5.2, 7.1), (10, 4.9, 7.3)]
    ratios = {"layout[a]": [10 / 5, 10 / 5.2, 10 / 4.9], "layout[b]": [10 / 7, 10 / 7.1, 10 / 7.3]}
    expected = intervals_against_baseline(ratios, comparison.CONFIDENCE)
    for found in compare(rounds(*times)):
        assert found.speedup.low == pytest.approx(expected[found.variant].low, rel=1e-6)
        assert found.speedup.high == pytest.approx(expected[found.variant].high, rel=1e-6)
        assert found.verdict == "faster"


def test_each_is_compared_with_the_one_before_it():
    records = rounds((10, 5, 4), (20, 10.1, 8), (40, 19.9, 16.2))
    in_order = [[r for r in records if r.variant == f"layout[{name}]"] for name in ("base", "a", "b")]
    first, second = compare_in_order(in_order)
    assert first.value == pytest.approx(2, rel=0.01)
    assert second.value == pytest.approx(1.25, rel=0.01)
    expected = intervals_against_baseline(
        {"a": [2, 20 / 10.1, 40 / 19.9], "b": [5 / 4, 10.1 / 8, 19.9 / 16.2]}, comparison.CONFIDENCE
    )
    assert second.low == pytest.approx(expected["b"].low, rel=1e-6)
    assert compare_in_order([]) == compare_in_order(in_order[:1]) == ()


def test_neighbours_that_share_no_group_or_one_show_nothing():
    base, other = [trial("base", 10, n) for n in range(2)], [trial("a", 5, n) for n in range(1, 3)]
    (once,) = compare_in_order([base, other])
    assert (once.count, once.low, once.high) == (1, 0, math.inf)
    (never,) = compare_in_order([base[:1], other])
    assert (never.count, never.low, never.high) == (0, 0, math.inf)


@given(st.integers(0, 2**32 - 1))
def test_the_noise_of_neighbours_is_the_mean_of_theirs(seed):
    logs = np.random.default_rng(seed).normal(0, 0.02, (4, 5))
    noise, _ = statistics._noise_of_a_ratio(np.diff(logs, axis=0).tolist())
    assert noise**2 == pytest.approx(np.var(np.diff(logs, axis=0), axis=1, ddof=1).mean())


BUSY, STOLEN, HOT = {"wait_share": 0.3}, {"steal_share": 0.3}, {"gpu_throttled": 1.0}


def beside(base, other, disturbed=3):
    """Compare two over five rounds, of which so many were disturbed, by what is given of each."""
    records = []
    for n, wobble in enumerate((1, 1.002, 0.999, 1.001, 0.998)):
        for name, ms, known in (("base", 10, base), ("a", 5 * wobble, other)):
            quiet = known | {"contention": {}}
            records.append(trial(name, ms, n, **(known if n < disturbed else quiet)))
    return records


@pytest.mark.parametrize(
    ("base", "other", "disturbed", "expected"),
    [
        ({"cores": 2, "contention": BUSY}, {"cores": 1}, 3, True),
        ({"cores": 2}, {"cores": 1, "contention": BUSY}, 3, True),
        ({"cores": 1}, {"cores": 2, "contention": STOLEN}, 5, True),
        ({"cores": 2, "contention": BUSY}, {"cores": 1}, 2, False),
        ({"cores": 2, "contention": BUSY}, {"cores": 2, "contention": BUSY}, 5, False),
        ({"cores": 2, "contention": HOT}, {"cores": 1, "contention": HOT}, 5, False),
        ({"cores": 2}, {"cores": 1}, 5, False),
        ({"contention": BUSY}, {"cores": 1, "contention": BUSY}, 5, False),
        ({"cores": 1}, {"cores": 2, "threads": 4, "contention": BUSY}, 5, False),
        ({"cores": 1}, {"cores": 2, "threads": 4, "contention": STOLEN}, 5, True),
        ({"cores": 1}, {"cores": 2, "threads": 1, "ranks": 4, "contention": BUSY}, 5, False),
    ],
)
def test_beside_neighbours_different_numbers_of_cores_show_nothing(base, other, disturbed, expected):
    records = beside(base, other, disturbed)
    (found,) = compare(records)
    assert found.beside_neighbours is expected
    assert found.verdict == ("open" if expected else "faster")
    assert found.speedup.value == pytest.approx(2, rel=0.01)
    assert is_open("best", [LEADER, found]) is expected
    (in_order,) = compare_in_order(
        [[r for r in records if r.baseline], [r for r in records if not r.baseline]]
    )
    assert (in_order.low, in_order.high) == (found.speedup.low, found.speedup.high)
    assert math.isinf(found.speedup.high) is expected


def found(verdict, low, high):
    return Comparison("v", "base", Interval(math.sqrt(low * high), low, high, 3), verdict)


LEADER, LEVEL, CLOSE = found("faster", 1.9, 2.1), found("open", 0.97, 1.04), found("open", 0.9, 2.0)


@pytest.mark.parametrize(
    ("answer", "comparisons", "open_"),
    [
        ("best", [], False),
        ("best", [LEADER], False),
        ("best", [LEVEL], True),
        ("best", [LEADER, LEVEL], False),
        ("best", [LEADER, CLOSE], True),
        ("break_even", [LEADER, LEVEL], False),
        ("stack", [LEADER, LEVEL], False),
        ("knee", [LEADER, LEVEL], True),
        ("trade_off", [LEADER, LEVEL], True),
        ("trade_off", [LEADER], False),
    ],
)
def test_an_answer_is_open_while_more_rounds_could_change_it(answer, comparisons, open_):
    assert is_open(answer, comparisons) is open_


def test_a_trials_step_time_is_the_median_over_its_turns():
    assert step_time_ns(trial(turns=(Turn(0, 2, 20), Turn(1, 4, 120), Turn(2, 1, 12)), step_ns=(1, 1))) == 12
    assert step_time_ns(trial(turns=(), step_ns=(5, 7, 30))) == 7


def test_the_absolute_time_is_over_rounds():
    records = [trial("base", ms, n) for n, ms in enumerate((10, 11, 12.1))]
    found = absolute(records)
    assert found.value == pytest.approx(11e6)
    assert found.low < 10e6
    assert found.high > 12.1e6
    assert found.count == 3


@pytest.mark.parametrize(
    ("contention", "words"),
    [
        ({}, ""),
        ({"wait_share": 0.15, "steal_share": 0.05, "gpu_throttled": 0.0}, ""),
        ({"wait_share": 0.25, "steal_share": 0.5}, "waited 25% of its time for a core"),
        ({"steal_share": 0.3}, "30% of the machine's time was stolen by its host"),
        ({"gpu_throttled": 1.0}, "the GPU lowered its clocks"),
    ],
)
def test_contention_is_said_in_words(contention, words):
    assert contended(trial(contention=contention)) == words


def test_groups_in_which_the_canary_moved():
    def canary(group, times):
        return trial(
            "canary", scenario=CANARY, group=group, turns=tuple(Turn(n, 1, t) for n, t in enumerate(times))
        )

    found = moved_groups([
        canary("still", [100, 101, 99, 100, 300]),
        canary("moved", [100, 150, 100, 150, 125]),
        canary("dead", []),
        trial(turns=(Turn(0, 1, 1), Turn(1, 1, 99)), group="no canary"),
    ])  # fmt: skip
    assert found == {"moved": pytest.approx(1.4826 * 25 / 125)}


def test_without_waiting_a_step_takes_what_its_turns_worked():
    turns = (Turn(0, 2, 20, 10), Turn(1, 4, 120, 80), Turn(2, 1, 12, 0))
    assert undisturbed_step_time_ns(trial(turns=turns)) == 10
    assert step_time_ns(trial(turns=turns)) == 12
    assert undisturbed_step_time_ns(trial(turns=(), step_ns=(5, 7, 30))) == 7


@given(st.lists(st.tuples(LENGTHS, st.floats(0, 0.99), LENGTHS, st.floats(0, 0.99)), min_size=1))
def test_waiting_changes_nothing_about_a_pair(lengths):
    def turns(pairs):
        return tuple(Turn(order, 1, worked + waited, waited) for order, (worked, waited) in enumerate(pairs))

    waiting = [
        trial(turns=turns([(w[side], int(w[side] * w[side + 1])) for w in lengths])) for side in (0, 2)
    ]
    plain = [trial(turns=turns([(w[side], 0) for w in lengths])) for side in (0, 2)]
    assert undisturbed_log_ratio(*waiting) == undisturbed_log_ratio(*plain)
    assert undisturbed_log_ratio(*waiting) == pytest.approx(-undisturbed_log_ratio(*reversed(waiting)))


def claims(rng, variants, deviation, stray):
    """Measure identical variants as a run does, round by round while an answer is open; say whether one is claimed.

    The pair's deviation is split between its two sides; one pair in sixty strays by 20 %.
    """
    records = []
    for repetition in range(MAX_ROUNDS):
        logs = rng.normal(0, deviation / math.sqrt(2), variants + 1)
        logs[1:] += stray * (rng.random(variants) < 1 / 60) * rng.choice([-1, 1], variants) * math.log(1.2)
        records += [
            trial("base" if n == 0 else f"v{n}", 10 * math.exp(log), repetition) for n, log in enumerate(logs)
        ]
        if repetition + 1 >= MIN_ROUNDS:
            comparisons = compare(records)
            verdicts = {comparison.verdict for comparison in comparisons}
            if not is_open("best", comparisons):
                break
    return bool(verdicts & {"faster", "slower"})


def share_of_claims(trials, variants, deviation, *, stray, seed=20261123):
    rng = np.random.default_rng(seed)
    return sum(claims(rng, variants, deviation, stray) for _ in range(trials)) / trials


LIMIT = 0.05
"""So many contexts of identical variants may come out with a claimed difference, all looks together."""


def highest(trials):
    """Return the share that a true 5 % passes once in a thousand simulations."""
    return stats.binom.ppf(0.999, trials, LIMIT) / trials


@pytest.mark.parametrize("variants", [1, 2, 5])
def test_identical_variants_are_rarely_told_apart_at_the_worst_deviation(variants):
    assert share_of_claims(400, variants, 0.12, stray=True) <= highest(400)


@pytest.mark.slow
@pytest.mark.parametrize("stray", [False, True])
@pytest.mark.parametrize("deviation", [0.005, 0.015, 0.05, 0.12])
@pytest.mark.parametrize("variants", [1, 2, 5])
def test_identical_variants_are_rarely_told_apart(variants, deviation, stray):
    assert share_of_claims(3000, variants, deviation, stray=stray) <= highest(3000)


def test_a_true_difference_is_claimed():
    rng = np.random.default_rng(3)
    shown = 0
    for _ in range(200):
        logs = rng.normal(0, 0.015 / math.sqrt(2), (MAX_ROUNDS, 2))
        (found,) = compare(rounds(*[(10 * math.exp(b), 10 * math.exp(a) / 1.1) for b, a in logs]))
        shown += found.verdict == "faster"
    assert shown > 190
