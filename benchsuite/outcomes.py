"""From what a worker has reported to a record."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from benchsuite.record import (
    CANARY,
    AllocationSite,
    CallRow,
    CheckResult,
    CompileCache,
    OperatorRow,
    Record,
    Span,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchsuite.plan import Group
    from benchsuite.scenario import Variant
    from benchsuite.turns import Outcome
    from benchsuite.worker.protocol import TrialSpec


def record_of(  # noqa: PLR0917 - all that is known of a trial
    variant: Variant, group: Group, spec: TrialSpec, outcome: Outcome, environment: str, compile_cache: CompileCache
) -> Record:  # fmt: skip
    """Return the record of a variant's trial; a check that did not hold makes it a failed one."""
    known = Record(
        variant=variant.id, scenario=variant.scenario, settings=variant.settings, context=variant.context,
        baseline=variant.baseline, pass_=group.pass_, repetition=group.repetition, group=group.id,
        outcome="completed", started=_utc(outcome.started), duration_ns=outcome.duration_ns,
        seed=spec.seed, threads=spec.threads, ranks=spec.ranks, cores=len(spec.cores), environment=environment,
        compile_cache=compile_cache,
    )  # fmt: skip
    return _filled(known, outcome)


def canary_record(group: Group, spec: TrialSpec, outcome: Outcome, environment: str) -> Record:
    """Return the record of the fixed workload that took its turns in a group."""
    known = Record(
        variant=CANARY, scenario=CANARY, settings={}, context={}, baseline=True, pass_="timing",
        repetition=group.repetition, group=group.id, outcome="completed", started=_utc(outcome.started),
        duration_ns=outcome.duration_ns, seed=spec.seed, threads=spec.threads, ranks=spec.ranks, cores=len(spec.cores),
        environment=environment,
    )  # fmt: skip
    return _filled(known, outcome)


def skipped_record(variant: Variant, reason: str, started: str) -> Record:
    """Return the record of a variant that this machine cannot run."""
    return Record(
        variant=variant.id, scenario=variant.scenario, settings=variant.settings, context=variant.context,
        baseline=variant.baseline, pass_="timing", repetition=0, group="", outcome="skipped", started=started,
        reason=reason,
    )  # fmt: skip


def environment_id(environment: Mapping[str, Any]) -> str:
    """Return the id by which records refer to what a worker saw."""
    return hashlib.sha256(json.dumps(environment, sort_keys=True).encode()).hexdigest()[:12]


def _filled(known: Record, outcome: Outcome) -> Record:
    message = outcome.message
    if message["event"] == "skipped":
        return dataclasses.replace(known, outcome="skipped", reason=message["reason"])
    if message["event"] != "result":
        return dataclasses.replace(known, outcome="failed", reason=message["reason"])
    checks = tuple(CheckResult(**check) for check in message.get("checks", ()))
    broken = [check for check in checks if not check.ok]
    return dataclasses.replace(
        known,
        outcome="failed" if broken else "completed",
        reason="; ".join([*(_say_broken(check) for check in broken), *message.get("problems", ())]),
        first_step_ns=message.get("first_step_ns"),
        warmup_ns=tuple(message.get("warmup_ns", ())),
        settled=message.get("settled", True),
        step_ns=tuple(message.get("step_ns", ())),
        cpu_ns=tuple(message.get("cpu_ns", ())),
        device_ns=tuple(message.get("device_ns", ())),
        turns=tuple(outcome.turns),
        items_per_step=message["items_per_step"],
        metrics=message.get("metrics", {}),
        series={name: tuple((x, y) for x, y in points) for name, points in message.get("series", {}).items()},
        checks=checks,
        operators=tuple(OperatorRow(**row) for row in message.get("operators", ())),
        timeline=tuple(Span(*span) for span in message.get("timeline", ())),
        sites=tuple(map(AllocationSite.from_json, message.get("sites", ()))),
        calls=tuple(CallRow(**row) for row in message.get("calls", ())),
        contention=message.get("contention", {}),
        artifacts=message.get("artifacts", {}),
        working_ns=message.get("working_ns", 0),
        files=message.get("files", {}),
        foreign=tuple(message.get("foreign", ())),
    )


def _say_broken(check: CheckResult) -> str:
    value = "not a finite number" if check.value is None else f"{check.value:.4g}"
    return f"check failed: {check.name} is {value}, must be {check.direction} {check.limit:g}"


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
