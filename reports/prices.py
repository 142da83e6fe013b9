"""What a variant takes or saves beside its speed: memory, accuracy, energy, and dearer starts."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from reports import format as fmt
from reports.findings import accuracy_points, energy_ratio, epoch_start_ns, find_payback, memory_ratio
from reports.phrases import said, steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reports.findings import Field, Rival
    from reports.results import VariantResult

MEMORY_TOLD = 0.02
ENERGY_TOLD = 0.05
"""A smaller part is not worth a word; energy is read from a counter that is coarse."""
POINTS_TOLD = 0.5
"""Half a point of some thousand test items is within what another seed brings."""
MOST_PRICES = 2


def price(variant: VariantResult, base: VariantResult) -> str:
    """Say what a variant needs and gives against another: `, with 1.31 times the peak memory`; empty where it is alike."""
    parts = []
    memory, energy = memory_ratio(variant, base), energy_ratio(variant, base)
    points = accuracy_points(variant, base)
    epoch_start = epoch_start_ns(variant, base)
    if memory is not None and abs(memory - 1) > MEMORY_TOLD:
        parts.append(f"{fmt.factor(memory)} times the peak memory")
    if (workers := (variant.metric("worker_memory") or 0) - (base.metric("worker_memory") or 0)) > 0:
        parts.append(f"{fmt.size(workers)} more in worker processes")
    if epoch_start is not None:
        more = "more" if epoch_start > 0 else "less"
        parts.append(f"{fmt.duration(abs(epoch_start))} {more} at each start of an epoch")
    if energy is not None and abs(energy - 1) > ENERGY_TOLD:
        parts.append(f"{fmt.factor(energy)} times the energy")
    if points is not None and abs(points) > POINTS_TOLD:
        parts.append(f"{abs(points):.1f} points {'more' if points > 0 else 'less'} accuracy")
    return f", with {fmt.listing(parts)}" if parts else ""


def prices(rivals: Sequence[Rival], base: VariantResult) -> str:
    """Say what several need and give, where no difference in speed can be told."""
    parts = [
        f"{said(rival.variant)}{words.removeprefix(',')}"
        for rival in rivals
        if (words := price(rival.variant, base))
    ]
    told = parts if len(parts) <= MOST_PRICES else [*parts[:MOST_PRICES], f"{len(parts) - MOST_PRICES} more"]
    return f"against {said(base)}: {'; '.join(told)}" if parts else ""


def payback(field: Field, rival: Rival) -> str:
    """Say when a dearer start has been earned back; empty where the start is no dearer."""
    paid = find_payback(field, rival)
    return f"its dearer start has paid after about {steps(paid.value, rival.variant)}" if paid else ""


def starts(field: Field, rival: Rival, base_name: str = "") -> str:
    """Say how long a dearer start takes, and the baseline's; empty where the start is no dearer."""
    if find_payback(field, rival) is None:
        return ""
    mine = fmt.duration(statistics.median(rival.variant.starts_ns))
    others = fmt.duration(statistics.median(field.baseline.starts_ns))
    imports = "set-up, imports" if rival.variant.imports_ns else "set-up"
    return f"{imports} and first step take {mine}, those of {base_name or said(field.baseline)} {others}"
