"""A history as rows for a terminal, one for each line, and what is to be said beside them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from reports import format as fmt
from reports.gate.words import numbered
from reports.history.sparkline import sparkline
from reports.history.words import change_words, commit, day, spelling, tell_unlike, tone, too_few
from reports.table import Cell, Column, Row, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchsuite.history.ledger import Ledger
    from benchsuite.history.series import Line, Step

MOST_PROBLEMS: Final = 3
TREND: Final = 3
"""Place of the column that a terminal alone has."""
COLUMNS: Final = (
    Column("Variant", essential=True),
    Column("Runs", numeric=True, essential=True),
    Column("Latest", numeric=True, essential=True),
    Column("Last change", numeric=True, essential=True),
    Column("With commit", essential=True),
    Column("On"),
)


def history_table(metric: str, lines: Sequence[Line]) -> Table:
    """Return one row for each line, in the order in which they come."""
    rows = [_row(metric, line, name) for line, name in zip(lines, line_names(lines), strict=True)]
    return Table(COLUMNS, tuple(rows))


def with_trends(table: Table, lines: Iterable[Line]) -> Table:
    """Return the table with each line's values as a few characters."""
    columns = (*table.columns[:TREND], Column("Trend", essential=True), *table.columns[TREND:])
    rows = []
    for row, line in zip(table.rows, lines, strict=True):
        values = [None if point.figure is None else point.figure.value for point in line.points]
        rows.append(replace(row, cells=(*row.cells[:TREND], Cell(sparkline(values)), *row.cells[TREND:])))
    return Table(columns, tuple(rows), table.notes)


def line_names(lines: Iterable[Line]) -> list[str]:
    """Return the lines' names: a variant's newest line has the variant's, its others carry a number."""
    others: Counter[str] = Counter()
    found = []
    for line in lines:
        others[line.variant] += bool(line.unlike)
        found.append(fmt.name(line.variant) + (f" ({others[line.variant] + 1})" if line.unlike else ""))
    return found


def other_lines(lines: Sequence[Line]) -> list[str]:
    """Say of each line that is not its variant's newest under which other conditions it stands."""
    named = zip(line_names(lines), lines, strict=True)
    return [f"{name}: {tell_unlike(line)}" for name, line in named if line.unlike]


def notes(ledger: Ledger, lines: Sequence[Line], metric: str) -> list[str]:
    """Say what is not there, or changes how to read the rest."""
    found = []
    if ledger.gates:
        left = numbered(ledger.gates, "gate")
        found.append(
            f"{left} {'is' if ledger.gates == 1 else 'are'} left out: a gate measures two states of the code."
        )
    broken = [run for run in ledger.runs if run.problem]
    found += [
        f"{fmt.name(run.name)} could not be read whole: {fmt.sentence(fmt.clause(run.problem), capital=False)}"
        for run in broken[:MOST_PROBLEMS]
    ]
    if len(broken) > MOST_PROBLEMS:
        found.append(f"{len(broken) - MOST_PROBLEMS} more runs could not be read whole.")
    if unfinished := sum(not run.finished and not run.problem for run in ledger.runs):
        found.append(
            f"{numbered(unfinished, 'run')} {'is' if unfinished == 1 else 'are'} not finished: what there is of it is shown."
        )
    if lines and (text := too_few(max(len(line.measured) for line in lines), metric)):
        found.append(text)
    return found


def _row(metric: str, line: Line, name: str) -> Row:
    step = line.steps[-1] if line.steps else None
    after = line.points[step.change.after].run if step else None
    latest = line.latest.value
    cells = (
        Cell(name, line.variant),
        Cell(f"{len(line.measured):,}", len(line.measured)),
        Cell(spelling(metric)(latest), latest),
        Cell(change_words(metric, step), _size(step)) if step else Cell(fmt.NOTHING),
        Cell(commit(after), commit(after)) if after else Cell(""),
        Cell(day(after), after.started_s) if after else Cell(""),
    )
    return Row(cells, tone(metric, step) if step else "", line.variant)


def _size(step: Step) -> float:
    """Return by what a change is sorted."""
    return step.change.new - step.change.old if step.change.factor is None else step.change.factor.value
