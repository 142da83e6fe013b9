"""A variant's operator pass, made ready to be compared with another's."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from reports.compare.operator_changes import Profile

if TYPE_CHECKING:
    from reports.results import VariantResult


def profile_of(variant: VariantResult) -> Profile:
    """Return a variant's operator table with the times of its steps; where it has no timing, the plain step stands for it."""
    plain = [r.device_ns or r.step_ns for r in variant.trials if r.pass_ == "operators" and r.operators]
    plain_ns = statistics.median(plain[-1]) if plain and plain[-1] else 0.0
    time = variant.step_time
    return Profile(
        rows=variant.operators,
        plain_ns=plain_ns,
        step_ns=plain_ns if time is None else time.value,
        overhead=variant.metric("profiler_overhead") or 0.0,
        operators=variant.metric("operators"),
        rows_dropped=variant.metric("operator_rows_dropped") or 0.0,
    )
