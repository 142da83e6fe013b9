"""Plots of how variants compare: intervals of their speedups, and the distributions behind them."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

from matplotlib.ticker import MaxNLocator

from benchsuite.statistics import quantile
from reports import format as fmt
from reports.amounts import amount, amount_column, interval
from reports.plots.figure import (
    Plot,
    axis_format,
    data_table,
    log_axis,
    new_axes,
    to_svg,
    wrapped,
    write_beside,
)
from reports.plots.svg import BLUE, INK, MUTED, VERMILLION
from reports.table import Cell, Column

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from benchsuite.comparison import Comparison
    from reports.results import ContextResult, ScenarioResult, VariantResult

MOST_POINTS = 150
"""Points drawn of one variant; more would only hide each other."""
WIDE = 4.0
"""From this ratio on an axis is logarithmic."""
REACH = 2.5
"""An interval's bar is cut off where it passes this many times its estimate."""
COLOURS = {"faster": BLUE, "slower": VERMILLION}
ROW_INCHES = 0.3


def speedup_plot(result: ScenarioResult, prefix: str) -> Plot | None:
    """Draw every variant's speed against its baseline with its interval; None where nothing was compared."""
    rows: list[tuple[str, Comparison | None]] = []
    for context in result.contexts:
        compared = [(v.label, v.comparison) for v in context.variants if v.comparison is not None and v.sound]
        if compared and context.baseline is not None:
            head = context.label[:1].upper() + context.label[1:]
            rows += [
                (f"{head} ({context.baseline.label} = 1)" if head else f"{context.baseline.label} = 1", None)
            ]
            rows += compared
    shown = [(label, comparison) for label, comparison in rows if comparison is not None]
    if not shown:
        return None
    figure, axes = new_axes(0.75 + ROW_INCHES * len(rows))
    axes.axvline(1.0, color=INK, linewidth=1)
    for place, (_, comparison) in enumerate(rows):
        if comparison is not None:
            _draw_interval(axes, place, comparison)
    axes.set_yticks(range(len(rows)), [wrapped(label, 34) for label, _ in rows])
    for tick, (_, comparison) in zip(axes.get_yticklabels(), rows, strict=True):
        tick.set_fontweight("bold" if comparison is None else "normal")
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    values = [comparison.speedup.value for _, comparison in shown] + [1.0]
    if max(values) / min(values) > WIDE:
        axes.set_xscale("log")
        log_axis(axes.xaxis, values, fmt.factor)
    else:
        axis_format(axes.xaxis, fmt.factor)
    axes.margins(x=0.08)
    axes.set_xlabel("speed against the baseline (times)")
    words = [f"{label} {_spelt(comparison)}" for label, comparison in shown]
    table = data_table(
        (
            "Variant",
            amount_column("Speed", fmt.factor),
            amount_column("95 % interval", fmt.factor, parts=("low", "high")),
            "Rounds",
        ),
        [
            (
                fmt.name(c.variant),
                amount(c.speedup.value, fmt.factor),
                interval(c.speedup.low, c.speedup.high, fmt.factor_range),
                amount(c.rounds, str),
            )
            for _, c in shown
        ],
    )
    reading = (
        "A dot is the estimate over all rounds, a bar its interval; right of the line is faster than the baseline. "
        "Filled dots are shown by the intervals (blue faster, red slower), hollow ones are the same or still open."
    )
    alt = f"Speed against the baseline: {'; '.join(words)}."
    return Plot("Speed against the baseline", to_svg(figure, f"{prefix}-speed", alt), reading, table)


def distribution_plot(context: ContextResult, prefix: str) -> Plot | None:
    """Draw the step times of every turn of every variant; None for a single variant."""
    measured = context.measured
    if len(measured) < 2:  # noqa: PLR2004 - nothing to compare
        return None
    samples = {variant.id: _samples(variant) for variant in measured}
    edge = 1.15 * max(quantile([ns for lane in lanes for ns in lane], 0.99) for lanes in samples.values())
    beyond = sum(ns > edge for lanes in samples.values() for lane in lanes for ns in lane)
    figure, axes = new_axes(0.75 + 0.42 * len(measured))
    for place, variant in enumerate(measured):
        _draw_strip(axes, place, samples[variant.id], edge)
    axes.set_yticks(range(len(measured)), [wrapped(variant.label) for variant in measured])
    axes.set_ylim(len(measured) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    medians = [statistics.median([ns for lane in lanes for ns in lane]) for lanes in samples.values()]
    if max(medians) / min(medians) > WIDE:
        axes.set_xscale("log")
        log_axis(axes.xaxis, medians, fmt.duration)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(6))
        axis_format(axes.xaxis, fmt.duration)
    axes.set_xlabel("time of a step")
    head = f", {context.label}" if context.label else ""
    rows = [_quantiles(variant, samples[variant.id]) for variant in measured]
    cut = f" {beyond} turns lie beyond the right edge." if beyond else ""
    turns = any(variant.timings[0].turns for variant in measured)
    reading = (
        f"Each dot is one {'turn of about 20 ms' if turns else 'step'}, each line of dots one round in a fresh process; "
        f"the thick bar holds the middle half of all, the upright line is the median.{cut}"
    )
    alt = (
        "Step times"
        + head
        + ": "
        + "; ".join(f"{row[0].text} median {row[4].text}, {row[3].text} to {row[5].text}" for row in rows)
        + "."
    )
    times = [
        amount_column(title, fmt.duration) for title in ("5 %", "25 %", "Median", "75 %", "95 %", "Largest")
    ]
    titles: list[str | Column] = ["Variant", "Samples", *times]
    svg = to_svg(figure, f"{prefix}-spread", alt)
    return Plot(f"Step times{head}", svg, reading, data_table(titles, rows))


def _draw_interval(axes: Axes, place: int, comparison: Comparison) -> None:
    speedup = comparison.speedup
    colour = COLOURS.get(comparison.verdict, MUTED)
    if math.isfinite(speedup.high):
        ends = [max(speedup.low, speedup.value / REACH), min(speedup.high, speedup.value * REACH)]
        axes.plot(ends, [place, place], color=colour, linewidth=2.4, solid_capstyle="round")
    face = colour if comparison.verdict in COLOURS else "none"
    axes.plot(
        [speedup.value],
        [place],
        marker="o",
        markersize=6.5,
        color=colour,
        markerfacecolor=face,
        linestyle="none",
    )
    write_beside(axes, place, _spelt(comparison))


def _draw_strip(axes: Axes, place: int, lanes: list[list[float]], edge: float) -> None:
    height = 0.62 / len(lanes)
    for number, lane in enumerate(lanes):
        level = place - 0.31 + height * (number + 0.5)
        inside = [ns for ns in _thinned(lane, MOST_POINTS // len(lanes)) if ns <= edge]
        axes.scatter(inside, [level] * len(inside), s=5, color=BLUE, alpha=0.45, linewidths=0)
    pooled = [ns for lane in lanes for ns in lane]
    low, middle, high = (quantile(pooled, share) for share in (0.25, 0.5, 0.75))
    axes.plot([low, high], [place, place], color=INK, linewidth=3.2, solid_capstyle="butt")
    axes.plot([middle, middle], [place - 0.3, place + 0.3], color=INK, linewidth=1.6)


def _samples(variant: VariantResult) -> list[list[float]]:
    return [
        [turn.step_ns for turn in record.turns] if record.turns else [float(ns) for ns in record.step_ns]
        for record in variant.timings
    ]


def _thinned(values: list[float], most: int) -> list[float]:
    """Return at most so many values that are spread as all of them are; the extremes stay."""
    if len(values) <= most:
        return values
    return (
        [quantile(values, index / (most - 1)) for index in range(most)]
        if most > 1
        else [statistics.median(values)]
    )


def _quantiles(variant: VariantResult, lanes: list[list[float]]) -> tuple[Cell, ...]:
    pooled = [ns for lane in lanes for ns in lane]
    shares = (0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
    times = (amount(quantile(pooled, share), fmt.duration) for share in shares)
    return (Cell(variant.label, variant.label), amount(len(pooled), str), *times)


def _spelt(comparison: Comparison) -> str:
    around = fmt.factor_range(comparison.speedup.low, comparison.speedup.high)
    value = fmt.factor(comparison.speedup.value)
    return value if around == fmt.NOTHING else f"{value} ({around})"
