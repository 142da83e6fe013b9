"""The plot of a gate: the change of every time with its interval and its pairs, on one axis, beside what it may grow by."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from reports import format as fmt
from reports.gate.rows import ordered
from reports.gate.words import (
    change,
    interval,
    limit,
    metric_name,
    number_of_pairs,
    signed_percent,
    standing,
)
from reports.plots.figure import Plot, drawing, to_svg
from reports.plots.ratio_axis import RatioRow, ratio_figure
from reports.plots.svg import BLUE, MUTED, ORANGE, VERMILLION
from reports.table import Cell, Column, Row, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchsuite.gate.verdict import Finding

MOST_ROWS: Final = 40
"""So many times are drawn, the gravest; more would need a page of their own."""
COLOURS: Final = {"regression": VERMILLION, "improvement": BLUE, "inconclusive": ORANGE}
COLUMNS: Final = (
    Column("Variant"),
    Column("Change", numeric=True),
    Column("Interval", numeric=True),
    Column("Limit", numeric=True),
    Column("Pairs", numeric=True),
    Column("Verdict"),
)
PAIR_COLUMNS: Final = (
    Column("Screening pairs", wraps=True),
    Column("Confirmation pairs", wraps=True),
)
COLOURS_READ: Final = (
    "The small upright mark is the limit. Red is a regression, blue an improvement, orange undecided; grey is cleared, hollow has no "
    "weight."
)
READING: Final = "A large dot is the estimate over the deciding pairs, a bar its interval; right of the line is slower than the base. "
READING_OF_PAIRS: Final = (
    " The small marks below are single pairs: rings those of the screening, dots those of the confirmation, which alone decide about a "
    "suspect; an arrow at the edge is a pair beyond it. Their height says nothing."
)
READING_OF_STORED: Final = (
    "A large dot is the time now over the time in the stored run, a bar is where both intervals over rounds leave it; right of the "
    "line is slower. The two were measured at different times, so that no pairs stand behind it. "
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
        figure = ratio_figure([_row(finding) for finding in shown], "change from base to head")
        alt = "; ".join(f"{_label(finding)} {change(finding)}, {standing(finding)}" for finding in shown)
        svg = to_svg(figure, f"{name}-ratios", f"Changes of times: {alt}.")
    return Plot("Times, head against base", svg, _reading(times, shown), _numbers(times))


def _row(finding: Finding) -> RatioRow:
    return RatioRow(
        label=_label(finding),
        ratio=finding.ratio or 1.0,
        interval=finding.interval,
        mark=None if finding.limit is None else 1 + finding.limit,
        colour=COLOURS.get(finding.verdict, MUTED),
        filled=finding.counts,
        early=finding.screening_ratios,
        late=finding.confirmation_ratios,
    )


def _reading(times: Sequence[Finding], shown: Sequence[Finding]) -> str:
    stored = all(finding.advisory for finding in times)
    pairs = READING_OF_PAIRS if any(_has_pairs(finding) for finding in shown) else ""
    left = len(times) - len(shown)
    more = f" {left:,} more times are in the tables." if left else ""
    return f"{READING_OF_STORED if stored else READING}{COLOURS_READ}{pairs}{more}"


def _numbers(times: Sequence[Finding]) -> Table:
    with_pairs = any(map(_has_pairs, times))
    rows = []
    for f in times:
        cells = [
            Cell(_label(f), f.variant),
            Cell(signed_percent(f.ratio or 1.0), f.ratio),
            Cell(interval(f) or fmt.NOTHING),
            Cell(limit(f), f.limit),
            Cell(number_of_pairs(f), f.pairs),
            Cell(standing(f), f.verdict),
        ]
        if with_pairs:
            cells += [Cell(_spelt(f.screening_ratios)), Cell(_spelt(f.confirmation_ratios))]
        rows.append(Row(tuple(cells)))
    return Table((*COLUMNS, *(PAIR_COLUMNS if with_pairs else ())), tuple(rows))


def _has_pairs(finding: Finding) -> bool:
    return bool(finding.screening_ratios or finding.confirmation_ratios)


def _spelt(ratios: Sequence[float]) -> str:
    """Spell single pairs in the order in which they were measured: `+4.1 %, -0.3 %`."""
    return ", ".join(map(signed_percent, ratios)) or fmt.NOTHING


def _label(finding: Finding) -> str:
    head = fmt.name(finding.variant).replace(",", ", ")
    return head if finding.metric == "step_time" else f"{head}, {metric_name(finding.metric)}"
