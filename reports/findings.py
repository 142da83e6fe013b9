"""The numbers behind the answers: who can be compared, the knee of a curve, the break-even of a one-time cost."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from benchsuite.statistics import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchsuite.comparison import Verdict
    from reports.results import ContextResult, VariantResult

KNEE_SHARE = 0.9
"""The knee is where this share of the best throughput is first reached."""
MEMORY_METRICS = ("cuda_peak_allocated", "peak_heap")
ACCURACY_METRICS = ("test_accuracy", "accuracy")
EPOCH_SHARE = 0.02
"""The beginning of an epoch is dearer from this share of the baseline's whole epoch on."""
DEARER_STEPS = 2
"""A start is dearer when it takes so many of the baseline's steps longer, in every round."""
Cache: TypeAlias = Literal["empty", "filled"]
CACHES: tuple[Cache, ...] = ("empty", "filled")


@dataclass(frozen=True, slots=True)
class Rival:
    """A sound variant that was compared with a sound baseline."""

    variant: VariantResult
    speedup: Interval
    """Items a second relative to the baseline."""
    verdict: Verdict
    beside_neighbours: bool = False
    """Whether others disturbed the two, which had different numbers of cores: then there is no interval."""

    @property
    def label(self) -> str:
        """The variant's name within its context."""
        return self.variant.label

    def surely_beats(self, other: Rival) -> bool:
        """Whether their intervals, which hold together, do not meet."""
        return self.speedup.low > other.speedup.high


@dataclass(frozen=True, slots=True)
class Field:
    """Those of a context that can be compared."""

    baseline: VariantResult
    rivals: tuple[Rival, ...]
    """With finite intervals."""
    unproven: tuple[Rival, ...]
    """Without an interval: compared in a single round, or beside neighbours that are no common noise."""


@dataclass(frozen=True, slots=True)
class Knee:
    """Where more of the axis stops paying."""

    members: tuple[Rival, ...]
    """The compared variants and the baseline itself, in the order of the axis."""
    at: Rival
    """The first that reaches the share, by the estimates."""
    possible: Rival
    """The first for which the intervals do not exclude it."""
    certain: Rival
    """The first for which the intervals show it, whichever member is the best."""
    best: Rival
    """The highest throughput, by the estimates."""
    next: Rival | None
    """The one after the knee."""


@dataclass(frozen=True, slots=True)
class BreakEven:
    """When a dearer first step has been earned back by cheaper steps."""

    rival: Rival
    cache: Cache
    first_step_ns: float
    extra_ns: float
    """First step and imports beyond the baseline's."""
    steps: Interval | None
    """After so many steps it has paid; None: the intervals do not support that it ever does."""


def find_field(context: ContextResult) -> Field | None:
    """Return who can be compared in a context; None: the baseline is missing or unsound, or nobody was compared."""
    baseline = context.baseline
    if baseline is None or not baseline.sound:
        return None
    compared = [
        Rival(
            variant,
            variant.comparison.speedup,
            variant.comparison.verdict,
            variant.comparison.beside_neighbours,
        )
        for variant in context.variants
        if variant.comparison is not None and variant.sound
    ]
    if not compared:
        return None
    proven = tuple(rival for rival in compared if math.isfinite(rival.speedup.high))
    return Field(baseline, proven, tuple(rival for rival in compared if rival not in proven))


def baseline_and_fastest(context: ContextResult) -> list[VariantResult]:
    """Return the baseline, and the fastest of those that were shown to be faster."""
    field = find_field(context)
    faster = [rival for rival in field.rivals if rival.verdict == "faster"] if field else []
    winner = max(faster, key=lambda rival: rival.speedup.value, default=None)
    return [*filter(None, [context.baseline]), *([winner.variant] if winner else [])]


def fewest_rounds(rivals: tuple[Rival, ...] | list[Rival]) -> int:
    """Return the number of rounds that stand behind each of these comparisons at least."""
    return min(rival.speedup.count for rival in rivals)


def axis_value(variant: VariantResult, axis: str | None) -> float:
    """Return a variant's place on a numeric axis; NaN where the value is no number."""
    value = variant.settings.get(axis) if axis is not None else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan


def find_knee(field: Field, axis: str | None) -> Knee:
    """Find the smallest setting that reaches 90 % of the best throughput."""
    exactly = Interval(1.0, 1.0, 1.0, fewest_rounds(field.rivals) if field.rivals else 0)
    members = [Rival(field.baseline, exactly, "baseline"), *field.rivals]
    if not any(math.isnan(axis_value(member.variant, axis)) for member in members):
        members.sort(key=lambda member: axis_value(member.variant, axis))
    best = max(members, key=lambda member: member.speedup.value)
    at = next(m for m in members if m.speedup.value >= KNEE_SHARE * best.speedup.value)
    least = max(member.speedup.low for member in members)
    possible = next(m for m in members if m.speedup.high >= KNEE_SHARE * least)
    place = members.index(at) + 1
    following = members[place] if place < len(members) else None
    return Knee(tuple(members), at, possible, _certain(members, least), best, following)


def _certain(members: Sequence[Rival], least: float) -> Rival:
    """Return the first member that surely reaches the share of all others, or the last that may be the best.

    The best reaches the share of its own throughput, so the knee is never beyond it.

    Args:
        members: in the order of the axis.
        least: the best does at least so much.
    """
    last = [member for member in members if member.speedup.high >= least][-1]

    def reaches_all(member: Rival) -> bool:
        return all(
            member.speedup.low >= KNEE_SHARE * other.speedup.high for other in members if other is not member
        )

    return next(member for member in members if member is last or reaches_all(member))


def find_break_evens(field: Field) -> tuple[BreakEven, ...]:
    """Return each rival's break-even for each state of the compile cache that was measured."""
    base_time = field.baseline.step_time
    if base_time is None:
        return ()
    base_first_ns = field.baseline.first_step_ns() or 0.0
    found = []
    for rival in (*field.rivals, *field.unproven):
        for cache in CACHES:
            first_ns = rival.variant.first_step_ns(cache)
            if first_ns is None:
                continue
            extra_ns = first_ns + rival.variant.imports_ns - base_first_ns - field.baseline.imports_ns
            pays = rival.verdict == "faster"
            steps = _steps_to_pay(extra_ns, base_time.value, rival.speedup) if pays else None
            found.append(BreakEven(rival, cache, first_ns, extra_ns, steps))
    return tuple(found)


def memory_ratio(variant: VariantResult, other: VariantResult) -> float | None:
    """Return the peak memory of a variant relative to another's; None: not measured, or one works on a GPU alone.

    The peak of work on a GPU is the GPU's memory: its process's heap is not to be held against another's.
    """
    for name in MEMORY_METRICS:
        mine, others = variant.metric(name), other.metric(name)
        if mine and others:
            return mine / others
        if mine or others:
            return None
    return None


def find_payback(field: Field, rival: Rival) -> Interval | None:
    """Return after how many of the baseline's steps a faster rival's dearer start has been earned back.

    A start is set-up and first step, and what a fresh process imports for it. None: the rival is not faster, or its start is no dearer than the baseline's.
    """
    mine, others, step = rival.variant.starts_ns, field.baseline.starts_ns, field.baseline.step_time
    if rival.verdict != "faster" or not mine or not others or step is None or min(mine) <= max(others):
        return None
    extra_ns = statistics.median(mine) - statistics.median(others)
    if extra_ns <= DEARER_STEPS * step.value:
        return None
    return _steps_to_pay(extra_ns, step.value, rival.speedup)


def epoch_start_ns(variant: VariantResult, other: VariantResult) -> float | None:
    """Return by how much longer each epoch takes to begin than another's; None: unknown, or too little to matter.

    The median over turns, and so every factor, drops the first step of an epoch. Where it is not known how many
    steps an epoch of the other has, what matters is what a start has to take longer to be dearer.
    """
    mine, others, step = variant.metric("epoch_start_time"), other.metric("epoch_start_time"), other.step_time
    if mine is None or others is None or step is None:
        return None
    epoch_steps = other.metric("epoch_steps")
    limit_steps = EPOCH_SHARE * epoch_steps if epoch_steps else DEARER_STEPS
    return mine - others if abs(mine - others) > limit_steps * step.value else None


def accuracy_points(variant: VariantResult, other: VariantResult) -> float | None:
    """Return by how many points a variant is more accurate than another, where both were tried."""
    for name in ACCURACY_METRICS:
        mine, others = variant.metric(name), other.metric(name)
        if mine is not None and others is not None:
            return 100 * (mine - others)
    return None


def energy_ratio(variant: VariantResult, other: VariantResult) -> float | None:
    """Return the energy of an item relative to another variant's, where both were measured."""
    mine, others = variant.metric("energy"), other.metric("energy")
    if mine is None or not others or not variant.timings or not other.timings:
        return None
    return (mine / variant.timings[0].items_per_step) / (others / other.timings[0].items_per_step)


def _steps_to_pay(extra_ns: float, base_step_ns: float, speedup: Interval) -> Interval:
    def steps(factor: float) -> float:
        saved_ns = base_step_ns * (1 - 1 / factor)
        return max(0.0, math.ceil(extra_ns / saved_ns))

    return Interval(steps(speedup.value), steps(speedup.high), steps(speedup.low), speedup.count)
