"""How metrics are called in frames: with their unit, where their own name does not tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

UNITS: Final[Mapping[str, str]] = {
    "setup_time": "ns",
    "check_time": "ns",
    "compile_time": "ns",
    "epoch_start_time": "ns",
    "peak_rss": "bytes",
    "peak_heap": "bytes",
    "cuda_peak_allocated": "bytes",
    "cuda_peak_reserved": "bytes",
    "worker_memory": "bytes",
    "leak": "bytes_per_step",
    "cuda_leak": "bytes_per_step",
    "energy": "joules_per_step",
}
"""Of metrics that the engine and its scenarios report; counts and shares have none."""


def metric_columns(names: Iterable[str]) -> dict[str, str]:
    """Return the column of each metric, such as `metrics.peak_heap_bytes` of `peak_heap`, in the names' order.

    A scenario may report a metric by the longer name too: then both keep their own.
    """
    known = dict.fromkeys(names)
    found = {}
    for name in known:
        longer = f"{name}_{UNITS[name]}" if name in UNITS else name
        found[name] = f"metrics.{name if longer in known else longer}"
    return found
