"""A gate over two sides of code: from the selection to the verdict, in a run directory of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from benchsuite.environment import read_machine, usable_cores
from benchsuite.errors import BenchsuiteError, UsageError
from benchsuite.gate.case import SIDES, Case
from benchsuite.gate.session import GateSession
from benchsuite.gate.trials import GateTrials
from benchsuite.gate.verdict import Finding, SideInfo, Verdict
from benchsuite.leftovers import temporary_folder
from benchsuite.record import RunInfo
from benchsuite.session import lasting_compile_folder
from benchsuite.suggestion import suggest_variant
from benchsuite.trials import Options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from benchsuite.gate.selection import Selection
    from benchsuite.gate.session import Observer
    from benchsuite.gate.settings import GateSettings
    from benchsuite.gate.sides import Side, SideName, Sides
    from benchsuite.gate.verdict import FindingVerdict
    from benchsuite.record import Record
    from benchsuite.store import RunDirectory


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What both sides run, in the user's words."""

    task: str
    dataset: str | None = None
    data_dir: Path | None = None
    threads: int = 1
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """A verdict and what it rests on."""

    verdict: Verdict
    records: Mapping[str, Mapping[SideName, Sequence[Record]]]
    """All records of each variant, by side."""


def measure(  # noqa: PLR0917 - all that a gate is made of
    sides: Sides, selection: Selection, settings: GateSettings, work: Work, directory: RunDirectory, observer: Observer,
    reproduce: Callable[[str], str],
) -> Measured:  # fmt: skip
    """Decide about the selected variants; records are on the disk as they are made.

    Args:
        sides: base and head.
        selection: the variants.
        settings: limits and pairs.
        work: the task and how it runs.
        directory: gets the records and the header.
        observer: is told how it goes.
        reproduce: returns the command that decides about one variant again.

    Raises:
        UsageError: the head's task or data cannot be used, or the disk is full.
        BenchsuiteError: no worker could be started.
    """
    started, began = _now(), time.monotonic()
    machine = dataclasses.asdict(read_machine())
    info = RunInfo(
        command=("python", "-m", "benchsuite", *sys.argv[1:]),
        kind="gate",
        started=started,
        task=work.task,
        scenarios=tuple(sides.head.catalog.scenarios),
        machine=machine,
        commit=sides.head.info.commit,
    )
    directory.write_info(info)
    findings, warnings = _one_sided(selection), [*sides.notes]
    cases: tuple[Case, ...] = ()
    environments: Mapping[str, Mapping[str, Any]] = {}
    if sides.base.problem:
        findings += _about_all(selection, "failed", sides.base.problem)
    elif selection.candidates:
        with (
            _discarded_if_empty(directory),
            _trials(sides, selection, work, settings, directory) as trials,
        ):
            observer.working_on("starting workers (importing torch)", 0.0, settings.budget_s)
            obstacle = _prepare(sides, trials)
            if obstacle:
                findings += _about_all(selection, *obstacle)
            else:
                session = GateSession(sides, selection, settings, trials, work.seed, observer)
                findings += session.decide()
                cases = tuple(session.cases)
                warnings += [*session.warnings, *_own_code_warning(cases)]
            environments = dict(trials.environments)
    warnings += [*_skipped(selection), *_idle(sides, settings)]
    seconds = {case.id: case.seconds for case in cases}
    directory.write_info(
        dataclasses.replace(
            info,
            finished=_now(),
            environments=environments,
            effort={"wall_s": time.monotonic() - began, "working_s": sum(seconds.values())},
        )
    )
    verdict = Verdict(
        base=_seen(sides.base, cases, environments),
        head=_seen(sides.head, cases, environments),
        findings=tuple(completed(finding, settings, seconds, reproduce) for finding in findings),
        started=started,
        seconds=time.monotonic() - began,
        machine=machine,
        warnings=tuple(warnings),
        run=str(directory.path),
    )
    return Measured(verdict, {case.id: {side: case.records(side) for side in SIDES} for case in cases})


@contextlib.contextmanager
def _discarded_if_empty(directory: RunDirectory) -> Iterator[None]:
    """Leave no directory behind where an error ends the gate before anything was measured."""
    try:
        yield
    except BenchsuiteError:
        if directory.is_empty:
            directory.discard()
        raise


@contextlib.contextmanager
def _trials(
    sides: Sides, selection: Selection, work: Work, settings: GateSettings, directory: RunDirectory
) -> Iterator[GateTrials]:
    compiles = any(candidate.head.variant.process.own_compile_cache for candidate in selection.candidates)
    options = {side.name: _options(side, work, settings) for side in (sides.base, sides.head)}
    lasting = lasting_compile_folder() if compiles else None
    with temporary_folder("compile") as caches:
        trials = GateTrials(sides, options, usable_cores(), directory, caches, lasting)
        try:
            yield trials
        finally:
            trials.renew()


def _options(side: Side, work: Work, settings: GateSettings) -> Options:
    if side.catalog.task is None:
        raise UsageError(f"--task {work.task}: neither side has such a module")
    return Options(
        task=work.task,
        task_origin=side.catalog.task,
        task_attribute=work.task.rpartition(":")[2],
        dataset=work.dataset,
        data_dir=work.data_dir,
        threads=work.threads,
        seed=work.seed,
        timeout_s=settings.timeout_s,
    )


def _prepare(sides: Sides, trials: GateTrials) -> tuple[FindingVerdict, str] | None:
    """Ready both sides' data; return why nothing can be compared with the base's, or None.

    Raises:
        UsageError: the head's task or data cannot be used.
    """
    data: dict[SideName, Any] = {}
    for side in (sides.head, sides.base):
        message = trials.prepare(side.name).message
        unusable = message["event"] in {"failed", "skipped"}
        if unusable and side.name == "head":
            raise UsageError(f"the task of the working tree cannot be used: {message['reason']}")
        if unusable:
            return "failed", f"the task of the base cannot be used: {message['reason']}"
        data[side.name] = message["data"]
    if data["base"] != data["head"]:
        return "not comparable", f"the sides use different data, {data['base']} and {data['head']}"
    return None


def _own_code_warning(cases: Sequence[Case]) -> list[str]:
    """Say so where nothing of the repository ran: such a gate passes whatever is changed there."""
    ran = [
        r for case in cases for r in case.records("head") if r.pass_ == "timing" and r.outcome == "completed"
    ]
    if not ran or any(record.files for record in ran):
        return []
    advice = "Name a task or scenarios of yours (--task, --scenarios, or the configuration)."
    return [f"No file of this repository ran: the gate measured benchsuite's own model. {advice}"]


def _skipped(selection: Selection) -> list[str]:
    by_reason: dict[str, list[str]] = {}
    for id_, reason in selection.skipped:
        by_reason.setdefault(reason, []).append(id_)
    return [f"Not gated, as {reason}: {', '.join(ids)}." for reason, ids in by_reason.items()]


def _idle(sides: Sides, settings: GateSettings) -> list[str]:
    """Say which entries of the configuration have no variant: a misspelt one loosens nothing."""
    ids = list(dict.fromkeys([*sides.head.catalog.variants, *sides.base.catalog.variants]))
    return [
        f"{key} of {match!r} in the configuration: no variant's name contains that; {suggest_variant(match, ids)}."
        for key, match in settings.idle_entries(ids)
    ]


def _one_sided(selection: Selection) -> list[Finding]:
    new = [
        Finding(scenario=v.variant.scenario, variant=v.variant.id, metric="", verdict="new", reason="the base does not have it")
        for v in selection.new
    ]  # fmt: skip
    missing = [
        Finding(
            scenario=v.variant.scenario, variant=v.variant.id, metric="", verdict="missing",
            reason="the base has it and the head does not: if it was renamed, nothing guards it in this gate",
        )
        for v in selection.missing
    ]  # fmt: skip
    return new + missing


def _about_all(selection: Selection, verdict: FindingVerdict, reason: str) -> list[Finding]:
    return [
        Finding(scenario=c.head.variant.scenario, variant=c.id, metric="", verdict=verdict, reason=reason)
        for c in selection.candidates
    ]


def completed(
    finding: Finding, settings: GateSettings, seconds: Mapping[str, float], reproduce: Callable[[str], str]
) -> Finding:
    """Return a finding with its quarantine, what deciding about its variant took, and the command to do so again."""
    quarantine = settings.quarantined(finding.variant, finding.metric)
    return dataclasses.replace(
        finding,
        quarantine=f"{quarantine.reason} (until {quarantine.until})" if quarantine else "",
        seconds=seconds.get(finding.variant, 0.0),
        reproduce=reproduce(finding.variant),
    )


def _seen(side: Side, cases: Sequence[Case], environments: Mapping[str, Mapping[str, Any]]) -> SideInfo:
    seen = [
        r.environment
        for case in cases
        for r in case.records(side.name)
        if r.pass_ == "timing" and r.environment
    ]
    return dataclasses.replace(side.info, environment=environments.get(seen[-1], {}) if seen else {})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
