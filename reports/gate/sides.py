"""The two sides of a gate beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchsuite.environment import comparable_facts, differences
from reports import format as fmt
from reports.compare.comparability import tell_facts
from reports.facts import facts
from reports.table import Cell, Column, Row, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchsuite.gate.verdict import SideInfo, Verdict

COLUMNS: Final = (Column("What", wraps=True), Column("Base", wraps=True), Column("Head", wraps=True))
LONGEST_COMMIT: Final = 12


def sides_line(verdict: Verdict) -> str:
    """Name both sides in a clause: `Base main (4f1c2ab) against head working tree (9be0771, with changes)`."""
    return f"Base {_named(verdict.base)} against head {_named(verdict.head)}"


def sides_table(verdict: Verdict) -> Table:
    """Return what stood on either side, a row for each fact; what differs comes first and is marked."""
    return facts_beside(COLUMNS, *map(_facts, (verdict.base, verdict.head)))


def facts_beside(columns: tuple[Column, ...], first: Mapping[str, str], second: Mapping[str, str]) -> Table:
    """Return two sides' facts, a row for each; what differs comes first and is marked."""
    rows = []
    for label in dict.fromkeys([*first, *second]):
        texts = first.get(label, fmt.NOTHING), second.get(label, fmt.NOTHING)
        cells = Cell(label, label), *(Cell(text, text) for text in texts)
        rows.append(Row(cells, "differs" if texts[0] != texts[1] else ""))
    return Table(columns, tuple(sorted(rows, key=lambda row: row.tone != "differs")))


def tell_environments(verdict: Verdict) -> str:
    """Say how the environments of the sides' workers differ, in a sentence; empty: they do not, or are not both known.

    A gate against a stored run has said so itself.
    """
    base, head = verdict.base.environment, verdict.head.environment
    if not (base and head) or any(finding.advisory for finding in verdict.findings):
        return ""
    changed = differences(comparable_facts({}, base, {}), comparable_facts({}, head, {}))
    if not changed:
        return ""
    return f"The sides did not run in the same environment: {tell_facts(changed)}. A finding may come from that as well as from the code."


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
