"""Two runs beside each other: who they are, what changes how their comparison is read, and in what they differ."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reports import format as fmt
from reports.caveats import Caveat, caveats
from reports.document import date
from reports.facts import facts, machine_line, merged, took_s
from reports.gate.sides import facts_beside
from reports.table import Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reports.compare.difference import RunDifference
    from reports.load import ReportData

COLUMNS: Final = (Column("What", wraps=True), Column("A", wraps=True), Column("B", wraps=True))
LEVELS: Final = ("problem", "care", "note")
COMMIT_DIGITS: Final = 12


@dataclass(frozen=True, slots=True)
class Side:
    """One of two runs, as the page names it."""

    name: str
    """As the user named it."""
    path: str
    """Of its directory; empty: that is what the user named."""
    started: str
    commit: str
    machine: str
    report: str
    """The address of its own page, or empty."""


def side(name: str, data: ReportData, report: str) -> Side:
    """Return how a run is named."""
    info, path = data.run.info, str(data.run.path)
    took = took_s(info)
    return Side(
        name=fmt.clause(name),
        path=fmt.clause(path) if Path(name) != data.run.path else "",
        started=date(info.started) + (f", took {fmt.duration(took * 1e9)}" if took else ""),
        commit=_commit(info.commit),
        machine=machine_line(data),
        report=report,
    )


def tell_caveats(difference: RunDifference, before: ReportData, after: ReportData) -> tuple[Caveat, ...]:
    """Return what changes how the comparison is to be read: what differs around the code first, then each run's own, the gravest first."""
    own = sorted(_own(before, after), key=lambda caveat: LEVELS.index(caveat.level))
    return (
        *(Caveat("care", text) for text in difference.warnings if text not in difference.gaps),
        *own,
        *(Caveat("note", text) for text in difference.gaps),
    )


def gravest(found: Iterable[Caveat]) -> str:
    """Return the gravest level of these; empty: there are none."""
    return min((caveat.level for caveat in found), key=LEVELS.index, default="")


def sides_table(before: ReportData, after: ReportData) -> Table:
    """Return machine, software, task, data and options of both runs; what differs comes first and is marked."""
    return facts_beside(COLUMNS, *(dict(_facts(data)) for data in (before, after)))


def _own(before: ReportData, after: ReportData) -> Iterator[Caveat]:
    """Yield what the runs' own pages warn of, but for what they left out."""
    found: dict[Caveat, list[str]] = {}
    for name, data in (("A", before), ("B", after)):
        for caveat in caveats(data):
            if caveat.level != "note":
                found.setdefault(caveat, []).append(name)
    for caveat, names in found.items():
        yield Caveat(caveat.level, f"{fmt.listing(names)}: {caveat.text}")


def _facts(data: ReportData) -> Iterable[tuple[str, str]]:
    info = data.run.info
    yield from facts(info.machine)
    for label, text in merged(info.environments.values()):
        yield f"{label} (workers)", text
    yield "Task", fmt.name(info.task_name or info.task)
    for label, text in facts(info.data):
        yield f"Data · {label}", text
    for label, text in facts(info.options):
        yield f"Option · {label}", text


def _commit(commit: str | None) -> str:
    if not commit:
        return ""
    digits = fmt.name(commit.removesuffix("-dirty"))[:COMMIT_DIGITS]
    return digits + (", with changes" if commit.endswith("-dirty") else "")
