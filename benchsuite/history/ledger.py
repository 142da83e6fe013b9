"""What the index says about one metric."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, func, select

from benchsuite.history.readings import Figure
from benchsuite.history.schema import cell_table, description_table, figure_table, run_table
from benchsuite.record import CANARY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import ColumnElement, Connection, Row

CANARY_METRIC: Final = "step_time"


@dataclass(frozen=True, slots=True)
class RunEntry:
    """A run as the index knows it."""

    root: str
    """The runs folder, as it was given."""
    name: str
    started: str
    finished: bool
    commit: str
    """Empty: not known."""
    task: str
    problem: str
    """What could not be read of it, in a clause; empty: nothing."""

    @property
    def started_s(self) -> float | None:
        """When it was begun, in seconds since 1970: as it says itself, else as its name does; None: not known."""
        found = seconds_of(self.started)
        return seconds_of(self.name.partition("-")[0]) if found is None else found


@dataclass(frozen=True, slots=True)
class Reading:
    """One variant in one run: a figure, or why there is none."""

    run: RunEntry
    scenario: str
    variant: str
    outcome: str
    reason: str
    disturbed: str
    conditions: str
    """Key of its facts."""
    facts: Mapping[str, str]
    software: Mapping[str, str]
    figure: Figure | None


@dataclass(frozen=True, slots=True)
class Ledger:
    """One metric in all runs of some folders."""

    runs: tuple[RunEntry, ...]
    """In the order of time; gates are left out."""
    gates: int
    metrics: Mapping[str, int]
    """How many figures there are of each metric, whichever was asked for."""
    readings: tuple[Reading, ...]
    """In the order of time."""
    canaries: tuple[Reading, ...]
    """Step times of the fixed workload, which tell whether the machine itself moved."""


def ask(connection: Connection, root: Path, key: str, metric: str) -> Ledger:
    """Return what the index knows about a metric in the runs folder that it calls `key`."""
    rows = connection.execute(select(run_table).where(run_table.c.root == key)).all()
    runs = {row.id: _run(row, root) for row in rows if row.kind == "run"}
    texts = connection.execute(select(description_table.c.key, description_table.c.content))
    descriptions = {row.key: _description(row.content) for row in texts}
    measured = _figures(connection, key, cell_table.c.scenario != CANARY, figure_table.c.metric == metric)
    absent = _absent(connection, key, {row.pass_name for row in measured})
    canaries = _figures(
        connection, key, cell_table.c.scenario == CANARY, figure_table.c.metric == CANARY_METRIC
    )
    return merge([
        Ledger(
            runs=tuple(runs.values()),
            gates=sum(row.kind == "gate" for row in rows),
            metrics=_metrics(connection, key),
            readings=tuple(_reading(row, runs, descriptions) for row in (*measured, *absent)),
            canaries=tuple(_reading(row, runs, descriptions) for row in canaries),
        )
    ])  # fmt: skip


def merge(ledgers: Sequence[Ledger]) -> Ledger:
    """Return the ledgers of several folders as one, in the order of time."""
    metrics: dict[str, int] = {}
    for one in ledgers:
        for name, number in one.metrics.items():
            metrics[name] = metrics.get(name, 0) + number
    return Ledger(
        runs=tuple(sorted((run for one in ledgers for run in one.runs), key=_in_time)),
        gates=sum(one.gates for one in ledgers),
        metrics=metrics,
        readings=_sorted(reading for one in ledgers for reading in one.readings),
        canaries=_sorted(reading for one in ledgers for reading in one.canaries),
    )


def seconds_of(text: str) -> float | None:
    """Return a time in ISO 8601 as seconds since 1970; without an offset it is UTC's. None: it is no time."""
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _in_time(run: RunEntry) -> tuple[float, str, str]:
    """Sort runs by their beginning; those of which it is not known come first."""
    started_s = run.started_s
    return -math.inf if started_s is None else started_s, run.name, run.root


def _sorted(readings: Iterable[Reading]) -> tuple[Reading, ...]:
    return tuple(sorted(readings, key=lambda reading: _in_time(reading.run)))


def _figures(connection: Connection, key: str, *conditions: ColumnElement[bool]) -> Sequence[Row[Any]]:
    same = and_(cell_table.c.run_id == figure_table.c.run_id, cell_table.c.place == figure_table.c.place)
    columns = (figure_table.c.metric, figure_table.c.value, figure_table.c.low, figure_table.c.high)
    return connection.execute(
        select(cell_table, *columns, figure_table.c.trials)
        .join(figure_table, same)
        .join(run_table, run_table.c.id == cell_table.c.run_id)
        .where(run_table.c.root == key, *conditions)
    ).all()


def _absent(connection: Connection, key: str, passes: set[str]) -> Sequence[Row[Any]]:
    """Return the cells without figures, of the passes that tell the metric."""
    return connection.execute(
        select(cell_table)
        .join(run_table, run_table.c.id == cell_table.c.run_id)
        .where(
            run_table.c.root == key,
            cell_table.c.scenario != CANARY,
            cell_table.c.outcome != "measured",
            cell_table.c.pass_name.in_(sorted(passes)),
        )
    ).all()


def _metrics(connection: Connection, key: str) -> dict[str, int]:
    same = and_(cell_table.c.run_id == figure_table.c.run_id, cell_table.c.place == figure_table.c.place)
    counted = connection.execute(
        select(figure_table.c.metric, func.count())
        .join(cell_table, same)
        .join(run_table, run_table.c.id == cell_table.c.run_id)
        .where(run_table.c.root == key, cell_table.c.scenario != CANARY)
        .group_by(figure_table.c.metric)
    )
    return {str(name): int(number) for name, number in counted}


def _run(row: Row[Any], root: Path) -> RunEntry:
    return RunEntry(
        str(root), row.name, row.started, bool(row.finished), row.commit_name, row.task, row.problem
    )


def _reading(
    row: Row[Any], runs: Mapping[int, RunEntry], descriptions: Mapping[str, Mapping[str, str]]
) -> Reading:
    value = getattr(row, "value", None)
    figure = None
    if value is not None:
        low, high = (None if end is None else float(end) for end in (row.low, row.high))
        figure = Figure(row.metric, float(value), low, high, int(row.trials))
    return Reading(
        run=runs[row.run_id],
        scenario=row.scenario,
        variant=row.variant,
        outcome=row.outcome,
        reason=row.reason,
        disturbed=row.disturbed,
        conditions=row.conditions,
        facts=descriptions[row.conditions],
        software=descriptions[row.software],
        figure=figure,
    )


def _description(text: str) -> dict[str, str]:
    return {str(name): str(value) for name, value in json.loads(text).items()}
