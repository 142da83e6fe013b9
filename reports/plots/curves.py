"""Plots along an axis: throughput and memory over a setting, and a cost earned back over steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports import format as fmt
from reports.amounts import amount, amount_column, interval
from reports.findings import MEMORY_METRICS, BreakEven, axis_value, find_break_evens, find_field, find_knee
from reports.plots.figure import Plot, axis_format, data_table, log_axis, new_axes, short, to_svg
from reports.plots.svg import INK, MARKERS, PALETTE
from reports.table import Cell, Column

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes

    from reports.results import ContextResult, ScenarioResult, VariantResult

HEIGHT = 3.1


def knee_plots(result: ScenarioResult, prefix: str) -> list[Plot | None]:
    """Draw throughput and peak memory over the compared setting, with the knee of each context marked."""
    return [
        _over_axis(
            result,
            f"{prefix}-throughput",
            title="Throughput",
            unit="throughput",
            value=lambda variant: variant.throughput.value if variant.throughput else None,
            spell=fmt.rate,
        ),
        _over_axis(
            result,
            f"{prefix}-memory",
            title="Peak memory",
            unit="peak memory",
            value=lambda variant: variant.metric(*MEMORY_METRICS),
            spell=fmt.size,
        ),
    ]


def break_even_plot(context: ContextResult, prefix: str) -> Plot | None:
    """Draw how far each variant is ahead of the baseline after so many steps; None where none ever is."""
    field = find_field(context)
    evens = find_break_evens(field) if field is not None else ()
    if field is None or not evens or field.baseline.step_time is None:
        return None
    base_ns = field.baseline.step_time.value
    crossings = [even.steps.value for even in evens if even.steps is not None and even.steps.value > 0]
    if not crossings:
        return None
    last = 4 * max(crossings)
    steps = [last ** (index / 120) for index in range(121)]
    depth = 1.25 * max(abs(even.extra_ns) for even in evens) / 1e9
    figure, axes = new_axes(HEIGHT + 0.5)
    axes.axhline(0, color=INK, linewidth=1)
    colours = {
        label: PALETTE[n % len(PALETTE)]
        for n, label in enumerate(dict.fromkeys(e.rival.label for e in evens))
    }
    for even in evens:
        colour = colours[even.rival.label]
        saved_ns = base_ns * (1 - 1 / even.rival.speedup.value)
        ahead = [(saved_ns * step - even.extra_ns) / 1e9 for step in steps]
        dashes = "-" if even.cache == "empty" else (0, (4, 2))
        label = f"{short(even.rival.label, 22)}, {even.cache} cache"
        axes.plot(steps, ahead, color=colour, linestyle=dashes, label=label)
        if even.steps is not None and even.steps.value > 0:
            axes.plot([even.steps.value], [0], marker="o", color=colour, linestyle="none", zorder=4)
    axes.set_xscale("log")
    axes.set_xlim(1, last)
    axes.set_ylim(-depth, depth)
    log_axis(axes.xaxis, (1, last), fmt.count)
    axis_format(axes.yaxis, lambda value: f"{value:+g} s" if value else "0")
    axes.set_xlabel("steps, the first one included")
    axes.set_ylabel(f"ahead of {short(field.baseline.label, 20)}")
    figure.legend(loc="outside lower center", ncols=2)
    head = f", {context.label}" if context.label else ""
    rows = [_even_row(even) for even in evens]
    alt = f"Time ahead of {field.baseline.label}{head}: " + "; ".join(
        f"{r[0].text}, {r[1].text} cache, paid after {r[4].text}" for r in rows
    )
    reading = (
        "Each line begins at the cost of its first step, with what compiling imports, and rises by what every further step saves: it has paid where "
        "it crosses zero (dot). A line that never rises never pays. Dashed: the compile cache was already filled."
    )
    titles = (
        "Variant",
        "Compile cache",
        amount_column("First step", fmt.duration),
        amount_column("Beyond the baseline's", fmt.duration),
        Column("Has paid after", numeric=True, unit="steps"),
        Column("95 % interval", numeric=True, unit="steps", parts=("low", "high")),
    )
    data = data_table(titles, rows)
    return Plot(f"When compiling has paid{head}", to_svg(figure, f"{prefix}-even", f"{alt}."), reading, data)


def _over_axis(
    result: ScenarioResult,
    name: str,
    *,
    title: str,
    unit: str,
    value: Callable[[VariantResult], float | None],
    spell: Callable[[float], str],
) -> Plot | None:
    figure, axes = new_axes(HEIGHT)
    rows: list[tuple[str, Cell, Cell]] = []
    places: set[float] = set()
    heights: list[float] = []
    for number, context in enumerate(result.contexts):
        points = [
            (axis_value(v, result.compare), found, v)
            for v in context.variants
            if (found := value(v)) is not None
        ]
        points = sorted((p for p in points if p[0] > 0 and p[1] > 0), key=lambda point: point[0])
        if len(points) > 1:
            colour = PALETTE[number % len(PALETTE)]
            xs, ys = [p[0] for p in points], [p[1] for p in points]
            marker = MARKERS[number % len(MARKERS)]
            axes.plot(xs, ys, color=colour, marker=marker, label=context.label or result.name)
            _mark_knee(axes, result, context, [(p[0], p[1], p[2].id) for p in points])
            rows += [(context.label, amount(p[0], "{:g}".format), amount(p[1], spell)) for p in points]
            places.update(xs)
            heights += ys
    if not rows:
        return None
    axis = (result.compare or "").replace("_", " ")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(sorted(places), [f"{place:g}" for place in sorted(places)])
    axes.minorticks_off()
    log_axis(axes.yaxis, heights, spell, base=2 if spell is fmt.size else 10)
    axes.margins(y=0.14)
    axes.set_xlabel(short(axis))
    axes.set_ylabel(unit)
    if len(result.contexts) > 1:
        axes.legend(loc="best")
    told = (f"{context} {place.text}: {height.text}" for context, place, height in rows)
    alt = f"{title} over {axis}: " + "; ".join(told)
    reading = "Both axes are logarithmic. A ring marks the smallest setting that reaches 90 % of the best throughput measured."
    return Plot(
        f"{title} over {axis}",
        to_svg(figure, name, f"{alt}."),
        reading,
        data_table(("Context", axis.capitalize(), amount_column(title, spell)), rows),
    )


def _mark_knee(
    axes: Axes, result: ScenarioResult, context: ContextResult, points: Sequence[tuple[float, float, str]]
) -> None:
    field = find_field(context)
    if field is None or not field.rivals:
        return
    knee = find_knee(field, result.compare).at.variant
    for x, y, variant in points:
        if variant == knee.id:
            axes.plot(
                [x], [y], marker="o", markersize=14, color=INK, markerfacecolor="none", markeredgewidth=1.4
            )


def _even_row(even: BreakEven) -> tuple[Cell, ...]:
    paid = Cell("never" if even.rival.verdict in {"slower", "same"} else "not shown")
    around = Cell(fmt.NOTHING)
    if even.steps is not None:
        paid = amount(even.steps.value, _steps)
        around = interval(
            even.steps.low, even.steps.high, lambda low, high: f"{fmt.count(low)} to {_steps(high)}"
        )
    sign = "" if even.extra_ns < 0 else "+"
    extra = sign + (fmt.duration(even.extra_ns) if even.extra_ns >= 0 else f"-{fmt.duration(-even.extra_ns)}")
    return (
        Cell(even.rival.label, even.rival.label),
        Cell(even.cache, even.cache),
        amount(even.first_step_ns, fmt.duration),
        Cell(extra, even.extra_ns),
        paid,
        around,
    )


def _steps(number: float) -> str:
    return f"{fmt.count(number)} steps"
