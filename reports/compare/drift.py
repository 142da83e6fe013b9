"""How much the machine itself moved between two runs: step times beside the canary's, a fixed workload."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from benchsuite.comparison import CONFIDENCE, step_time_ns
from benchsuite.record import CANARY, latest
from benchsuite.statistics import log_interval

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchsuite.statistics import Interval
    from reports.load import ReportData
    from reports.results import VariantResult


def canary_times(data: ReportData) -> dict[str, float]:
    """Return the canary's step time in ns, by group."""
    records = latest(data.run.records)
    return {r.group: step_time_ns(r) for r in records if r.scenario == CANARY and r.turns}


def in_canaries(variant: VariantResult, canaries: Mapping[str, float]) -> Interval | None:
    """Return the step time relative to the canary's of the same group, over rounds; None: it took no turns there."""
    ratios = [step_time_ns(r) / canaries[r.group] for r in variant.timings if r.group in canaries]
    return log_interval(ratios, CONFIDENCE) if ratios else None


def drift(before: Mapping[str, float], after: Mapping[str, float]) -> float | None:
    """Return the canary's step time over all groups of the second run relative to the first; None: not known."""
    if not (before and after):
        return None
    return statistics.median(after.values()) / statistics.median(before.values())
