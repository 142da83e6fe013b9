"""Plots of a training: what it learned over time, and what it recognises in the end."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matplotlib.ticker import MaxNLocator

from reports import format as fmt
from reports.amounts import amount, amount_column
from reports.plots.figure import Plot, axis_format, data_table, new_axes, short, to_svg
from reports.plots.svg import GREEN, MUTED, PALETTE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reports.results import ScenarioResult, VariantResult

GOAL = 0.9
"""The accuracy that a reference training has to reach."""
HEIGHT = 3.1
PER_CLASS = "recall_"


def learning_plots(result: ScenarioResult, prefix: str) -> list[Plot | None]:
    """Draw a training's accuracy over time, its loss over epochs and its recall for each class."""
    variants = [variant for variant in result.variants if variant.trials]
    return [
        _series_plot(
            variants,
            "validation_accuracy_over_time",
            f"{prefix}-accuracy",
            "Validation accuracy over time",
            "s",
        ),
        _series_plot(variants, "loss", f"{prefix}-loss", "Loss", "epoch"),
        _recall_plot(variants, f"{prefix}-recall"),
    ]


def _series_plot(
    variants: Sequence[VariantResult], series: str, name: str, title: str, x_unit: str
) -> Plot | None:
    curves = [
        (variant.label, points) for variant in variants if len(points := _finite(variant.series(series))) > 1
    ]
    if not curves:
        return None
    figure, axes = new_axes(HEIGHT)
    share = "accuracy" in series
    for number, (label, points) in enumerate(curves):
        xs, ys = [x for x, _ in points], [y for _, y in points]
        colour = PALETTE[number % len(PALETTE)]
        axes.plot(xs, ys, color=colour, marker="o", markersize=3.5, label=short(label))
    if share:
        axes.axhline(GOAL, color=GREEN, linewidth=1.4, linestyle=(0, (4, 2)))
        axes.annotate(
            "90 %",
            (1, GOAL),
            xycoords=("axes fraction", "data"),
            xytext=(-2, 3),
            textcoords="offset points",
            ha="right",
            fontsize=9,
            color=GREEN,
        )
        axis_format(axes.yaxis, lambda value: f"{100 * value:.3g} %")
    else:
        axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axis_format(axes.xaxis, lambda value: f"{value:g} s" if x_unit == "s" else f"{value:g}")
    axes.set_xlabel("time of training" if x_unit == "s" else x_unit)
    axes.set_ylabel("accuracy" if share else "mean loss")
    if len(curves) > 1:
        axes.legend(loc="best")
    spell = fmt.percent if share else fmt.plain
    alt = f"{title}: " + "; ".join(f"{label} ends at {spell(points[-1][1])}" for label, points in curves)
    rows = [(label, amount(x, fmt.plain), amount(y, spell)) for label, points in curves for x, y in points]
    reading = (
        "One dot an epoch, against the time that training took so far; the dashed line is the goal."
        if share
        else "One dot an epoch; a curve that still falls at the end had more to learn."
    )
    across = x_unit.capitalize() if x_unit != "s" else "Seconds"
    data = data_table(("Variant", across, amount_column(title, spell)), rows)
    return Plot(title, to_svg(figure, name, f"{alt}."), reading, data)


def _finite(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]


def _recall_plot(variants: Sequence[VariantResult], name: str) -> Plot | None:
    if len(variants) != 1:
        return None
    metrics = {key for record in variants[0].trials for key in record.metrics if key.startswith(PER_CLASS)}
    found = [
        (key.removeprefix(PER_CLASS), value)
        for key in metrics
        if (value := variants[0].metric(key)) is not None
    ]
    found.sort(key=lambda pair: (len(pair[0]), pair[0]))
    if len(found) < 2:  # noqa: PLR2004 - nothing to compare
        return None
    figure, axes = new_axes(HEIGHT)
    places = list(range(len(found)))
    lowest = min(value for _, value in found)
    axes.vlines(places, lowest - 0.02, [value for _, value in found], color=MUTED, linewidth=1.2)
    axes.plot(places, [value for _, value in found], marker="o", linestyle="none", color=PALETTE[0])
    axes.set_xticks(places, [short(label, 8) for label, _ in found])
    axes.set_ylim(bottom=lowest - 0.02)
    axes.grid(visible=False, axis="x")
    axis_format(axes.yaxis, lambda value: f"{100 * value:.3g} %")
    axes.set_xlabel("class")
    axes.set_ylabel("recall, test images")
    worst = min(found, key=lambda pair: pair[1])
    alt = f"Recall for each class; the lowest is class {worst[0]} with {fmt.percent(worst[1])}."
    reading = "The share of each class's test images that was recognised. The axis does not begin at zero."
    rows = [(label, amount(value, fmt.percent)) for label, value in found]
    data = data_table(("Class", amount_column("Recall", fmt.percent)), rows)
    return Plot("Recall for each class", to_svg(figure, name, alt), reading, data)
