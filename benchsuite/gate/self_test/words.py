"""A self-test's result in words: tables for the terminal, and the page of `docs/gate-accuracy.md`."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchsuite.record import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from benchsuite.gate.self_test.decisions import SelfTest
    from benchsuite.gate.self_test.plan import Part, Plant
    from benchsuite.gate.self_test.tally import Rate, Row, Seconds, Tally

NOTHING = "—"
PLANT_NAMES = {
    "none": "identical code",
    "memory": "1 MiB more memory",
    "cuda_memory": "1 MiB more GPU memory, to the byte",
    "leak": "a leak",
    "operator": "an extra operator",
    "check": "a failing check",
}
PART_NAMES: Mapping[Part, str] = {"time": "step time", "exact": "exact metrics"}


@dataclass(frozen=True, slots=True)
class Table:
    """Ready strings."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(found: Tally) -> tuple[Table, ...]:
    """Return the tables that show a tally; those without a row are left out."""
    shown = (_false_alarms(found), _detections(found), _pace(found), _rivals(found))
    return tuple(table for table in shown if table.rows)


def markdown(header: SelfTest, found: Tally, made: int) -> str:
    """Return the page that says how often the gate errs: when, where, with what, and the tables.

    Args:
        header: of the self-test.
        found: its result.
        made: how many of its decisions have been made.
    """
    lines = [
        "# How often the gate errs",
        "",
        _introduction(header, made),
        "",
        f"- Begun: {header.started}",
        f"- Machine: {header.machine.describe()}",
        f"- Software: {', '.join(f'{name} {version}' for name, version in header.versions.items())}",
        f"- Commit: {header.commit or 'not known'}",
        "",
    ]  # fmt: skip
    for table in tables(found):
        lines += [f"## {table.title}", "", *_table_lines(table), ""]
    return "\n".join(lines)


def _introduction(header: SelfTest, made: int) -> str:
    planned = sum(len(batch.decisions) for batch in header.batches)
    where = "" if header.device == "cpu" else f" --device {header.device}"
    return (
        f"Measured by `python -m benchsuite gate --self-test{where}`, which runs the gate itself on a project with planted changes: "
        f"{made} of {planned} decisions, seed {header.seed}, {_listed(header.loads)} busy neighbours. Slowdowns are real work "
        "inside the step, a share of the step's time as it is in that very process. Intervals are exact (Clopper and Pearson), 95 %."
    )


def document(header: SelfTest, found: Tally, made: int) -> dict[str, Any]:
    """Return the tally as one JSON document."""
    return {
        "schema": SCHEMA,
        "started": header.started,
        "seed": header.seed,
        "loads": list(header.loads),
        "device": header.device,
        "versions": dict(header.versions),
        "commit": header.commit,
        "machine": dataclasses.asdict(header.machine),
        "planned": sum(len(batch.decisions) for batch in header.batches),
        "decisions": made,
        "rows": [{**dataclasses.asdict(row), "called": _rate_document(row.called)} for row in found.rows],
        "seconds": [dataclasses.asdict(pace) for pace in found.paces],
        "rivals": [
            {
                **dataclasses.asdict(row),
                "slower": _rate_document(row.slower),
                "faster": _rate_document(row.faster),
            }
            for row in found.rivals
        ],
    }


def name(plant: Plant) -> str:
    """Say what was planted."""
    return f"{100 * plant.share:.3g} % slower" if plant.kind == "slowdown" else PLANT_NAMES[plant.kind]


def spell_rate(rate: Rate) -> str:
    """Return a share with its interval, whose ends are rounded outward."""
    if not rate.trials:
        return NOTHING
    low, high = rate.interval
    ends = f"{math.floor(1000 * low) / 10:.1f} to {math.ceil(1000 * high) / 10:.1f} %"
    return f"{rate.hits} of {rate.trials}: {100 * rate.hits / rate.trials:.1f} % ({ends})"


def _false_alarms(found: Tally) -> Table:
    rows = [row for row in found.rows if row.plant.kind == "none"]
    return Table(
        "False alarms: identical code",
        ("asked about", "neighbours", "called a regression", "an improvement", "inconclusive", "failed"),
        tuple((PART_NAMES[row.part], *_cells(row)) for row in rows),
    )


def _detections(found: Tally) -> Table:
    rows = [row for row in found.rows if row.plant.kind != "none"]
    return Table(
        "Detections: planted changes",
        ("planted", "neighbours", "caught", "an improvement", "inconclusive", "failed"),
        tuple((name(row.plant), *_cells(row)) for row in rows),
    )


def _cells(row: Row) -> tuple[str, ...]:
    load = "all together" if row.load is None else str(row.load)
    counts = (row.improvements, row.inconclusive, row.failed)
    return (load, spell_rate(row.called), *(str(count) for count in counts))


def _pace(found: Tally) -> Table:
    return Table(
        "Seconds for each decision: median, longest",
        ("neighbours", "cleared by the screening", "confirmed", "exact metrics", "whole gate, for each variant"),
        tuple(
            (str(pace.load), *map(_spell_seconds, (pace.cleared, pace.confirmed, pace.exact, pace.whole)))
            for pace in found.paces
        ),
    )  # fmt: skip


def _rivals(found: Tally) -> Table:
    plants = list(dict.fromkeys(row.plant for row in found.rivals))
    heads = [f"{name(plant)}: called slower" for plant in plants]
    rules = list(dict.fromkeys(row.rule for row in found.rivals))
    rows = []
    for rule in rules:
        own = {row.plant: row for row in found.rivals if row.rule == rule}
        rows.append((rule, *(spell_rate(own[plant].slower) for plant in plants)))
    return Table("The same samples by other tools' rules, all loads together", ("rule", *heads), tuple(rows))


def _spell_seconds(seconds: Seconds) -> str:
    if seconds.median is None or seconds.longest is None:
        return NOTHING
    return f"{seconds.median:.1f}, {seconds.longest:.1f}"


def _rate_document(rate: Rate) -> dict[str, Any]:
    return {"hits": rate.hits, "trials": rate.trials, "interval": list(rate.interval)}


def _listed(loads: Sequence[int]) -> str:
    *most, last = map(str, loads)
    return f"{', '.join(most)} and {last}" if most else last


def _table_lines(table: Table) -> Iterator[str]:
    yield _line(table.columns)
    yield _line("---" for _ in table.columns)
    yield from map(_line, table.rows)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
