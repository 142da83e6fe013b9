"""A history as one JSON document."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from benchsuite.record import SCHEMA
from reports.history.words import tell, unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchsuite.history.ledger import Ledger, RunEntry
    from benchsuite.history.series import Line, Point, Step


def history_document(metric: str, ledger: Ledger, lines: Sequence[Line]) -> dict[str, Any]:
    """Return what `history --json` prints; values are in the metric's own unit."""
    return {
        "schema": SCHEMA,
        "metric": metric,
        "unit": unit(metric),
        "runs": [_run(run) for run in ledger.runs],
        "gates_left_out": ledger.gates,
        "lines": [_line(metric, line) for line in lines],
    }


def _run(run: RunEntry) -> dict[str, Any]:
    return {
        "runs_dir": run.root,
        "run": run.name,
        "started": run.started,
        "finished": run.finished,
        "commit": run.commit or None,
        "task": run.task,
        "problem": run.problem,
    }


def _line(metric: str, line: Line) -> dict[str, Any]:
    return {
        "scenario": line.scenario,
        "variant": line.variant,
        "conditions": {"id": line.conditions, "facts": dict(line.facts)},
        "points": [_point(point) for point in line.points],
        "software_changes": [
            {"at": event.place, "changed": {name: list(pair) for name, pair in event.changed.items()}}
            for event in line.events
        ],
        "change_points": [_step(metric, line, step) for step in line.steps],
    }


def _point(point: Point) -> dict[str, Any]:
    figure = point.figure
    return {
        "runs_dir": point.run.root,
        "run": point.run.name,
        "value": None if figure is None else figure.value,
        "interval": None if figure is None or figure.low is None else [figure.low, figure.high],
        "trials": 0 if figure is None else figure.count,
        "outcome": point.outcome,
        "reason": point.reason,
        "disturbed": point.disturbed,
        "software": dict(point.software),
    }


def _step(metric: str, line: Line, step: Step) -> dict[str, Any]:
    change = step.change
    factor = change.factor
    return {
        "before": change.before,
        "after": change.after,
        "old": change.old,
        "new": change.new,
        "factor": None if factor is None or not math.isfinite(factor.value) else factor.value,
        "interval": None if factor is None or not math.isfinite(factor.high) else [factor.low, factor.high],
        "p": change.p,
        "runs_since": change.seen,
        "software_changes": {name: list(pair) for name, pair in step.software.items()},
        "machine_factor": step.machine_factor,
        "sentence": tell(metric, line, step),
    }
