"""How speed grows with threads, ranks or the batch, against what the ideal would be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from benchsuite.statistics import Interval
from reports import format as fmt
from reports.bounds import Step
from reports.findings import Rival, axis_value, find_field
from reports.plots.figure import Plot, data_table, log_axis, new_axes, short, to_svg
from reports.plots.label_places import spaced, text_width
from reports.plots.svg import MARKERS, MUTED, PALETTE, WIDTH_INCHES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes

    from reports.results import ContextResult, ScenarioResult, VariantResult

Size: TypeAlias = "Callable[[VariantResult], float]"
HEIGHT = 3.3
MARGINS_POINTS = 95
"""What stands beside the axes, about: the rest of the width is theirs."""
TICK_SIZE = 9


@dataclass(frozen=True, slots=True)
class Point:
    """One variant: how much it had of what is scaled, and how fast it was."""

    label: str
    size: float
    speedup: Interval
    """Against the fastest variant of the smallest size."""
    ideal: float
    """The speedup that this size would have if nothing were lost."""

    @property
    def efficiency(self) -> float:
        """The speedup's share of the ideal one."""
        return self.speedup.value / self.ideal


@dataclass(frozen=True, slots=True)
class Curve:
    """A context's points, in the order of their sizes."""

    label: str
    points: tuple[Point, ...]

    @property
    def best(self) -> tuple[Point, ...]:
        """The fastest point of each size."""
        sizes = dict.fromkeys(point.size for point in self.points)
        return tuple(
            max((p for p in self.points if p.size == size), key=lambda p: p.speedup.value) for size in sizes
        )


def scaling_plot(result: ScenarioResult, prefix: str) -> Plot | None:
    """Draw speed over threads, ranks or batch size beside the ideal line; None where none of them varies."""
    what, curves = scaling(result)
    if not curves:
        return None
    figure, axes = new_axes(HEIGHT)
    for start in dict.fromkeys(curve.points[0].size for curve in curves):
        end = max(curve.points[-1].size for curve in curves if curve.points[0].size == start)
        label = "ideal" if start == curves[0].points[0].size else None
        axes.plot(
            [start, end], [1, end / start], color=MUTED, linewidth=1.4, linestyle=(0, (4, 2)), label=label
        )
    for number, curve in enumerate(curves):
        _draw(axes, curve, PALETTE[number % len(PALETTE)], MARKERS[number % len(MARKERS)])
    _scale(axes, curves)
    axes.set_xlabel(short(what))
    axes.set_ylabel("speed (times)")
    figure.legend(loc="outside lower center", ncols=min(3, 1 + len(curves)))
    rows = [
        (
            curve.label,
            fmt.name(point.label),
            f"{point.size:g}",
            fmt.factor(point.speedup.value),
            fmt.factor_range(point.speedup.low, point.speedup.high),
            fmt.factor(point.ideal),
            fmt.percent(point.efficiency),
        )
        for curve in curves
        for point in curve.points
    ]
    words = [
        f"{curve.label or 'measured'} at {point.size:g}: {fmt.factor(point.speedup.value)} times, "
        f"{fmt.percent(point.efficiency)} of the ideal"
        for curve in curves
        for point in curve.best
    ]
    alt = f"Speed over {what} against the ideal: {'; '.join(words)}."
    reading = (
        "Times as fast as with the least, with its interval; the dashed line is what it would be if nothing were lost. How far "
        "a point lies below it is what more costs. Both axes are logarithmic."
    )
    if any(len(curve.best) < len(curve.points) for curve in curves):
        reading += " Hollow: slower than another variant with as many."
    titles = ("Context", "Variant", what.capitalize(), "Speed", "95 % interval", "Ideal", "Efficiency")
    # A scenario of one context has no name for it.
    first = 0 if any(row[0] for row in rows) else 1
    data = data_table(titles[first:], [row[first:] for row in rows])
    return Plot(f"Scaling with {what}", to_svg(figure, f"{prefix}-scaling", alt), reading, data)


def scaling(result: ScenarioResult) -> tuple[str, tuple[Curve, ...]]:
    """Return what is scaled, in words, and a curve for each context in which it has several sizes.

    It is the compared axis where the question is how much of it pays; else the threads of all ranks, or the GPUs.
    A combination of several changes has no curve: they would not be told from the threads.
    """
    if result.combines:
        return "", ()
    sizes = _axis_sizes if result.answer == "knee" else _worker_sizes
    found = []
    for context in result.contexts:
        what, size = sizes(result, context)
        if (curve := _curve(context, size)) is not None:
            found.append((what, curve))
    return " or ".join(dict.fromkeys(what for what, _curve in found)), tuple(curve for _what, curve in found)


def _axis_sizes(result: ScenarioResult, _context: ContextResult) -> tuple[str, Size]:
    what = fmt.name((result.compare or "").replace("_", " "))
    return what, lambda variant: axis_value(variant, result.compare)


def _worker_sizes(result: ScenarioResult, context: ContextResult) -> tuple[str, Size]:
    """Return what works in a context, in words, and how much of it a variant has; NaN: not to be compared."""
    steps = [step for v in context.measured if (step := Step.of(v, result.ceilings)) is not None]
    if len({step.on_gpu for step in steps}) != 1:
        return "", lambda _variant: math.nan
    if steps[0].on_gpu:
        return "GPUs", lambda variant: float(variant.ranks)
    threads = {variant.timings[0].threads for variant in context.measured}
    ranks = {variant.ranks for variant in context.measured}
    what = "threads" if ranks == {1} else "ranks" if threads == {1} else "threads of all ranks"
    return what, lambda variant: float(variant.ranks * variant.timings[0].threads)


def _curve(context: ContextResult, size: Size) -> Curve | None:
    field = find_field(context)
    if field is None:
        return None
    itself = Rival(field.baseline, Interval(1.0, 1.0, 1.0, len(field.baseline.timings)), "baseline")
    members = [(size(rival.variant), rival) for rival in (itself, *field.rivals, *field.unproven)]
    members = sorted(
        ((n, rival) for n, rival in members if 0 < n < math.inf and rival.speedup.value > 0),
        key=lambda member: member[0],
    )
    if len({n for n, _rival in members}) < 2:  # noqa: PLR2004 - nothing is scaled
        return None
    least = members[0][0]
    first = max((rival for n, rival in members if n == least), key=lambda rival: rival.speedup.value)
    points = [Point(r.label, n, _against(r, first), n / least) for n, r in members]
    return Curve(context.label, tuple(points))


def _against(rival: Rival, first: Rival) -> Interval:
    """Return a speed relative to another's: their intervals hold together, so the ends of this one hold too."""
    mine, others = rival.speedup, first.speedup
    if rival is first:
        return Interval(1.0, 1.0, 1.0, mine.count)
    low = mine.low / others.high
    high = mine.high / others.low if others.low > 0 else math.inf
    return Interval(mine.value / others.value, low, high, min(mine.count, others.count))


def _draw(axes: Axes, curve: Curve, colour: str, marker: str) -> None:
    best = curve.best
    axes.plot(
        [p.size for p in best],
        [p.speedup.value for p in best],
        color=colour,
        marker=marker,
        label=short(curve.label, 24) or "measured",
    )
    for point in best:
        if math.isfinite(point.speedup.high) and point.speedup.low > 0:
            ends = [point.speedup.low, point.speedup.high]
            axes.plot([point.size, point.size], ends, color=colour, linewidth=2.4, alpha=0.5)
    others = [point for point in curve.points if point not in best]
    sizes, speeds = [p.size for p in others], [p.speedup.value for p in others]
    axes.plot(sizes, speeds, color=colour, marker=marker, markerfacecolor="none", linestyle="none")


def _scale(axes: Axes, curves: Sequence[Curve]) -> None:
    sizes = sorted({point.size for curve in curves for point in curve.points})
    reached = [
        value for curve in curves for point in curve.points for value in (point.speedup.value, point.ideal)
    ]
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    per_factor = (72 * WIDTH_INCHES - MARGINS_POINTS) / math.log(sizes[-1] / sizes[0])
    texts = [f"{size:g}" for size in sizes]
    places = [per_factor * math.log(size / sizes[0]) for size in sizes]
    kept = spaced(places, [text_width(text, TICK_SIZE) for text in texts])
    axes.set_xticks([sizes[index] for index in kept], [texts[index] for index in kept])
    axes.minorticks_off()
    axes.set_ylim(min(reached) / 1.15, max(reached) * 1.15)
    log_axis(axes.yaxis, reached, fmt.factor, base=2)
