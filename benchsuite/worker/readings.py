"""Reads the captures of a memory pass; one that cannot be read takes nothing from the others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchsuite.worker import captures
from benchsuite.worker.captures import Capture, CaptureError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from benchsuite.record import AllocationSite

MOST_PEAK_SITES = 20
MOST_TEMPORARY_SITES = 10


@dataclass(frozen=True, slots=True)
class Reading:
    """What one or two captures say, in a record's words."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    series: Mapping[str, list[tuple[float, float]]] = field(default_factory=dict)
    sites: tuple[AllocationSite, ...] = ()
    artifacts: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    """What could not be read or was left out, in clauses."""

    def __add__(self, other: Reading) -> Reading:
        """Return both together."""
        return Reading(
            {**self.metrics, **other.metrics},
            {**self.series, **other.series},
            (*self.sites, *other.sites),
            {**self.artifacts, **other.artifacts},
            (*self.problems, *other.problems),
        )


def attempt(read: Callable[[], Reading]) -> Reading:
    """Return what was read, or the reason why nothing was."""
    try:
        return read()
    except CaptureError as error:
        return Reading(problems=(str(error),))


def of_peak(path: Path) -> Reading:
    """Read the capture of building a workload and running it.

    Raises:
        CaptureError: it cannot be read.
    """
    capture = Capture(path)
    return Reading(
        {"peak_heap": float(capture.peak_bytes)},
        {"heap_over_time": capture.heap_over_time()},
        captures.largest("peak", capture.high_water_mark(), MOST_PEAK_SITES),
    )


def of_steps(path: Path, steps: int) -> Reading:
    """Read the capture of so many steps.

    Raises:
        CaptureError: it cannot be read.
    """
    capture = Capture(path)
    temporary = capture.temporary()
    counts = {
        "allocations": capture.allocations / steps,
        "temporary_allocations": sum(held.blocks for held in temporary.values()) / steps,
    }
    return Reading(counts, sites=captures.largest("temporary", temporary, MOST_TEMPORARY_SITES, steps))


def left_out(step_ns: float) -> Reading:
    """Say that leaks were not looked for, as a step takes so long."""
    return Reading(problems=(f"a step takes {step_ns / 1e9:.1f} s, too long to look for leaks",))
