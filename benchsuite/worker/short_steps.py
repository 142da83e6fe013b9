"""Where a step is too short for a pass: what of its record says little then, in clauses.

Counts and bytes hold however short a step is; times do not.
"""

from __future__ import annotations

UNITS = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"))
MOST_TIMES = 2.0
"""From here on, more than half of a profiled step is the profiler's own."""


def under_profiler(step_ns: float, overhead: float) -> tuple[str, ...]:
    """Say that the times of a step's operators are mostly the profiler's; empty: they are not.

    Args:
        step_ns: a plain step.
        overhead: the profiled step's time over the plain step's, less 1.
    """
    times = 1 + overhead
    if times < MOST_TIMES:
        return ()
    scale, unit = next((known for known in UNITS if step_ns >= known[0]), UNITS[-1])
    slower = f"under the profiler it takes {times:.1f} times as long"
    return (f"a step takes {step_ns / scale:.1f} {unit}: {slower}, its operators' CPU times say little",)


def under_memray(tracked_ns: float, steps: int, interval_ms: int) -> tuple[str, ...]:
    """Say that the heap's curve shows no step, as all that were captured lie between two of its points; empty: it does.

    Args:
        tracked_ns: what the steps took together, under memray.
        steps: how many they were.
        interval_ms: from one point of the curve to the next.
    """
    if tracked_ns >= interval_ms * 1_000_000:
        return ()
    gap = f"the {interval_ms} ms from one point of the heap's curve to the next"
    return (f"{steps} steps take less than {gap}: it says nothing of a step",)
