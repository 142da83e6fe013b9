"""A trial's step times for other programs: of its turns where it took some, as only these are step times on CUDA."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchsuite.record import Record
    from reports.results import VariantResult


def step_samples_ns(record: Record) -> list[float]:
    """Return the mean time of a step in each turn in ns, or of each step where the trial took no turns."""
    return [turn.step_ns for turn in record.turns] or [float(ns) for ns in record.step_ns]


def all_step_samples_ns(variant: VariantResult) -> list[float]:
    """Return the step times of all rounds of a variant in ns, in the order in which they were taken."""
    return [ns for record in variant.timings for ns in step_samples_ns(record)]
