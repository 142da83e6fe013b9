"""Which counts and amounts of memory changed between two runs of one variant, and which line made them grow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchsuite.record import LEAK_LIMIT_BYTES
from reports import format as fmt
from reports.compare.site_changes import changed_sites

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchsuite.record import AllocationSite, SiteKind
    from reports.results import VariantResult

PEAK_FLOOR_BYTES: Final = 4096
"""A peak repeats but for small objects of the interpreter, such as a longer file name."""
MILLION: Final = 1e6
COUNTS: Final = {
    "graph_breaks": ("graph break", "graph breaks"),
    "recompiles": ("recompile", "recompiles"),
    "synchronisations": ("synchronisation a step", "synchronisations a step"),
    "host_to_device_copies": (
        "copy from the host to the device a step",
        "copies from the host to the device a step",
    ),
    "device_to_host_copies": (
        "copy from the device to the host a step",
        "copies from the device to the host a step",
    ),
    "operators": ("operator a step", "operators a step"),
    "kernels": ("kernel a step", "kernels a step"),
    "launches": ("launch a step", "launches a step"),
    "flops": ("floating-point operation a step", "floating-point operations a step"),
    "allocations": ("heap allocation a step", "heap allocations a step"),
    "temporary_allocations": ("temporary allocation a step", "temporary allocations a step"),
}
"""Counts that repeat exactly, as one and as many; every change of one is named."""
AMOUNTS: Final = {
    "copied_bytes": ("copied between host and device a step", 0),
    "moved_bytes": ("read and written by operators a step", 0),
    "peak_heap": ("at the peak of the heap", PEAK_FLOOR_BYTES),
    "cuda_peak_allocated": ("allocated at the peak on the GPU", PEAK_FLOOR_BYTES),
    "leak": ("leaked a step", LEAK_LIMIT_BYTES),
}
"""Bytes, how they are told, and the change that has to be exceeded to be named."""
SITES: Final[Mapping[str, SiteKind]] = {
    "peak_heap": "peak",
    "cuda_peak_allocated": "cuda_peak",
    "temporary_allocations": "temporary",
    "leak": "leak",
}

WEIGHTS: Final[Mapping[str, Callable[[AllocationSite], float]]] = {
    "temporary_allocations": lambda site: site.allocations
}
"""What of a site counts, where it is not bytes."""


@dataclass(frozen=True, slots=True)
class MetricCause:
    """A count or an amount of memory that changed: the metric's name and its value in either run."""

    name: str
    before: float
    after: float
    site: str = ""
    """The frame whose allocations changed most with it; empty: not known."""


def changed_metrics(before: VariantResult, after: VariantResult) -> tuple[MetricCause, ...]:
    """Name every count and amount that changed; a metric that one of the runs lacks is left out."""
    found = []
    for name in (*COUNTS, *AMOUNTS):
        old, new = before.metric(name), after.metric(name)
        floor = AMOUNTS[name][1] if name in AMOUNTS else 0
        if old is not None and new is not None and abs(new - old) > max(floor, 1e-6 * abs(old)):
            found.append(MetricCause(name, old, new, _site(name, before, after, grew=new > old)))
    return tuple(found)


def tell_metric(cause: MetricCause) -> str:
    """Say what changed: `1 graph break instead of 0`, `leaks 3.91 KiB a step`."""
    if cause.name in COUNTS:
        one, many = COUNTS[cause.name]
        words = one if cause.after == 1 else many
        before, after = spell_counts(cause.before, cause.after)
        text = f"{after} {words} instead of {before}"
    elif cause.name == "leak":
        text = _tell_leak(cause)
    else:
        before, after = _spell_sizes(cause.before, cause.after)
        text = f"{after} {AMOUNTS[cause.name][0]} instead of {before}"
    where = f", most of the change at {fmt.clause(cause.site)}" if cause.site else ""
    return f"{text}{where}"


def spell_counts(before: float, after: float) -> tuple[str, str]:
    """Spell two counts that differ: exactly below a million, and beyond it where rounding would make them one."""
    rounded = fmt.count(before), fmt.count(after)
    exact = f"{before:,.12g}", f"{after:,.12g}"
    return rounded if max(before, after) >= MILLION and rounded[0] != rounded[1] else exact


def _spell_sizes(before: float, after: float) -> tuple[str, str]:
    rounded = fmt.size(before), fmt.size(after)
    return rounded if rounded[0] != rounded[1] else (f"{before:,.0f} B", f"{after:,.0f} B")


def _tell_leak(cause: MetricCause) -> str:
    if cause.before <= LEAK_LIMIT_BYTES:
        return f"leaks {fmt.size(cause.after)} a step"
    if cause.after <= LEAK_LIMIT_BYTES:
        return f"no longer leaks {fmt.size(cause.before)} a step"
    return f"leaks {fmt.size(cause.after)} a step instead of {fmt.size(cause.before)}"


def _site(name: str, before: VariantResult, after: VariantResult, *, grew: bool) -> str:
    """Return the frame whose allocations changed most in the metric's direction."""
    if name not in SITES:
        return ""
    kind = SITES[name]
    changes = changed_sites(
        before.sites(kind),
        after.sites(kind),
        weigh=WEIGHTS.get(name, lambda site: site.size_bytes),
        frame_of=lambda stack: stack[0],
    )
    return next((change.frame for change in changes if (change.change > 0) == grew), "")
