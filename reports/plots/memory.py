"""Memory over time: what a process held while it built its workload and ran it, and what steps take and give back."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.ticker import FixedLocator, MaxNLocator

from reports import format as fmt
from reports.findings import baseline_and_fastest
from reports.plots.figure import Plot, axis_format, data_table, new_axes, short, to_svg
from reports.plots.svg import MARKERS, PALETTE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from reports.results import ContextResult, VariantResult

MOST_CURVES = 4
MOST_POINTS = 160
MOST_ROWS = 10
"""Of the table, for each curve."""
MOST_TICKS = 6
WIDEST = 2.7
"""Of the first curve: each further one is narrower, so that those that agree are all seen."""
HEIGHT = 3.3
DIFFERENCE = 1.02
"""Peaks that are closer look the same."""
HEAP, STEPS = "heap_over_time", "memory_over_time"


@dataclass(frozen=True, slots=True)
class Curve:
    """What one variant held: points of ms and bytes, in the order of time."""

    variant: VariantResult
    points: tuple[tuple[float, float], ...]

    @property
    def peak(self) -> tuple[float, float]:
        """Where it held the most."""
        return max(self.points, key=lambda point: point[1])


def heap_plot(context: ContextResult, prefix: str) -> Plot | None:
    """Draw the heap while a workload is built and 20 steps run; None where no memory pass has seen it."""
    reading = (
        "The heap as memray saw it at one thread, every 10 ms: first the model and its data are built, then come 20 steps. "
        "The mark is the peak. What rises from step to step is kept."
    )
    return _plot(
        context,
        HEAP,
        f"{prefix}-heap",
        title="Heap over time",
        x_label="time since building began",
        reading=reading,
    )


def step_memory_plot(context: ContextResult, prefix: str, *, on_gpu: bool) -> Plot | None:
    """Draw what tensors hold over the profiled steps; None where no operator pass has seen it."""
    what = "GPU memory" if on_gpu else "Tensor memory"
    held = "What the GPU's allocator had given out" if on_gpu else "What tensors of these steps held"
    reading = (
        f"{held}, over the profiled steps: activations pile up in the forward pass and are given back in the backward "
        "pass. The mark is the peak. A step that ends higher than it began keeps something."
    )
    return _plot(
        context,
        STEPS,
        f"{prefix}-held",
        title=f"{what} over a few steps",
        x_label="time since the first step began",
        reading=reading,
    )


def heaps_differ(context: ContextResult) -> bool:
    """Tell whether the variants' peaks of the heap differ by so much that their curves have something to say."""
    peaks = [peak for variant in context.variants if (peak := variant.metric("peak_heap"))]
    return len(peaks) > 1 and max(peaks) > DIFFERENCE * min(peaks)


def curves(context: ContextResult, series: str) -> tuple[Curve, ...]:
    """Return the curves that tell most: the baseline's, the fastest one's, and those of least and highest peak.

    Points that are no finite numbers or below zero are left out.
    """
    found = [Curve(v, points) for v in context.variants if (points := _sound(v.series(series)))]
    if len(found) <= MOST_CURVES:
        return tuple(found)
    by_peak = sorted(found, key=lambda curve: curve.peak[1])
    telling = {variant.id for variant in baseline_and_fastest(context)}
    telling |= {by_peak[0].variant.id, by_peak[-1].variant.id}
    return tuple(curve for curve in found if curve.variant.id in telling)


def _plot(
    context: ContextResult, series: str, name: str, *, title: str, x_label: str, reading: str
) -> Plot | None:
    found = curves(context, series)
    if not found:
        return None
    figure, axes = new_axes(HEIGHT)
    for number, curve in enumerate(found):
        colour = PALETTE[number % len(PALETTE)]
        marker = MARKERS[number % len(MARKERS)]
        xs, ys = zip(*thinned(curve.points, MOST_POINTS), strict=True)
        label = f"{short(curve.variant.label, 24)}: {fmt.size(curve.peak[1])}"
        axes.plot(
            xs,
            ys,
            color=colour,
            linewidth=WIDEST - 0.5 * number,
            marker=marker,
            markevery=[ys.index(curve.peak[1])],
            label=label,
        )
    axes.set_xlim(left=0)
    _size_axis(axes, max(curve.peak[1] for curve in found))
    axes.xaxis.set_major_locator(MaxNLocator(MOST_TICKS))
    axis_format(axes.xaxis, lambda ms: fmt.duration(1e6 * ms))
    axes.set_xlabel(x_label)
    axes.set_ylabel("memory")
    figure.legend(loc="outside lower center", ncols=2)
    head = f", {context.label}" if context.label else ""
    words = [
        f"{short(curve.variant.label, 60)} reaches {fmt.size(curve.peak[1])} after {fmt.duration(1e6 * curve.peak[0])}"
        for curve in found
    ]
    if left := sum(bool(variant.series(series)) for variant in context.variants) - len(found):
        more = "1 more variant is" if left == 1 else f"{left} more variants are"
        reading += f" {more} not drawn, with a peak between these."
    rows = [
        (fmt.name(curve.variant.label), fmt.duration(1e6 * ms), fmt.size(size_bytes))
        for curve in found
        for ms, size_bytes in thinned(curve.points, MOST_ROWS)
    ]
    alt = f"{title}{head}: {'; '.join(words)}."
    data = data_table(("Variant", "After", "Held"), rows)
    return Plot(f"{title}{head}", to_svg(figure, name, alt), reading, data)


def thinned(points: Sequence[tuple[float, float]], most: int) -> tuple[tuple[float, float], ...]:
    """Return the highest point of each of so many equal parts: no peak is lost."""
    if len(points) <= most:
        return tuple(points)
    edges = [len(points) * part // most for part in range(most + 1)]
    return tuple(max(points[low:high], key=lambda point: point[1]) for low, high in itertools.pairwise(edges))


def _sound(points: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    return tuple(sorted((x, y) for x, y in points if 0 <= x < math.inf and 0 <= y < math.inf))


def _size_axis(axes: Axes, highest: float) -> None:
    """Give an axis of bytes a handful of round ticks from zero on."""
    unit = 1024.0 ** max(0, math.floor(math.log(max(highest, 1.0), 1024)))
    steps = (unit * step * 10**power for power in range(-1, 4) for step in (1, 2, 5))
    step = next((step for step in steps if highest / step <= MOST_TICKS), highest)
    axes.yaxis.set_major_locator(
        FixedLocator([step * n for n in range(MOST_TICKS + 1) if step * n <= 1.1 * highest])
    )
    axes.set_ylim(0, 1.12 * max(highest, 1.0))
    axis_format(axes.yaxis, fmt.size)
