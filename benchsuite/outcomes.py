"""From what a worker has reported to a record."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from benchsuite.record import CheckResult, OperatorRow, Record, Turn

if TYPE_CHECKING:
    from benchsuite.turns import Outcome


def record_of(outcome: Outcome, empty: Record, artifacts: str = "") -> Record:
    """Fill a record with what a worker has reported.

    Args:
        outcome: how the trial ended.
        empty: the record with all that was known before the trial.
        artifacts: the folder of the trial's files, relative to the run directory.
    """
    message = outcome.message
    known = dataclasses.replace(
        empty,
        started=datetime.fromtimestamp(outcome.started, UTC).isoformat(timespec="milliseconds"),
        duration_ns=outcome.duration_ns,
    )
    if message["event"] == "skipped":
        return dataclasses.replace(known, outcome="skipped", reason=message["reason"])
    if message["event"] != "result":
        return dataclasses.replace(known, outcome="failed", reason=message["reason"])
    checks = tuple(CheckResult(**check) for check in message.get("checks", ()))
    broken = [check for check in checks if not check.ok]
    return dataclasses.replace(
        known,
        outcome="failed" if broken else "completed",
        reason="; ".join(_say_broken(check) for check in broken),
        first_step_ns=message.get("first_step_ns"),
        warmup_ns=tuple(message.get("warmup_ns", ())),
        settled=message.get("settled", True),
        step_ns=tuple(message.get("step_ns", ())),
        cpu_ns=tuple(message.get("cpu_ns", ())),
        device_ns=tuple(message.get("device_ns", ())),
        turns=tuple(Turn(turn.order, turn.steps, turn.elapsed_ns) for turn in outcome.turns),
        items_per_step=message["items_per_step"],
        metrics=message.get("metrics", {}),
        series={name: tuple((x, y) for x, y in points) for name, points in message.get("series", {}).items()},
        checks=checks,
        operators=tuple(OperatorRow(**row) for row in message.get("operators", ())),
        contention=message.get("contention", {}),
        artifacts={kind: f"{artifacts}/{name}" for kind, name in message.get("artifacts", {}).items()},
    )


def _say_broken(check: CheckResult) -> str:
    value = "not a number" if check.value is None else f"{check.value:.4g}"
    return f"check failed: {check.name} is {value}, must be {check.direction} {check.limit:g}"
