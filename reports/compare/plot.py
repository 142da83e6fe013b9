"""The plot of two runs: by how much the step time of each variant changed, on one axis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from reports import format as fmt
from reports.compare.figures import spell_change, step_time, step_time_in_canaries
from reports.plots.figure import Plot, drawing, to_svg
from reports.plots.ratio_axis import RatioRow, ratio_figure
from reports.plots.svg import BLUE, MUTED, VERMILLION
from reports.table import Cell, Column, Row, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reports.compare.difference import VariantDifference

MOST_ROWS: Final = 40
"""So many changed variants are drawn, those that changed most; the numbers below have all."""
MOST_OPEN: Final = 10
"""So many are drawn beside them in which no change is shown."""
COLOURS: Final = {"longer": VERMILLION, "shorter": BLUE}
READING: Final = (
    "A large dot is the step time in B over that in A, a bar is where both intervals over rounds leave it; right of the line is slower "
    "in B. The thin line below, with an upright mark, is the same relative to the canary, a fixed workload that ran beside both: where the "
    "machine itself moved, the bar is wide and the line is not. Red is slower, blue faster; hollow and grey: no change is shown."
)
WORDS: Final = {"longer": "slower", "shorter": "faster", "open": "no change shown"}


def change_plot(differences: Sequence[VariantDifference], name: str) -> Plot | None:
    """Draw the changes of step time, those that are shown first; None where nothing can be drawn.

    Args:
        differences: of all variants that both runs measured.
        name: prefix of the plot's ids.
    """
    drawable = [one for one in differences if abs(one.log_ratio) < math.log(1e9)]
    ordered = sorted(drawable, key=lambda one: (one.verdict == "open", -abs(one.log_ratio), one.variant))
    if not ordered:
        return None
    changed = [one for one in ordered if one.verdict != "open"]
    shown = [*changed[:MOST_ROWS], *ordered[len(changed) :][:MOST_OPEN]]
    with drawing():
        figure = ratio_figure([_row(one) for one in shown], "change of step time from A to B")
        alt = "; ".join(
            f"{fmt.name(one.variant)} {spell_change(step_time(one))}, {WORDS[one.verdict]}" for one in shown
        )
        svg = to_svg(figure, f"{name}-changes", f"Changes of step time: {alt}.")
    left = len(ordered) - len(shown)
    more = f" {left:,} more variants are in the numbers below." if left else ""
    return Plot("Step times, B against A", svg, READING + more, _numbers(ordered))


def _row(one: VariantDifference) -> RatioRow:
    beside = one.ratio_in_canaries
    return RatioRow(
        label=fmt.name(one.variant).replace(",", ", "),
        ratio=math.exp(one.log_ratio),
        interval=one.ratio_interval,
        mark=None,
        colour=COLOURS.get(one.verdict, MUTED),
        filled=one.verdict != "open",
        beside=None
        if beside is None or not 0 < beside < math.inf
        else (beside, one.ratio_interval_in_canaries),
    )


def _numbers(ordered: Sequence[VariantDifference]) -> Table:
    columns = (
        Column("Variant"),
        Column("Change", numeric=True),
        Column("Relative to the canary", numeric=True),
        Column("Rounds in A", numeric=True),
        Column("in B", numeric=True),
        Column("Verdict"),
    )
    rows = []
    for one in ordered:
        relative = step_time_in_canaries(one)
        cells = (
            Cell(fmt.name(one.variant), one.variant),
            Cell(spell_change(step_time(one)), math.exp(one.log_ratio)),
            Cell(
                fmt.NOTHING if relative is None else spell_change(relative),
                relative.ratio if relative else None,
            ),
            Cell(str(one.before.count), one.before.count),
            Cell(str(one.after.count), one.after.count),
            Cell(WORDS[one.verdict], one.verdict),
        )
        rows.append(Row(cells))
    return Table(columns, tuple(rows))
