"""Where the level of a series of values changes: pure functions.

Noisy values: E-divisive means, the hierarchical search of Matteson and James, A nonparametric approach for multiple
change point analysis of multivariate data (2014), with their energy statistic of exponent 1 and a permutation test, as
Daly et al. use it for benchmarks: The use of change point detection to identify software performance regressions in a
continuous integration system (2020). The second part of a split reaches to the end of its segment, as in Daly et al.

Values that repeat exactly need no test: every step that lasts is a change.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from benchsuite.statistics import Interval, t_quantile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

LEVEL: Final = 0.01
"""Of each test: the share of series without a change in which one is found."""
CONFIDENCE: Final = 0.95
"""Level of a factor's interval."""
PERMUTATIONS: Final = (999, 199)
"""Of a series up to `SHORT` values, and of longer ones. In a short one few permutations are as extreme as a clear
change, and more of them are needed to tell how few."""
SHORT: Final = 120
LEAST_SIZE: Final = 3
"""So many values at least lie between two changes, and before the first and after the last one."""
SEED: Final = 20140101
BATCH_VALUES: Final = 2_000_000
"""So many distances are held at once."""
LARGEST_LOG: Final = 700.0
"""The exponential of more overflows."""
TIE: Final = 1e-9
"""Statistics that differ relatively by less are equal: the same sums in another order."""


@dataclass(frozen=True, slots=True)
class Change:
    """The level of a series changes between two of its values."""

    before: int
    """Place of the last value of the old level."""
    after: int
    """Place of the first value of the new level; exact values may have another one in between that did not last."""
    old: float
    new: float
    factor: Interval | None
    """New level over old level; None where a level is not positive. Of exact values the interval has no width."""
    p: float | None
    """Of the permutation test; None: exact values, which need none."""
    seen: int
    """How many values the new level has, up to the next change."""


def find_changes(values: Sequence[float], *, least_share: float = 0.0, level: float = LEVEL) -> list[Change]:
    """Find the changes of a noisy series, the first one first; the same values always give the same answer.

    Positive values are judged by their logarithms, so that a change is a factor; others as they are.

    Args:
        values: finite, in the order of time.
        least_share: a change of the level by a smaller share is not told, as long as all values are positive.
        level: of each permutation test.

    Returns:
        Changes with the geometric means of the two levels (arithmetic where a value is not positive) and the factor
        between them, with Welch's interval at 95 % over the values of the two levels.
    """
    logs = all(value > 0 for value in values)
    series = np.log(values) if logs and len(values) else np.asarray(values, dtype=float)
    found = _split(series, level)
    if logs:
        found = _without_small(series, found, math.log1p(least_share))
    bounds = [0, *(place for place, _p in found), len(series)]
    return [
        _change(series[first:place], series[place:end], place, p, logs=logs)
        for (place, p), first, end in zip(found, bounds, bounds[2:], strict=False)
    ]


def exact_changes(values: Sequence[float], floor: float = 0.0) -> list[Change]:
    """Find the steps of a series that repeats exactly, the first one first.

    A value that one run alone has shows no new level, unless it is the first or the newest.

    Args:
        values: finite, in the order of time.
        floor: values that differ by no more than this are equal, as those that differ by a millionth.
    """
    blocks = [
        block for block in _blocks(values, floor) if len(block) > 1 or {0, len(values) - 1} & set(block)
    ]
    levels: list[list[int]] = []
    for block in blocks:
        if levels and _same(values[levels[-1][0]], values[block[0]], floor):
            levels[-1] += block
        else:
            levels.append(list(block))
    found = []
    for old, new in pairwise(levels):
        before, after = values[old[-1]], values[new[0]]
        ratio = after / before if min(before, after) > 0 else None
        factor = None if ratio is None else Interval(ratio, ratio, ratio, len(new))
        found.append(Change(old[-1], new[0], before, after, factor, None, len(new)))
    return found


def split_statistics(values: NDArray[np.float64], least_size: int = LEAST_SIZE) -> NDArray[np.float64]:
    """Return the energy statistic of every split of each row into two parts.

    For parts of m and n values it is m n / (m + n) times: twice the mean distance across the parts, less the mean
    distances of the pairs within either (Matteson and James, equations 5 and 7, exponent 1).

    Args:
        values: one series a row, [rows, length], each longer than `2 * least_size - 1`.
        least_size: of a part, at least 2.

    Returns:
        [rows, length - 2 * least_size + 1]; the first one is of the split before place `least_size`.
    """
    length = values.shape[1]
    distances = np.abs(values[:, :, None] - values[:, None, :])
    rows = distances.sum(axis=2)
    to_earlier = np.tril(distances).sum(axis=2)
    within_first = np.cumsum(to_earlier, axis=1)
    within_rest = np.cumsum((rows - to_earlier)[:, ::-1], axis=1)[:, ::-1]
    places = np.arange(least_size, length - least_size + 1)
    first, rest = within_first[:, places - 1], within_rest[:, places]
    across = within_first[:, -1:] - first - rest
    m, n = places, length - places
    means = 2 * across / (m * n) - 2 * first / (m * (m - 1)) - 2 * rest / (n * (n - 1))
    return np.asarray(m * n / length * means)


def _split(series: NDArray[np.float64], level: float) -> list[tuple[int, float]]:
    """Return the places of the changes with their p values: split at the best place until the test says no."""
    random = np.random.default_rng(SEED)
    found: list[tuple[int, float]] = []
    while True:
        bounds = [0, *(place for place, _p in found), len(series)]
        segments = [series[a:b] for a, b in pairwise(bounds)]
        best = [_best_split(segment) for segment in segments]
        number = max(range(len(best)), key=lambda n: best[n][1])
        place, statistic = best[number]
        if statistic <= 0:
            return found
        p = _p_value(segments, statistic, level, random)
        if p is None:
            return found
        found = sorted([*found, (bounds[number] + place, p)])


def _best_split(segment: NDArray[np.float64]) -> tuple[int, float]:
    """Return where a segment is split best, and the statistic there; it is 0 where it is too short or flat."""
    if len(segment) < 2 * LEAST_SIZE or np.ptp(segment) == 0:
        return 0, 0.0
    statistics = split_statistics(segment[None, :])[0]
    index = int(np.argmax(statistics))
    return index + LEAST_SIZE, float(statistics[index])


def _p_value(
    segments: Sequence[NDArray[np.float64]], statistic: float, level: float, random: np.random.Generator
) -> float | None:
    """Return the p value of the best split of all segments; None, as soon as it is known to lie above the level.

    Values are permuted within their segments. The count of permutations as extreme decides, and those that are left
    once it is too large cannot change that: to stop then changes no decision.
    """
    permutations = PERMUTATIONS[sum(map(len, segments)) > SHORT]
    allowed = math.floor(level * (permutations + 1) + TIE) - 1
    splittable = [segment for segment in segments if len(segment) >= 2 * LEAST_SIZE]
    batch = max(1, min(20, BATCH_VALUES // max(len(segment) for segment in splittable) ** 2))
    extreme = done = 0
    while done < permutations:
        size = min(batch, permutations - done)
        best = np.full(size, -np.inf)
        for segment in splittable:
            permuted = random.permuted(np.tile(segment, (size, 1)), axis=1)
            np.maximum(best, split_statistics(permuted).max(axis=1), out=best)
        extreme += int((best >= statistic * (1 - TIE)).sum())
        done += size
        if extreme > allowed:
            return None
    return (extreme + 1) / (permutations + 1)


def _without_small(
    logs: NDArray[np.float64], found: list[tuple[int, float]], least: float
) -> list[tuple[int, float]]:
    """Leave out changes that are too small to matter, the smallest first: levels are joined and judged anew."""
    while found:
        bounds = [0, *(place for place, _p in found), len(logs)]
        means = [logs[a:b].mean() for a, b in pairwise(bounds)]
        sizes = [abs(new - old) for old, new in pairwise(means)]
        if min(sizes) >= least:
            break
        found = [one for place, one in enumerate(found) if place != int(np.argmin(sizes))]
    return found


def _change(
    old: NDArray[np.float64], new: NDArray[np.float64], place: int, p: float, *, logs: bool
) -> Change:
    before, after = float(old.mean()), float(new.mean())
    if not logs:
        return Change(place - 1, place, before, after, None, p, len(new))
    variances = float(old.var(ddof=1)) / len(old), float(new.var(ddof=1)) / len(new)
    total = sum(variances)
    half = 0.0
    if total > 0:
        freedom = total**2 / sum(
            v**2 / (len(part) - 1) for v, part in zip(variances, (old, new), strict=True)
        )
        half = t_quantile(CONFIDENCE, freedom) * math.sqrt(total)
    shift = after - before
    factor = Interval(_exp(shift), _exp(shift - half), _exp(shift + half), len(new))
    return Change(place - 1, place, math.exp(before), math.exp(after), factor, p, len(new))


def _exp(value: float) -> float:
    return math.inf if value > LARGEST_LOG else math.exp(value)


def _blocks(values: Sequence[float], floor: float) -> Iterator[list[int]]:
    """Yield the places of values in a row that are equal to the first of them."""
    anchors: list[float] = []
    for value in values:
        anchors.append(anchors[-1] if anchors and _same(anchors[-1], value, floor) else value)
    numbers = [0, *(int(one != other) for one, other in pairwise(anchors))]
    places = zip(np.cumsum(numbers[: len(values)]), range(len(values)), strict=True)
    for _number, members in groupby(places, key=lambda pair: pair[0]):
        yield [place for _same_number, place in members]


def _same(one: float, other: float, floor: float) -> bool:
    return abs(one - other) <= max(floor, 1e-6 * abs(one))
