"""Whether a variant's steps leave memory behind, as a sentence: how much, which line holds it, and when it is full."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from benchsuite.record import LEAK_LIMIT_BYTES
from benchsuite.stacks import holder
from reports import format as fmt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchsuite.record import AllocationSite
    from reports.results import VariantResult

MOST_OF_IT = 0.9
"""A line that holds this share of a leak is named for all of it."""
NONE = f"no leak above {LEAK_LIMIT_BYTES} B a step"


def is_searched(variant: VariantResult) -> bool:
    """Whether the run has looked for a leak of this variant."""
    return variant.metric("leak") is not None


def is_leaking(variant: VariantResult) -> bool:
    """Whether a step of this variant leaves memory behind, of the process or of a GPU."""
    return bytes_a_step(variant) > LEAK_LIMIT_BYTES


def bytes_a_step(variant: VariantResult) -> float:
    """Return what a step leaves behind of the process's memory or of a GPU's, whichever is more."""
    return max(variant.metric("leak") or 0.0, variant.metric("cuda_leak") or 0.0)


def verdict(variant: VariantResult, memory_bytes: float | None) -> str:
    """Say what a step of a variant leaves behind, without a full stop; empty: nobody has looked.

    Args:
        variant: with the records of its memory pass.
        memory_bytes: what the machine has; None: it is not known.
    """
    if not is_searched(variant):
        return ""
    if not is_leaking(variant):
        return NONE
    host, gpu = variant.metric("leak") or 0.0, variant.metric("cuda_leak") or 0.0
    line = main_line(variant.sites("leak"), host)
    parts = []
    if host > LEAK_LIMIT_BYTES:
        parts.append(f"{fmt.size(host)} a step held{_held_from(line)}{_full(variant, host, memory_bytes)}")
    if gpu > LEAK_LIMIT_BYTES:
        parts.append(f"{fmt.size(gpu)} a step of GPU memory held{_held_from(line)}")
    return "; ".join(parts)


def main_line(sites: Iterable[AllocationSite], total_bytes: float) -> tuple[str, float]:
    """Return the line that holds the most of a leak, as `file.py:88`, and its share of the whole; ("", 0): unknown."""
    held: dict[str, float] = defaultdict(float)
    for site in sites:
        held[holder(site.stack)] += site.size_bytes
    named = {line: size for line, size in held.items() if line and size > 0}
    if not named or total_bytes <= 0:
        return "", 0.0
    line = max(named, key=lambda line: named[line])
    return line, min(1.0, named[line] / total_bytes)


def _held_from(line: tuple[str, float]) -> str:
    place, share = line
    if not place:
        return ""
    most = "" if share >= MOST_OF_IT else f" by several lines, {fmt.percent(share)} of it"
    return f"{most} from {fmt.name(place)}"


def _full(variant: VariantResult, leak_bytes: float, memory_bytes: float | None) -> str:
    time = variant.step_time
    if time is None or not memory_bytes:
        return ""
    return f": {fmt.size(memory_bytes)} are full in {fmt.duration(memory_bytes / leak_bytes * time.value)}"
