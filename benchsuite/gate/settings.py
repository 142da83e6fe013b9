"""What a gate may be told: limits, how many pairs, what it does where it cannot decide."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import date

Policy: TypeAlias = Literal["report", "fail"]

DEFAULT_LIMITS: Mapping[str, float] = MappingProxyType({
    "step_time": 0.01,
    "peak_heap": 16384.0,
    "allocations": 0.0,
    "leak": 64.0,
    "operators": 0.0,
    "kernels": 0.0,
    "graph_breaks": 0.0,
    "recompiles": 0.0,
    "cuda_peak_allocated": 0.0,
})  # fmt: skip
"""What a metric may grow by without being called a regression: a share for `step_time`, an amount in the metric's
own unit (bytes, counts a step) for the others, which repeat exactly."""
TIME_METRICS = frozenset({"step_time"})
"""Metrics that are noisy and are judged by statistics; all others repeat exactly."""


@dataclass(frozen=True, slots=True)
class ScenarioLimits:
    """Limits of their own for the variants whose id contains a text."""

    match: str
    limits: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Findings that are shown but decide nothing, until a day."""

    match: str
    """A text that the variant's id contains."""
    reason: str
    until: date
    """The last day on which it holds; afterwards the gate refuses to start."""
    metric: str | None = None
    """None: all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """All that a gate may be told; the defaults are what it does without a word."""

    variants: tuple[str, ...] = ()
    """Texts that the ids of the gated variants contain; empty: the default set."""
    metrics: tuple[str, ...] = tuple(DEFAULT_LIMITS)
    limits: Mapping[str, float] = field(default_factory=lambda: DEFAULT_LIMITS)
    scenario_limits: tuple[ScenarioLimits, ...] = ()
    detect: float = 0.05
    """The slowdown that must be detectable, a share: where the pairs could not have shown it, the finding is inconclusive."""
    level: float = 0.01
    """Level of the test of one suspect; over all suspects of a gate, the rate of false discoveries."""
    screening_pairs: int = 4
    confirmation_pairs: int = 12
    """New ones, of each suspect."""
    further_pairs: int = 8
    """Of a suspect that the confirmation has left open."""
    budget_s: float = 600.0
    """No pair is started that would end later than this; what is not decided by then is inconclusive."""
    timeout_s: float = 600.0
    """How long one trial's set-up and warm-up, its check, or `prepare` may take."""
    on_inconclusive: Policy = "report"
    on_machine_change: Policy = "fail"
    prepare: str | None = None
    """A shell command that is run in the base's worktree, such as one that builds extensions."""
    quarantine: tuple[Quarantine, ...] = ()

    def limit(self, variant: str, metric: str) -> float:
        """Return what a metric of this variant may grow by; the last match that names the metric holds."""
        found = self.limits.get(metric, DEFAULT_LIMITS.get(metric, 0.0))
        for own in self.scenario_limits:
            if own.match in variant and metric in own.limits:
                found = own.limits[metric]
        return found

    def quarantined(self, variant: str, metric: str) -> Quarantine | None:
        """Return the quarantine that a finding is under."""
        return next(
            (q for q in self.quarantine if q.match in variant and q.metric in {None, metric}),
            None,
        )  # fmt: skip

    def idle_entries(self, variants: Collection[str]) -> tuple[tuple[str, str], ...]:
        """Return the entries that concern none of these variants: the list's key and the text that should match."""
        entries = [
            *(("scenario_limits", own.match) for own in self.scenario_limits),
            *(("quarantine", q.match) for q in self.quarantine),
        ]
        return tuple((key, match) for key, match in entries if not any(match in id_ for id_ in variants))
