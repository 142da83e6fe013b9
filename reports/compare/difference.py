"""Two runs side by side: what changed in each variant that both measured, and how much of its step time that explains."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from benchsuite.comparison import MARGIN, absolute
from benchsuite.errors import NotComparableError
from reports import format as fmt
from reports.compare.comparability import demand_comparable, warn_of_change
from reports.compare.drift import canary_times, drift, in_canaries
from reports.compare.metric_changes import MetricCause, changed_metrics
from reports.compare.operator_changes import (
    Clock,
    OperatorCause,
    Profile,
    changed_operators,
    clock_of,
    is_disturbed,
)
from reports.profiles import profile_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchsuite.statistics import Interval
    from reports.load import ReportData
    from reports.results import VariantResult

Verdict: TypeAlias = Literal["longer", "shorter", "open"]
Cause: TypeAlias = OperatorCause | MetricCause


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantDifference:
    """One variant in two runs; times in ns a step.

    The runs were measured one after the other: unlike ratios within a run, `change_ns` holds whatever
    moved the machine between them.
    """

    variant: str
    scenario: str
    before: Interval
    """Step time in the first run, with its interval over rounds."""
    after: Interval
    before_in_canaries: Interval | None
    """Step time relative to the canary's in the same rounds; None: it took no turns there."""
    after_in_canaries: Interval | None
    clock: Clock
    """Whose time explains the change: the CPU's or the device's."""
    operators: tuple[OperatorCause, ...]
    """What changed in the operator table, what explains most first."""
    metrics: tuple[MetricCause, ...]
    notes: tuple[str, ...]
    """Where one id stands for different work, in words."""
    cautions: tuple[str, ...]
    """What could not be compared, or only roughly, in words."""

    @property
    def change_ns(self) -> float:
        """By how much the step takes longer."""
        return self.after.value - self.before.value

    @property
    def log_ratio(self) -> float:
        """The logarithm of the second step time relative to the first."""
        return math.log(self.after.value / self.before.value)

    @property
    def ratio_in_canaries(self) -> float | None:
        """The second step time relative to the first, both relative to the canary; None: it took no turns in one."""
        if self.before_in_canaries is None or self.after_in_canaries is None:
            return None
        return self.after_in_canaries.value / self.before_in_canaries.value

    @property
    def ratio_interval(self) -> tuple[float, float] | None:
        """Where both intervals leave the second step time relative to the first; None: one round has no interval."""
        return _between(self.before, self.after)

    @property
    def ratio_interval_in_canaries(self) -> tuple[float, float] | None:
        """The same, both relative to the canary; None: not known in one of the runs."""
        if self.before_in_canaries is None or self.after_in_canaries is None:
            return None
        return _between(self.before_in_canaries, self.after_in_canaries)

    @property
    def verdict(self) -> Verdict:
        """Say whether the step takes longer or shorter.

        A change is claimed where it is larger than 1 % both as it was measured and relative to the canary, and
        the intervals of one of the two do not overlap: a slow round slows the canary too, but not all code alike.
        """
        logs = [self.log_ratio]
        pairs = [(self.before, self.after)]
        if self.before_in_canaries and self.after_in_canaries:
            pairs.append((self.before_in_canaries, self.after_in_canaries))
            logs.append(math.log(self.after_in_canaries.value / self.before_in_canaries.value))
        if min(logs) > math.log1p(MARGIN) and any(new.low > old.high for old, new in pairs):
            return "longer"
        if max(logs) < -math.log1p(MARGIN) and any(new.high < old.low for old, new in pairs):
            return "shorter"
        return "open"

    @property
    def causes(self) -> tuple[Cause, ...]:
        """All that changed."""
        return (*self.operators, *self.metrics)

    @property
    def attributed_ns(self) -> float:
        """How much of the change the named operators explain together."""
        return sum(cause.explained_ns for cause in self.operators)

    @property
    def unattributed_ns(self) -> float:
        """The rest: Python between operators, operators too little changed to be named, noise, and the machine's drift."""
        return self.change_ns - self.attributed_ns


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A variant that one run alone has measured, and what the other says about it."""

    variant: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDifference:
    """All that changed from one run to another."""

    variants: tuple[VariantDifference, ...]
    only_before: tuple[Unmatched, ...]
    only_after: tuple[Unmatched, ...]
    canary_ratio: float | None
    """The canary's step time over all groups of the second run, relative to the first; None: not measured in both."""
    warnings: tuple[str, ...]
    gaps: tuple[str, ...] = ()
    """Those of the warnings that tell what could not be compared, or only roughly."""


def compare_runs(before: ReportData, after: ReportData) -> RunDifference:
    """Set two runs side by side.

    An operator explains the difference of its own time a step, on the CPU or, where the device is what the
    step waits for, there. Profiled times are first freed of the profiler's cost and held within the plain
    step time (`operator_changes.plain_times`). What no named operator explains is called unattributed.

    Raises:
        NotComparableError: the runs used another task or other data, or measured no variant in common.
    """
    demand_comparable(before.run.info, after.run.info)
    measured_before, measured_after = _measured(before), _measured(after)
    common = [name for name in measured_before if name in measured_after]
    if not common:
        raise NotComparableError(
            f"{before.run.path} and {after.run.path} have no variant in common that both measured"
        )
    canaries_before, canaries_after = canary_times(before), canary_times(after)
    pairs = [(measured_before[name], measured_after[name]) for name in common]
    ratio = drift(canaries_before, canaries_after)
    variants = tuple(_difference(old, new, canaries_before, canaries_after) for old, new in pairs)
    gaps = tuple(_gaps(variants))
    return RunDifference(
        variants=variants,
        only_before=_unmatched(measured_before, after),
        only_after=_unmatched(measured_after, before),
        canary_ratio=ratio,
        warnings=(*warn_of_change(before.run.info, after.run.info, pairs, ratio), *gaps),
        gaps=gaps,
    )


def _difference(
    before: VariantResult,
    after: VariantResult,
    canaries_before: Mapping[str, float],
    canaries_after: Mapping[str, float],
) -> VariantDifference:
    old, new = profile_of(before), profile_of(after)
    found = VariantDifference(
        variant=before.id,
        scenario=before.timings[0].scenario,
        before=absolute(before.timings),
        after=absolute(after.timings),
        before_in_canaries=in_canaries(before, canaries_before),
        after_in_canaries=in_canaries(after, canaries_after),
        clock=clock_of(old, new),
        operators=(),
        metrics=changed_metrics(before, after),
        notes=tuple(_notes(before, after)),
        cautions=(*_missing_passes(before, after), *_rough_times(old, new)),
    )
    if not (old.rows and new.rows):
        return found
    return replace(found, operators=changed_operators(old, new, shown=found.verdict != "open"))


def _between(before: Interval, after: Interval) -> tuple[float, float] | None:
    """Return where two intervals leave the ratio of what they hold: they overlap where it holds 1."""
    ends = (before.low, before.high, after.low, after.high)
    if min(before.count, after.count) == 1 or not all(0 < end < math.inf for end in ends):
        return None
    return after.low / before.high, after.high / before.low


def _notes(before: VariantResult, after: VariantResult) -> Iterator[str]:
    """Tell where one id stands for different work."""
    for name in before.settings.keys() & after.settings.keys():
        old, new = before.settings[name], after.settings[name]
        if old != new:
            yield f"other work: the setting {fmt.name(name)} is {fmt.clause(str(new))} instead of {fmt.clause(str(old))}"
    old_items, new_items = before.timings[0].items_per_step, after.timings[0].items_per_step
    if old_items != new_items:
        yield f"other work: a step handles {fmt.count(new_items)} items instead of {fmt.count(old_items)}"


def _missing_passes(before: VariantResult, after: VariantResult) -> Iterator[str]:
    runs = (("A", before), ("B", after))
    if lacking := [name for name, variant in runs if not variant.operators]:
        yield f"operators are not compared: no operator pass in {fmt.listing(lacking)}"
    if lacking := [name for name, variant in runs if variant.metric("peak_heap") is None]:
        yield f"memory is not compared: no memory pass in {fmt.listing(lacking)}"


def _rough_times(before: Profile, after: Profile) -> Iterator[str]:
    if rough := [name for name, profile in (("A", before), ("B", after)) if is_disturbed(profile)]:
        yield f"operators' times are rough: in {fmt.listing(rough)} they exceed the step without a profiler"


def _gaps(variants: Sequence[VariantDifference]) -> Iterator[str]:
    """Yield the cautions, with the number of variants that each holds for."""
    gaps = Counter(text for variant in variants for text in variant.cautions)
    for text, number in gaps.items():
        yield fmt.sentence(f"{text} for {number} of {len(variants)} variants")


def _measured(data: ReportData) -> dict[str, VariantResult]:
    return {
        variant.id: variant for result in data.scenarios for variant in result.variants if variant.timings
    }


def _unmatched(measured: Mapping[str, VariantResult], other: ReportData) -> tuple[Unmatched, ...]:
    """Return what was measured but lacks a timing in the other run, with the other run's reason."""
    known = {variant.id: variant for result in other.scenarios for variant in result.variants}
    found = []
    for name in measured:
        if name not in known:
            found.append(Unmatched(name, "not part of that run"))
        elif not known[name].timings:
            reason = fmt.one_line(known[name].reason).rstrip(".")
            found.append(Unmatched(name, known[name].outcome + (f" ({reason})" if reason else "")))
    return tuple(found)
