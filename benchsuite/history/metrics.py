"""What is known of metrics: which repeat exactly, which way is better, and how small a change says nothing."""

from __future__ import annotations

from typing import Final

from benchsuite.comparison import MARGIN
from benchsuite.gate.settings import DEFAULT_LIMITS, TIME_METRICS

EXACT_FLOORS: Final = {
    **{name: limit for name, limit in DEFAULT_LIMITS.items() if name not in TIME_METRICS},
    **dict.fromkeys(
        (
            "temporary_allocations", "flops", "moved_bytes", "copied_bytes", "launches", "synchronisations",
            "host_to_device_copies", "device_to_host_copies", "cuda_peak_reserved", "optimizer_state_bytes",
        ),
        0.0,
    ),
    "cuda_leak": DEFAULT_LIMITS["leak"],
}  # fmt: skip
"""Metrics that repeat exactly, and the change in the metric's own unit that says nothing, as in gates."""
LEAST_SHARE: Final = MARGIN
"""A smaller change of a noisy metric is not told, as a report claims no smaller difference."""
MACHINE_MOVED: Final = 0.03
"""A canary that moved by a larger share is told beside a change."""
TIMES: Final = frozenset(
    {"step_time", "throughput", "first_step_time", "compile_time", "device_time", "cpu_time", "setup_time"}
)
"""Metrics that a slower machine changes."""
HIGHER_IS_BETTER: Final = ("throughput", "accuracy", "recall")
NEUTRAL: Final = ("profiler_overhead", "memray_overhead", "calls_overhead", "flops")


def is_better(metric: str, *, rose: bool) -> bool | None:
    """Say whether a change is for the better; None: that cannot be said of this metric."""
    if metric in NEUTRAL:
        return None
    if any(word in metric for word in HIGHER_IS_BETTER):
        return rose
    known = metric in EXACT_FLOORS or metric.endswith(
        ("_time", "_rss", "_bytes", "_memory", "_share", "energy")
    )
    return not rose if known or metric == "loss" else None
