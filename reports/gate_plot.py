"""The plot of a gate: the change of every time with its interval, on one axis, beside what it may grow by."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from matplotlib.ticker import MaxNLocator

from reports import format as fmt
from reports.figure import Plot, axis_format, data_table, drawing, new_axes, to_svg, wrapped
from reports.gate_rows import ordered
from reports.gate_words import change, interval, limit, metric_name, signed_percent, standing
from reports.svg import BLUE, INK, LINE, MUTED, ORANGE, VERMILLION

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes

    from benchsuite.gate.verdict import Finding
    from reports.table import Table

MOST_ROWS: Final = 40
"""So many times are drawn, the gravest; more would need a page of their own."""
ROW_INCHES: Final = 0.34
REACH: Final = 3.0
"""The axis shows this many times the largest change; an interval that goes on is cut there."""
LEAST_SHARE: Final = 0.03
"""The axis reaches at least this far to both sides, so that noise does not look like a change."""
COLOURS: Final = {"regression": VERMILLION, "improvement": BLUE, "inconclusive": ORANGE}
READING: Final = (
    "A dot is the estimate over the deciding pairs, a bar its interval; right of the line is slower than the base. The small upright "
    "mark is the limit. Red is a regression, blue an improvement, orange undecided; grey is cleared, hollow has no weight."
)


def ratio_plot(findings: Iterable[Finding], name: str) -> Plot | None:
    """Draw the changes of all times, the gravest first; None where no time was compared.

    Args:
        findings: of any kind; counts and peaks are left out.
        name: prefix of the plot's ids.
    """
    times = [f for f in ordered(findings) if not f.exact and f.ratio is not None and 0 < f.ratio < math.inf]
    if not times:
        return None
    shown = times[:MOST_ROWS]
    with drawing():
        figure, axes = new_axes(0.75 + ROW_INCHES * len(shown))
        reach = _reach(shown)
        axes.axvline(0.0, color=INK, linewidth=1)
        for place, finding in enumerate(shown):
            _draw(axes, place, finding, reach)
        axes.set_yticks(range(len(shown)), [wrapped(_label(finding), 34) for finding in shown])
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.set_xlim(-reach, reach)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axis_format(axes.xaxis, lambda share: signed_percent(1 + share))
        axes.set_xlabel("change from base to head")
        left = len(times) - len(shown)
        more = f" {left:,} more times are in the tables." if left else ""
        alt = "; ".join(f"{_label(finding)} {change(finding)}, {standing(finding)}" for finding in shown)
        svg = to_svg(figure, f"{name}-ratios", f"Changes of times: {alt}.")
    return Plot("Times, head against base", svg, READING + more, _numbers(times))


def _numbers(times: Sequence[Finding]) -> Table:
    titles = ("Variant", "Change", "Interval", "Limit", "Pairs", "Verdict")
    rows = [
        (
            _label(f),
            signed_percent(f.ratio or 1.0),
            interval(f) or fmt.NOTHING,
            limit(f),
            str(f.pairs),
            standing(f),
        )
        for f in times
    ]
    return data_table(titles, rows)


def _reach(times: Sequence[Finding]) -> float:
    """Return how far the axis reaches: all estimates are on it, and intervals that are no wilder than these."""
    estimates = [abs((finding.ratio or 1.0) - 1) for finding in times]
    ends = [abs(end - 1) for f in times for end in f.interval or () if end > 0 and math.isfinite(end)]
    largest = max(*estimates, *(f.limit or 0.0 for f in times), LEAST_SHARE / 1.15)
    return 1.15 * min(max(largest, *ends, 0.0), max(REACH * largest, LEAST_SHARE))


def _draw(axes: Axes, place: int, finding: Finding, reach: float) -> None:
    colour = COLOURS.get(finding.verdict, MUTED)
    ratio = finding.ratio or 1.0
    if finding.interval is not None:
        low, high = (min(max(end - 1, -reach), reach) for end in finding.interval)
        axes.plot([low, high], [place, place], color=colour, linewidth=2.4, solid_capstyle="round")
    if finding.limit is not None:
        axes.plot([finding.limit] * 2, [place - 0.3, place + 0.3], color=INK, linewidth=1)
    face = colour if finding.counts else "none"
    axes.plot(
        [ratio - 1], [place], marker="o", markersize=6, color=colour, markerfacecolor=face, linestyle="none"
    )
    axes.axhline(place + 0.5, color=LINE, linewidth=0.5)
    axes.annotate(
        signed_percent(ratio),
        (1.0, place),
        xycoords=("axes fraction", "data"),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        fontsize=9,
        color=MUTED,
        annotation_clip=False,
    )


def _label(finding: Finding) -> str:
    head = fmt.name(finding.variant).replace(",", ", ")
    return head if finding.metric == "step_time" else f"{head}, {metric_name(finding.metric)}"
