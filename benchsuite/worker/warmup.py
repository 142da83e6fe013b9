"""When a workload has warmed up: decided from its own step times, not from a fixed count."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MIN_WINDOW_STEPS = 4
MAX_WINDOW_STEPS = 50
WINDOW_NS = 20_000_000
STILL_FALLING = 0.10
"""A window whose median lies this much below the one before it shows a step that still gets faster."""
SPIKE = 3.0
"""A step this many times the window's median is a compilation or an autotuning, not a step."""
LIMIT_STEPS = 500
LIMIT_NS = 30_000_000_000


def window_steps(samples_ns: Sequence[int]) -> int:
    """Return how many steps make a window: about 20 ms of them, between 4 and 50."""
    typical_ns = max(1.0, statistics.median(samples_ns))
    return min(MAX_WINDOW_STEPS, max(MIN_WINDOW_STEPS, math.ceil(WINDOW_NS / typical_ns)))


def has_settled(samples_ns: Sequence[int]) -> bool:
    """Say whether the step time has settled.

    It has when the last two windows of steps lie on one level and neither holds a spike. A level
    that rises counts as settled: noise and throttling raise it, warming up lowers it.

    Args:
        samples_ns: the durations of all steps after the first one, in their order.
    """
    if not samples_ns:
        return False
    window = window_steps(samples_ns)
    if len(samples_ns) < 2 * window:
        return False
    before, last = samples_ns[-2 * window : -window], samples_ns[-window:]
    level_before, level = statistics.median(before), statistics.median(last)
    still_falling = level < level_before * (1 - STILL_FALLING)
    spikes = max(*before, *last) > SPIKE * max(level, level_before)
    # One slow step among many is the machine's noise, not a warm-up, if the steps are short.
    return not still_falling and not (spikes and window < MAX_WINDOW_STEPS)


def must_stop(samples_ns: Sequence[int]) -> bool:
    """Say whether waiting longer is no use: the trial goes on and is marked as not settled."""
    return len(samples_ns) >= LIMIT_STEPS or sum(samples_ns) >= LIMIT_NS
