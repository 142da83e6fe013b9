"""Summaries and intervals: pure functions over plain numbers."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAD_TO_DEVIATION = 1.4826
"""The median absolute deviation of a normal distribution times this is its standard deviation."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A point estimate with the interval around it; with one observation the interval is infinite."""

    value: float
    low: float
    high: float
    count: int
    """How many independent observations stand behind it."""


def log_interval(values: Sequence[float], confidence: float) -> Interval:
    """Return the geometric mean of positive values with Student's t interval of their logarithms.

    The values must be independent observations: here one for each round of fresh processes, never
    the steps within a process (Kalibera and Jones, Rigorous benchmarking in reasonable time, 2013).

    Args:
        values: positive numbers, at least one.
        confidence: the interval's level, between 0 and 1.
    """
    logs = [math.log(value) for value in values]
    center = statistics.fmean(logs)
    if len(logs) == 1:
        return Interval(math.exp(center), 0.0, math.inf, 1)
    half = t_quantile(confidence, len(logs) - 1) * statistics.stdev(logs) / math.sqrt(len(logs))
    return Interval(math.exp(center), _exp(center - half), _exp(center + half), len(logs))


def intervals_against_baseline(
    ratios: Mapping[str, Sequence[float]], confidence: float
) -> dict[str, Interval]:
    """Return intervals for several variants' ratios to one baseline that hold together.

    Rounds are few, so one variant's spread alone says little about its noise: the noise of a ratio is
    put together from the variants' common part and the baseline's (see `_noise_of_a_ratio`), and where
    a variant's own spread is larger, that is used. Levels are Bonferroni's; a variant alone counts as two, since a run
    looks after three, four and five rounds and stops where an answer is found: its interval would otherwise miss the
    truth in 7 to 9 % of all runs instead of 5. Noise that is put together from several leaves room for that.

    Args:
        ratios: for each variant its ratio to the baseline in every round, in one order of rounds;
            variants that lack a round are judged by their own spread alone.
        confidence: level at which all intervals hold together.
    """
    level = bonferroni(confidence, max(2, len(ratios)))
    rounds = max(map(len, ratios.values()), default=0)
    whole = {name: [math.log(v) for v in values] for name, values in ratios.items() if len(values) == rounds}
    found = {name: log_interval(values, level) for name, values in ratios.items()}
    if rounds > 1 and len(whole) > 1:
        noise, freedom = _noise_of_a_ratio(list(whole.values()))
        for name, logs in whole.items():
            half = t_quantile(level, freedom) * max(noise, statistics.stdev(logs)) / math.sqrt(rounds)
            center = statistics.fmean(logs)
            found[name] = Interval(math.exp(center), _exp(center - half), _exp(center + half), rounds)
    return found


def _noise_of_a_ratio(logs: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Return the standard deviation of one log ratio to the baseline, and its degrees of freedom.

    All ratios of a round share the baseline's noise: the variance of the rounds' means estimates it,
    the residuals of the two-way layout of variants and rounds estimate the variants' own, and the sum
    gets the degrees of freedom of Welch and Satterthwaite (Satterthwaite, An approximate distribution
    of estimates of variance components, 1946). A noisy baseline, eager code beside compiled, would
    otherwise count as one quiet variant among many.

    Args:
        logs: one row a variant, at least two, and one column a round, at least two.
    """
    variants, rounds = len(logs), len(logs[0])
    means = [statistics.fmean(row) for row in logs]
    shared = [statistics.fmean(column) for column in zip(*logs, strict=True)]
    mean = statistics.fmean(means)
    squares = sum(
        (value - means[i] - shared[j] + mean) ** 2
        for i, row in enumerate(logs)
        for j, value in enumerate(row)
    )
    residual_freedom = (variants - 1) * (rounds - 1)
    own = squares / residual_freedom * (1 - 1 / variants)
    common = statistics.variance(shared)
    total = own + common
    if total == 0:
        return 0.0, rounds - 1
    return math.sqrt(total), total**2 / (common**2 / (rounds - 1) + own**2 / residual_freedom)


def t_quantile(confidence: float, degrees_of_freedom: float) -> float:
    """Return the two-sided quantile of Student's t distribution."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees_of_freedom, (1 + confidence) / 2))


def bonferroni(confidence: float, comparisons: int) -> float:
    """Return the level that each of several intervals needs for all of them to hold together."""
    return 1 - (1 - confidence) / max(1, comparisons)


def robust_deviation(values: Sequence[float]) -> float:
    """Return 1.4826 times the median absolute deviation from the median; 0 for fewer than two values."""
    if len(values) < 2:  # noqa: PLR2004
        return 0.0
    center = statistics.median(values)
    return MAD_TO_DEVIATION * statistics.median(abs(value - center) for value in values)


def smallest_detectable(deviation: float, count: int, confidence: float = 0.95, power: float = 0.9) -> float:
    """Return the smallest relative change that `count` pairs show with the given power.

    The usual normal approximation with t quantiles: a change is shown when the interval around the
    mean of the log ratios excludes zero.

    Args:
        deviation: standard deviation of one pair's log ratio.
        count: number of pairs, at least two.
        confidence: level of the interval.
        power: share of cases in which a change of that size is shown.
    """
    freedom = count - 1
    reach = t_quantile(confidence, freedom) + t_quantile(2 * power - 1, freedom)
    return math.expm1(reach * deviation / math.sqrt(count))


def quantile(values: Sequence[float], share: float) -> float:
    """Return the empirical quantile by linear interpolation (type 7 of Hyndman and Fan, 1996)."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _exp(value: float) -> float:
    return math.inf if value > 700 else math.exp(value)  # noqa: PLR2004 - exp overflows beyond 709
