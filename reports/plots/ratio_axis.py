"""One axis for changes of times: an estimate with its interval in each row, and what single pairs said beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from matplotlib.ticker import MaxNLocator

from reports.gate.words import signed_percent
from reports.plots.figure import axis_format, new_axes, wrapped, write_beside
from reports.plots.svg import INK, LINE, MUTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW_INCHES: Final = 0.34
ROW_INCHES_WITH_DOTS: Final = 0.5
BELOW: Final = 0.25
"""How far below its bar a row's dots stand, in rows."""
LANES: Final = (0.0, -0.1, 0.1)
"""Dots of one row stand in turns so far from there, in rows, so that close ones do not hide each other."""
REACH: Final = 3.0
"""The axis shows this many times the largest change; an interval that goes on is cut there."""
LEAST_SHARE: Final = 0.03
"""The axis reaches at least this far to both sides, so that noise does not look like a change."""
ROOM: Final = 1.15


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioRow:
    """One row: the second time over the first."""

    label: str
    ratio: float
    """The estimate, above 0 and finite."""
    interval: tuple[float, float] | None
    """Around it; ends may be 0 and infinite. None: not known."""
    mark: float | None
    """Another ratio to be seen beside it, such as a limit, as a small upright line; None: there is none."""
    colour: str
    filled: bool
    """Whether the estimate's dot is: hollow ones claim nothing."""
    early: tuple[float, ...] = ()
    """Ratios of single pairs that only raised a suspicion, as rings below the bar."""
    late: tuple[float, ...] = ()
    """Ratios of single pairs that decided, as dots below the bar."""
    beside: tuple[float, tuple[float, float] | None] | None = None
    """A second estimate with its interval, as a thin line below the bar; None: there is none."""


def ratio_figure(rows: Sequence[RatioRow], title: str) -> Figure:
    """Draw the rows, the first on top; to be used within `drawing`.

    Args:
        rows: at least one.
        title: of the axis.
    """
    dotted = any(row.early or row.late or row.beside for row in rows)
    figure, axes = new_axes(0.75 + (ROW_INCHES_WITH_DOTS if dotted else ROW_INCHES) * len(rows))
    reach = _reach(rows)
    axes.axvline(0.0, color=INK, linewidth=1)
    for place, row in enumerate(rows):
        _draw(axes, place, row, reach)
    axes.set_yticks(range(len(rows)), [wrapped(row.label, 34) for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(-reach, reach)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axis_format(axes.xaxis, lambda share: signed_percent(1 + share))
    axes.set_xlabel(title)
    return figure


def _reach(rows: Sequence[RatioRow]) -> float:
    """Return how far the axis reaches: all estimates are on it, and ends and dots that are no wilder than these."""
    estimates = [abs(row.ratio - 1) for row in rows]
    estimates += [abs(row.beside[0] - 1) for row in rows if row.beside is not None]
    marks = [abs(row.mark - 1) for row in rows if row.mark is not None]
    ends: list[float] = [
        abs(end - 1)
        for row in rows
        for end in (*(row.interval or ()), *_ends_beside(row), *row.early, *row.late)
        if end > 0 and math.isfinite(end)
    ]
    largest: float = max(*estimates, *marks, LEAST_SHARE / ROOM)
    widest: float = max([largest, *ends])
    return ROOM * min(widest, max(REACH * largest, LEAST_SHARE))


def _draw(axes: Axes, place: int, row: RatioRow, reach: float) -> None:
    if row.interval is not None:
        low, high = (_held(end, reach) for end in row.interval)
        axes.plot([low, high], [place, place], color=row.colour, linewidth=2.4, solid_capstyle="round")
    if row.mark is not None:
        axes.plot([row.mark - 1] * 2, [place - 0.3, place + 0.3], color=INK, linewidth=1)
    axes.plot(
        [row.ratio - 1],
        [place],
        marker="o",
        markersize=6,
        color=row.colour,
        markerfacecolor=row.colour if row.filled else "none",
        linestyle="none",
    )
    if row.beside is not None:
        level, ratio = place + BELOW, row.beside[0]
        if ends := _ends_beside(row):
            axes.plot([_held(end, reach) for end in ends], [level, level], color=INK, linewidth=1)
        axes.plot([ratio - 1] * 2, [level - 0.13, level + 0.13], color=INK, linewidth=1)
    _draw_pairs(axes, place + BELOW, row.early, "none", reach)
    _draw_pairs(axes, place + BELOW, row.late, MUTED, reach)
    axes.axhline(place + 0.5, color=LINE, linewidth=0.5)
    write_beside(axes, place, signed_percent(row.ratio))


def _draw_pairs(axes: Axes, level: float, ratios: Sequence[float], face: str, reach: float) -> None:
    """Draw single pairs; those beyond an edge become an arrow there."""
    for number, ratio in enumerate(ratios):
        share = ratio - 1
        axes.plot(
            [_held(ratio, reach)],
            [level + LANES[number % len(LANES)]],
            marker="o" if abs(share) <= reach else ">" if share > 0 else "<",
            markersize=3.4,
            color=MUTED,
            markerfacecolor=face,
            markeredgewidth=0.8,
            linestyle="none",
            clip_on=False,
        )


def _ends_beside(row: RatioRow) -> tuple[float, ...]:
    return (row.beside[1] or ()) if row.beside is not None else ()


def _held(ratio: float, reach: float) -> float:
    """Return a ratio as a place on the axis, at its edge where it lies beyond."""
    return min(max(ratio - 1, -reach), reach)
