"""What a run found: scenarios, their contexts and their variants, each with all that was recorded of it."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from benchsuite.comparison import Comparison, absolute, contended
from benchsuite.statistics import Interval

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchsuite.record import AllocationSite, CheckResult, OperatorRow, Record, SiteKind, Span


Outcome: TypeAlias = Literal["completed", "skipped", "failed", "not measured"]
WHOLE_STEP = "step"
"""What a scenario calls its step if it is a whole one of a training or inference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantResult:
    """All that a run knows about one variant."""

    id: str
    label: str
    """What tells the variant from the others of its context, fit to be shown."""
    settings: Mapping[str, Any]
    context: Mapping[str, Any]
    changes: Mapping[str, Any]
    """What the variant stands for in a combination of several scenarios' winners; empty: it cannot be part of one."""
    baseline: bool
    outcome: Outcome
    reason: str
    trials: tuple[Record, ...]
    """Every trial that ran, of all passes, failed ones included."""
    comparison: Comparison | None
    ranks: int = 1
    """Processes that did the work together."""
    step_word: str = WHOLE_STEP
    """What its scenario calls its step, such as `update`."""
    imports_ns: float = 0.0
    """What a user's own process imports, beside its first step, to compile; the workers had imported it already."""

    @property
    def timings(self) -> tuple[Record, ...]:
        """The completed timing trials that hold samples."""
        return tuple(
            r
            for r in self.trials
            if r.pass_ == "timing" and r.outcome == "completed" and (r.turns or r.step_ns)
        )

    @property
    def failed_checks(self) -> tuple[CheckResult, ...]:
        """The checks that did not hold, of any trial."""
        return tuple(check for record in self.trials for check in record.checks if not check.ok)

    @property
    def faults(self) -> tuple[Record, ...]:
        """The trials that failed."""
        return tuple(record for record in self.trials if record.outcome == "failed")

    @property
    def sound(self) -> bool:
        """Whether the variant ran in every timing round and all of its checks held: it may win."""
        failed_timing = any(record.pass_ == "timing" for record in self.faults)
        return bool(self.timings) and not failed_timing and not self.failed_checks

    @property
    def step_time(self) -> Interval | None:
        """Time of a step in ns, over rounds."""
        return absolute(self.timings) if self.timings else None

    @property
    def throughput(self) -> Interval | None:
        """Items a second, over rounds."""
        time = self.step_time
        if time is None:
            return None
        items = self.timings[0].items_per_step * 1e9
        return Interval(
            items / time.value, items / time.high, items / time.low if time.low else math.inf, time.count
        )

    @property
    def operators(self) -> tuple[OperatorRow, ...]:
        """The operators of the last operator pass, the most expensive first."""
        found = [r.operators for r in self.trials if r.pass_ == "operators" and r.operators]
        rows = found[-1] if found else ()
        return tuple(sorted(rows, key=lambda row: -max(row.self_cpu_ns, row.self_device_ns)))

    @property
    def timeline(self) -> tuple[Span, ...]:
        """The spans of one step, of the last operator pass that holds any."""
        found = [r.timeline for r in self.trials if r.pass_ == "operators" and r.timeline]
        return found[-1] if found else ()

    def sites(self, kind: SiteKind) -> tuple[AllocationSite, ...]:
        """Return the lines of one kind that the last memory pass has found, the largest first."""
        found = [r.sites for r in self.trials if r.pass_ == "memory" and r.sites]
        return tuple(site for site in (found[-1] if found else ()) if site.kind == kind)

    @property
    def disturbances(self) -> tuple[str, ...]:
        """What disturbed each disturbed timing, in a few words each."""
        return tuple(text for record in self.timings if (text := contended(record)))

    @property
    def unsettled(self) -> int:
        """How many timings began before the step time had settled."""
        return sum(not record.settled for record in self.timings)

    def first_step_ns(self, *caches: str) -> float | None:
        """Return the median first step of the timings that found the compile cache in one of these states."""
        found = [
            r.first_step_ns
            for r in self.timings
            if r.first_step_ns and (not caches or r.compile_cache in caches)
        ]
        return statistics.median(found) if found else None

    @property
    def starts_ns(self) -> tuple[float, ...]:
        """Set-up, first step and imports of each timing; where compiled code is kept, of those alone that found none."""
        cold = [r for r in self.timings if r.compile_cache == "empty"] or self.timings
        return tuple(
            r.first_step_ns + r.metrics.get("setup_time", 0.0) + self.imports_ns
            for r in cold
            if r.first_step_ns
        )

    def metric(self, *names: str) -> float | None:
        """Return the median over trials of the first of these metrics that was measured."""
        for name in names:
            values = [r.metrics[name] for r in self.trials if r.metrics.get(name) is not None]
            if finite := [value for value in values if math.isfinite(value)]:
                return statistics.median(finite)
        return None

    def series(self, name: str) -> tuple[tuple[float, float], ...]:
        """Return a named curve, from the last trial that holds one."""
        found = [r.series[name] for r in self.trials if r.series.get(name)]
        return found[-1] if found else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextResult:
    """The variants that are compared with each other, and their baseline."""

    label: str
    """Empty where the scenario has one context only."""
    variants: tuple[VariantResult, ...]

    @property
    def baseline(self) -> VariantResult | None:
        """The variant that the others are compared with."""
        return next((variant for variant in self.variants if variant.baseline), None)

    @property
    def measured(self) -> tuple[VariantResult, ...]:
        """The variants with at least one completed timing."""
        return tuple(variant for variant in self.variants if variant.timings)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioResult:
    """One question with everything that a run found about it."""

    name: str
    question: str
    compare: str | None
    metric: str
    answer: str
    once: bool
    step_word: str
    """What it calls its step."""
    combines: bool
    """Whether its variants are the other scenarios' winners, put on top of each other."""
    contexts: tuple[ContextResult, ...]
    ceilings: Mapping[str, float] = field(default_factory=dict)
    """What the machine can do at most, as the run measured it and its steps have shown; empty: not measured."""
    memory_bytes: float | None = None
    """Of the machine; None: the run does not say."""

    @property
    def variants(self) -> tuple[VariantResult, ...]:
        """The variants of all contexts."""
        return tuple(variant for context in self.contexts for variant in context.variants)
