"""The roofline: what each variant's products reach, against what the machine was seen to allow at their intensity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from reports import format as fmt
from reports.bounds import Step
from reports.plots.figure import Plot, data_table, log_axis, short, to_svg
from reports.plots.label_places import Box, place_labels
from reports.plots.svg import INK, MARKERS, MUTED, PALETTE, WIDTH_INCHES
from reports.roofline import Place, place_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from reports.results import ScenarioResult, VariantResult

HEIGHT = 3.7
LEFT, RIGHT, TOP, BOTTOM = 84.0, 12.0, 10.0, 44.0
"""Margins in points."""
LEGEND_LINE = 15.0
LABEL_SIZE = 9.0
LONGEST_LABEL = 22
ROOM = 2.5
"""Around all that is drawn, as a factor; above the roof, where names stand, twice."""
DASHES = ("-", (0, (5, 2)), (0, (2, 2)), (0, (6, 2, 1, 2)))


@dataclass(frozen=True, slots=True)
class Dot:
    """A variant whose place is known: it has products, and a ceiling of its number format was measured."""

    context: str
    label: str
    where: str
    """What it ran on: each has ceilings of its own."""
    place: Place

    @property
    def fit(self) -> bool:
        """Whether it can be held against the roof: where caches serve the operands, memory is no bound."""
        return self.place.share is not None


def roofline_plots(result: ScenarioResult, prefix: str) -> list[Plot | None]:
    """Draw the roofline of each number of threads and of GPUs; without one that can be held against it, none."""
    groups: dict[str, list[Dot]] = {}
    for dot in dots_of(result):
        groups.setdefault(dot.where, []).append(dot)
    fit = [dots for dots in groups.values() if any(dot.fit for dot in dots)]
    titles = ["Roofline" if len(fit) == 1 else f"Roofline, {dots[0].where}" for dots in fit]
    return [_plot(dots, titles[number], f"{prefix}-roof-{number}") for number, dots in enumerate(fit)]


def dots_of(result: ScenarioResult) -> list[Dot]:
    """Return the variants that have a place on the roofline."""
    return [
        Dot(context.label, variant.label, _where(variant), place)
        for context in result.contexts
        for variant in context.variants
        if variant.sound
        and (place := place_of(variant, result.ceilings)) is not None
        and place.flops_per_s > 0
        and place.attainable_flops_per_s
    ]


def _where(variant: VariantResult) -> str:
    if Step(variant, {}, 1.0).on_gpu:
        return "GPU"
    threads = variant.timings[0].threads
    return f"{threads} {'thread' if threads == 1 else 'threads'}"


def _plot(dots: Sequence[Dot], title: str, name: str) -> Plot:
    contexts = list(dict.fromkeys(dot.context for dot in dots))
    copied = dots[0].place.copy_bytes_per_s
    peaks = sorted({peak for dot in dots if (peak := dot.place.peak_flops_per_s)}, reverse=True)
    entries = 1 + len(peaks) + (len(contexts) if len(contexts) > 1 else 0)
    legend = LEGEND_LINE * -(-entries // 2)
    height = 72 * HEIGHT + legend
    figure = Figure(figsize=(WIDTH_INCHES, height / 72), dpi=72)
    width = 72 * WIDTH_INCHES
    area = Box(LEFT, BOTTOM + legend, width - RIGHT, height - TOP)
    axes = figure.add_axes(
        (
            area.left / width,
            area.bottom / height,
            (area.right - area.left) / width,
            (area.top - area.bottom) / height,
        )
    )
    _scale(axes, dots, peaks, copied)
    _draw_roofs(axes, peaks, copied)
    for number, context in enumerate(contexts):
        _draw_dots(
            axes,
            [dot for dot in dots if dot.context == context],
            number,
            context if len(contexts) > 1 else None,
        )
    unnamed = _draw_labels(axes, dots, area)
    figure.legend(loc="lower center", ncols=2)
    axes.set_xlabel("FLOP/byte")
    axes.set_ylabel("reached")
    rows = [_row(dot) for dot in dots]
    words = [
        f"{row[1]} {row[3]} at {row[2]} FLOP/byte, "
        + (f"{row[5]} of what is attainable" if dot.fit else row[5])
        for row, dot in zip(rows, dots, strict=True)
    ]
    alt = f"{title}: {'; '.join(words)}."
    reading = (
        "Each dot is a variant: further right it computes more for each byte, higher up more in a second. The slope is what a "
        "large copy allows, the level what a large product does; the gap between a dot and the roof above it could be won. "
        "Both axes are logarithmic."
    )
    if not all(dot.fit for dot in dots):
        reading += " Hollow: caches serve its operands, so the slope is no limit."
    if unnamed:
        dots_have = "1 dot has" if unnamed == 1 else f"{unnamed} dots have"
        reading += f" {dots_have} no name, for want of room: the table names all."
    titles = ("Context", "Variant", "FLOP/byte", "Reached", "Attainable", "Of the roofline", "Side")
    return Plot(title, to_svg(figure, name, alt), reading, data_table(titles, rows))


def _scale(axes: Axes, dots: Sequence[Dot], peaks: Sequence[float], copied: float) -> None:
    across = [dot.place.intensity for dot in dots] + [peak / copied for peak in peaks]
    up = [dot.place.flops_per_s for dot in dots] + list(peaks)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(min(across) / ROOM, max(across) * ROOM)
    axes.set_ylim(min(up) / ROOM, max(up) * ROOM**2)
    log_axis(axes.xaxis, axes.get_xlim(), fmt.plain)
    log_axis(axes.yaxis, axes.get_ylim(), fmt.flop_rate)


def _draw_roofs(axes: Axes, peaks: Sequence[float], copied: float) -> None:
    left, right = axes.get_xlim()
    ridge = peaks[0] / copied
    axes.plot(
        [left, ridge],
        [left * copied, peaks[0]],
        color=MUTED,
        linewidth=1.6,
        label=f"a copy: {fmt.byte_rate(copied)}",
    )
    for number, peak in enumerate(peaks):
        axes.plot(
            [peak / copied, right],
            [peak, peak],
            color=INK,
            linewidth=1.4,
            linestyle=DASHES[number % len(DASHES)],
            label=f"products: {fmt.flop_rate(peak)}",
        )


def _draw_dots(axes: Axes, dots: Sequence[Dot], number: int, label: str | None) -> None:
    colour, marker = PALETTE[number % len(PALETTE)], MARKERS[number % len(MARKERS)]
    for fit in (True, False):
        shown = [dot.place for dot in dots if dot.fit == fit]
        if shown:
            axes.plot(
                [place.intensity for place in shown],
                [place.flops_per_s for place in shown],
                marker=marker,
                color=colour,
                markerfacecolor=colour if fit else "none",
                linestyle="none",
                label=None if label is None else short(label, LONGEST_LABEL),
            )
            label = None


def _draw_labels(axes: Axes, dots: Sequence[Dot], area: Box) -> int:
    """Name the dots, and return how many have no name: there is no room for it."""
    to_points, from_points = axes.transData, axes.transData.inverted()
    points = [_pair(to_points.transform((dot.place.intensity, dot.place.flops_per_s))) for dot in dots]
    texts = [short(dot.label, LONGEST_LABEL) for dot in dots]
    ends = [to_points.transform(line.get_xydata()) for line in axes.lines if line.get_linestyle() != "None"]
    roofs = [(_pair(begin), _pair(end)) for begin, end in ends]
    labels = place_labels(points, texts, LABEL_SIZE, area, roofs)
    for (at, _), text, label in zip(points, texts, labels, strict=True):
        if label is None:
            continue
        box = label.box
        # The width is an estimate: the text begins where it is next to its dot.
        side, x = ("left", box.left) if box.left >= at else ("right", box.right)
        if box.left < at < box.right:
            side, x = "center", at
        x, y = from_points.transform((x, (box.bottom + box.top) / 2))
        axes.text(x, y, text, ha=side, va="center", fontsize=LABEL_SIZE)
        if label.leader is not None:
            xs, ys = zip(*from_points.transform(label.leader), strict=True)
            axes.plot(xs, ys, color=MUTED, linewidth=0.7, zorder=1)
    return labels.count(None)


def _pair(point: Any) -> tuple[float, float]:
    return float(point[0]), float(point[1])


def _row(dot: Dot) -> tuple[str, ...]:
    place = dot.place
    share = fmt.percent(place.share) if place.share is not None else "served by caches"
    return (
        dot.context,
        fmt.name(dot.label),
        fmt.plain(place.intensity),
        fmt.flop_rate(place.flops_per_s),
        fmt.flop_rate(place.attainable_flops_per_s),
        share,
        place.side or fmt.NOTHING,
    )
