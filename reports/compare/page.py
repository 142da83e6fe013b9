"""The page of two runs: what changed, what changes how that is to be read, and the evidence under it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reports import format as fmt
from reports.anchors import anchors
from reports.compare.causes import calls_table, culprits, operators_table, sites_table
from reports.compare.difference_words import tell, tell_drift
from reports.compare.figures import figures, figures_table
from reports.compare.files import Way, places
from reports.compare.plot import change_plot
from reports.compare.sides import gravest, side, sides_table, tell_caveats
from reports.compare.words import Outcome, by_weight, headline, tell_changes, title
from reports.document import render_document
from reports.table import Cell, Column, Row, Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reports.compare.difference import RunDifference, Unmatched
    from reports.compare.figures import Figure
    from reports.compare.files import Place
    from reports.load import ReportData
    from reports.results import VariantResult

MOST_CARDS: Final = 40
"""So many changed variants, the gravest, get a card; the tables have all."""
MOST_ROWS: Final = 3000
"""So many rows of the table of everything are written."""


@dataclass(frozen=True, slots=True)
class Card:
    """All that the page shows of a variant that changed."""

    anchor: str
    name: str
    kinds: str
    tone: str
    told: tuple[str, ...]
    culprits: tuple[str, ...]
    detail: tuple[str, ...]
    """Every sentence that the terminal has."""
    figures: Table
    operators: Table
    sites: Table
    calls: Table
    files: tuple[tuple[str, tuple[Place, ...]], ...]
    """Of A and of B, those that left any."""


def render_comparison(
    difference: RunDifference,
    before: ReportData,
    after: ReportData,
    *,
    names: tuple[str, str],
    ways: tuple[Way, Way] = (Way(), Way()),
    index: str = "",
) -> str:
    """Return the page of two runs as one HTML document.

    Args:
        difference: of the two.
        before: run A.
        after: run B.
        names: as the user named them.
        ways: where both runs are, seen from the page; without an address their files stand there as paths.
        index: the address of a list of all runs; empty: there is none.
    """
    old, new = _by_id(before), _by_id(after)
    outcomes = [Outcome(one, figures(one, old[one.variant], new[one.variant])) for one in difference.variants]
    changed = by_weight(outcomes)
    shown = changed[:MOST_CARDS]
    warned = tell_caveats(difference, before, after)
    addresses = [
        f"variant-{anchor.removeprefix('scenario-')}"
        for anchor in anchors(one.difference.variant for one in shown)
    ]
    everything = [figure for one in (*changed, *_quiet(outcomes)) for figure in one.figures]
    return render_document(
        "compare.html.j2",
        title=title(outcomes),
        headline=headline(outcomes),
        drift=tell_drift(difference),
        sides=[
            (letter, side(name, data, way.report))
            for letter, name, data, way in zip("AB", names, (before, after), ways, strict=True)
        ],
        index=index,
        caveats=warned,
        level=gravest(warned),
        cards=[
            _card(one, anchor, before, after, old[one.difference.variant], new[one.difference.variant], ways)
            for one, anchor in zip(shown, addresses, strict=True)
        ],
        untold=len(changed) - len(shown),
        plot=change_plot(difference.variants, "compare"),
        changed=figures_table(
            (figure for one in changed for figure in one.figures if figure.changed), named=True
        ),
        quiet=[fmt.name(one.difference.variant) for one in _quiet(outcomes)],
        everything=_bounded(everything),
        unmatched=[
            (measured, _unmatched(other, found))
            for measured, other, found in (
                ("A", "B", difference.only_before),
                ("B", "A", difference.only_after),
            )
            if found
        ],
        both=sides_table(before, after),
    )


def _card(  # noqa: PLR0917 - both sides of everything
    outcome: Outcome, anchor: str, before: ReportData, after: ReportData, old: VariantResult, new: VariantResult,
    ways: tuple[Way, Way],
) -> Card:  # fmt: skip
    difference = outcome.difference
    left = (("A", places(before, old, ways[0])), ("B", places(after, new, ways[1])))
    return Card(
        anchor=anchor,
        name=fmt.name(difference.variant),
        kinds=", ".join(outcome.kinds),
        tone=outcome.tone,
        told=tell_changes(outcome),
        culprits=culprits(difference, old, new),
        detail=tuple(fmt.sentence(fmt.clause(text), capital=False) for text in tell(difference)),
        figures=figures_table(outcome.figures),
        operators=operators_table(difference),
        sites=sites_table(difference, old, new),
        calls=calls_table(old, new),
        files=tuple((name, found) for name, found in left if found),
    )


def _by_id(data: ReportData) -> dict[str, VariantResult]:
    return {variant.id: variant for result in data.scenarios for variant in result.variants}


def _quiet(outcomes: Iterable[Outcome]) -> list[Outcome]:
    return [outcome for outcome in outcomes if not outcome.kinds]


def _bounded(found: list[Figure]) -> Table:
    table = figures_table(found[:MOST_ROWS], named=True)
    left = len(found) - MOST_ROWS
    return Table(table.columns, table.rows, (f"{left:,} more rows are left out.",) if left > 0 else ())


def _unmatched(other: str, found: Iterable[Unmatched]) -> Table:
    rows = (
        Row(
            (Cell(fmt.name(one.variant), one.variant), Cell(fmt.clause(one.reason), one.reason)),
            key=one.variant,
        )
        for one in found
    )
    return Table((Column("Variant"), Column(f"In {other}", wraps=True)), tuple(rows))
