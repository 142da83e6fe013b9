"""The two sides of a gate beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reports import format as fmt
from reports.facts import facts
from reports.table import Cell, Column, Row, Table

if TYPE_CHECKING:
    from benchsuite.gate.verdict import SideInfo, Verdict

COLUMNS: Final = (Column("What", wraps=True), Column("Base", wraps=True), Column("Head", wraps=True))
LONGEST_COMMIT: Final = 12


def sides_line(verdict: Verdict) -> str:
    """Name both sides in a clause: `Base main (4f1c2ab) against head working tree (9be0771, with changes)`."""
    return f"Base {_named(verdict.base)} against head {_named(verdict.head)}"


def sides_table(verdict: Verdict) -> Table:
    """Return what stood on either side, a row for each fact; what differs comes first and is marked."""
    base, head = map(_facts, (verdict.base, verdict.head))
    rows = []
    for label in dict.fromkeys([*base, *head]):
        texts = base.get(label, fmt.NOTHING), head.get(label, fmt.NOTHING)
        cells = Cell(label, label), *(Cell(text, text) for text in texts)
        rows.append(Row(cells, "differs" if texts[0] != texts[1] else ""))
    return Table(COLUMNS, tuple(sorted(rows, key=lambda row: row.tone != "differs")))


def _named(side: SideInfo) -> str:
    commit = fmt.name(side.commit or "")[:LONGEST_COMMIT]
    words = [word for word in (commit, "with changes" if side.dirty else "") if word]
    return fmt.name(side.name) + (f" ({', '.join(words)})" if words else "")


def _facts(side: SideInfo) -> dict[str, str]:
    found = [
        ("Side", fmt.name(side.name)),
        ("Commit", fmt.name(side.commit or "none")),
        ("Changes that are not committed", "yes" if side.dirty else "no"),
        ("Interpreter", fmt.name(side.python or fmt.NOTHING)),
    ]
    return dict([*found, *facts(side.environment)])
