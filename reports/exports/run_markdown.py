"""A run as Markdown: its answers with their tables, for a pull request, a wiki or a README."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reports import format as fmt
from reports.answers import answer
from reports.caveats import caveats
from reports.exports.markdown import MOST_BYTES, fitting, prose
from reports.facts import machine_line
from reports.overview import asked
from reports.tables import scenario_table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reports.caveats import Level
    from reports.load import ReportData
    from reports.results import ScenarioResult
    from reports.table import Column, Row

WORDS: Final[dict[Level, str]] = {"problem": "Problem", "care": "Care", "note": "Note"}
ANSWER_BYTES, TABLE_BYTES, NOTES_BYTES, CAVEATS_BYTES, RESERVED_BYTES = 4_000, 12_000, 4_000, 6_000, 2_000
"""What a part may take; the last is kept for title, machine and what says that something was left out."""


def run_markdown(data: ReportData) -> str:
    """Return a run's questions with answers, tables and notes, below 60 KB of UTF-8; what does not fit is counted.

    Names and messages come from outside: they can be no markup, no mention, no reference and no link.
    """
    head = ["# Performance report", prose(f"{asked(data)}."), prose(machine_line(data)), _caveats(data)]
    head = [part for part in head if part]
    used = sum(len(part.encode("utf-8", errors="replace")) + 2 for part in head)
    sections = [_section(result, whole=result.name not in data.narrowed) for result in data.scenarios]
    kept, left = fitting(sections, len(sections), MOST_BYTES - RESERVED_BYTES - used)
    if left:
        kept.append(f"{left:,} more questions: `report.html` has them all.")
    return "\n\n".join([*head, *kept]) + "\n"


def _caveats(data: ReportData) -> str:
    found = caveats(data)
    lines = (f"- {WORDS[caveat.level]}: {prose(caveat.text)}" for caveat in found)
    return _list("## Before you read on\n", lines, len(found), CAVEATS_BYTES)


def _section(result: ScenarioResult, *, whole: bool) -> str:
    answers = answer(result) if whole else ()
    table = scenario_table(result)
    shown, notes = table.essential(), table.notes
    parts = [
        f"## {prose(result.question)}",
        _list("", (f"- {prose(str(statement))}" for statement in answers), len(answers), ANSWER_BYTES),
        _table(shown.columns, shown.rows),
        _list("", (f"- {prose(fmt.prose(note))}" for note in notes), len(notes), NOTES_BYTES),
    ]
    return "\n\n".join(part for part in parts if part)


def _table(columns: tuple[Column, ...], rows: tuple[Row, ...]) -> str:
    lines = (f"| {' | '.join(prose(cell.text) or ' ' for cell in row.cells)} |" for row in rows)
    kept, left = fitting(lines, len(rows), TABLE_BYTES)
    head = [
        f"| {' | '.join(prose(column.title) for column in columns)} |",
        f"| {' | '.join('---:' if column.numeric else '---' for column in columns)} |",
    ]
    more = f"\n\n{left:,} more variants: `report.html` has them all." if left else ""
    return "\n".join([*head, *kept]) + more


def _list(heading: str, lines: Iterable[str], number: int, most_bytes: int) -> str:
    kept, left = fitting(lines, number, most_bytes)
    if left:
        kept.append(f"- {left:,} more: `report.html` has them all.")
    return "\n".join([*([heading] if heading else []), *kept]) if kept else ""
