"""Whole gates on simulated pairs: how often the decision errs, with outliers among the pairs.

`pytest -m slow -s` shows the table that stands in `docs/method.md`.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field

import numpy as np
import pytest

from benchsuite.binomial import binomial_interval
from benchsuite.gate.decide import Demand, Plan, Suspect, judge, screen

DEMAND = Demand(limit=0.01, detect=0.05)
SCREENING_PAIRS = 4
OUTLIER_SHARE, OUTLIER = 1 / 60, 0.2
IDENTICAL = (0.0,) * 8


@dataclass
class Count:
    """How often decisions about one kind of variant came out one way."""

    decisions: int = 0
    suspects: int = 0
    confirmation_pairs: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)

    def share(self, verdict):
        return self.verdicts.get(verdict, 0) / self.decisions

    def bounds(self, verdict, confidence=0.999):
        return binomial_interval(self.verdicts.get(verdict, 0), self.decisions, confidence)


def draw(rng, change, deviation, count):
    """Return log ratios of pairs: normal noise, and one pair in sixty 20 % off, either way."""
    outliers = rng.choice([-OUTLIER, OUTLIER], count) * (rng.random(count) < OUTLIER_SHARE)
    return (rng.normal(math.log1p(change), deviation, count) + outliers).tolist()


def run_gate(rng, changes, deviation, plan):
    """Return each variant's verdict and its confirmation pairs."""
    suspects = [
        i
        for i, c in enumerate(changes)
        if screen(draw(rng, c, deviation, SCREENING_PAIRS), DEMAND) == "suspect"
    ]
    pairs = {i: draw(rng, changes[i], deviation, plan.looks[0]) for i in suspects}
    for look in (*plan.looks[1:], None):
        found = judge(
            [Suspect(variant=str(i), log_ratios=tuple(pairs[i]), demand=DEMAND) for i in suspects], plan
        )
        if look is None:
            break
        for i in (i for i, judgement in zip(suspects, found, strict=True) if judgement.open):
            pairs[i] += draw(rng, changes[i], deviation, look - len(pairs[i]))
    verdicts = dict(zip(suspects, (judgement.verdict for judgement in found), strict=True))
    return [(verdicts.get(i, "cleared"), len(pairs.get(i, ()))) for i in range(len(changes))]


def simulate(gates, changes, deviation, plan, seed=20261123):
    """Return the counts for each true change over so many gates."""
    rng = np.random.default_rng(seed)
    counts = {change: Count() for change in changes}
    for _ in range(gates):
        for change, (verdict, pairs) in zip(changes, run_gate(rng, changes, deviation, plan), strict=True):
            count = counts[change]
            count.decisions += 1
            count.suspects += pairs > 0
            count.confirmation_pairs += pairs
            count.verdicts[verdict] = count.verdicts.get(verdict, 0) + 1
    return counts


TWO_LOOKS = Plan(level=0.01, looks=(12, 20))


@pytest.mark.parametrize("deviation", [0.015, 0.03])
def test_identical_code_is_hardly_ever_called_a_regression(deviation):
    count = simulate(150, IDENTICAL, deviation, TWO_LOOKS)[0.0]
    assert count.decisions == 1200
    assert count.bounds("regression")[1] < 0.01


def test_a_change_as_large_as_the_limit_is_called_a_regression_no_more_often_than_the_level_says():
    # The worst case of the null hypothesis, alone in its gate, and without the screening that clears half of it.
    rng = np.random.default_rng(3)
    gates, called = 1500, 0
    for _ in range(gates):
        pairs = draw(rng, 0.01, 0.015, 12)
        for look in (12, 20):
            pairs += draw(rng, 0.01, 0.015, look - len(pairs)) if look > len(pairs) else []
            (found,) = judge([Suspect(variant="v", log_ratios=tuple(pairs), demand=DEMAND)], TWO_LOOKS)
            if not found.open:
                break
        called += found.verdict == "regression"
    assert binomial_interval(called, gates, 0.999)[0] <= 0.01


@pytest.mark.parametrize(("change", "least"), [(0.05, 0.95), (0.03, 0.85), (1 / 1.05 - 1, 0.95)])
def test_true_changes_are_caught_among_seven_that_are_none(change, least):
    verdict = "regression" if change > 0 else "improvement"
    counts = simulate(300, (change, *IDENTICAL[1:]), 0.015, TWO_LOOKS)
    assert counts[change].bounds(verdict)[0] > least - 0.04
    assert counts[change].share(verdict) > least
    assert counts[0.0].share("regression") + counts[0.0].share("improvement") < 0.01


def test_screening_clears_most_identical_code_and_hardly_any_change():
    rng = np.random.default_rng(9)
    cleared = {
        change: np.mean(
            [screen(draw(rng, change, 0.015, SCREENING_PAIRS), DEMAND) == "cleared" for _ in range(4000)]
        )
        for change in (0.0, 0.03, -0.03, 0.05)
    }
    assert cleared[0.0] > 0.7
    assert max(cleared[0.03], cleared[-0.03]) < 0.02
    assert cleared[0.05] < 0.002


@pytest.mark.parametrize("deviation", [0.03, 0.05, 0.1])
def test_noise_passes_hardly_any_change_that_must_not_be_missed(deviation):
    counts = simulate(250, (0.05, *IDENTICAL[1:3]), deviation, TWO_LOOKS)
    passed = counts[0.05].share("cleared") + counts[0.05].share("unchanged")
    assert passed < 0.1
    assert counts[0.0].bounds("regression")[0] < 0.005


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("looks", [(12,), (16,), (12, 18), (12, 20)])
def test_the_table_of_the_documents(looks):
    plan, gates = Plan(level=0.01, looks=looks), 1000
    for deviation in (0.009, 0.015, 0.021, 0.03, 0.05):
        for change in (0.03, 0.05):
            counts = simulate(gates, (change, *IDENTICAL[1:]), deviation, plan)
            caught, same = counts[change], counts[0.0]
            sys.stdout.write(
                f"{looks!s:9} deviation {deviation:.1%} change {change:.0%}:"
                f" regression {caught.share('regression'):.1%}, cleared {caught.share('cleared'):.1%},"
                f" unchanged {caught.share('unchanged'):.1%}, inconclusive {caught.share('inconclusive'):.1%},"
                f" confirmation pairs {caught.confirmation_pairs / max(1, caught.suspects):.1f};"
                f" identical: regression {same.share('regression'):.3%} of {same.decisions},"
                f" cleared {same.share('cleared'):.1%}, unchanged {same.share('unchanged'):.1%},"
                f" inconclusive {same.share('inconclusive'):.1%},"
                f" confirmation pairs {same.confirmation_pairs / same.decisions:.1f}\n"
            )
            assert same.bounds("regression")[0] < 0.001
