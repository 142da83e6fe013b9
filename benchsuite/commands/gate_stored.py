"""`gate --against RUN`: the working tree against a stored run. Counts decide; times are advisory.

A stored run was measured at another moment, when this machine may have been faster or slower by more than any limit worth
having.
"""

from __future__ import annotations

import dataclasses
import math
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchsuite.commands.gate_outcome import conclude
from benchsuite.commands.reproduction import reproduction
from benchsuite.commands.request import Request, header
from benchsuite.commands.stored_surroundings import environment_warnings, refuse_or_warn
from benchsuite.comparison import timings
from benchsuite.environment import read_machine, unmet
from benchsuite.errors import UsageError
from benchsuite.gate import exact
from benchsuite.gate.measure import Measured, completed
from benchsuite.gate.selection import matched
from benchsuite.gate.settings import TIME_METRICS
from benchsuite.gate.verdict import Finding, FindingVerdict, SideInfo, Verdict
from benchsuite.store import RunDirectory, load_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from benchsuite import terminal
    from benchsuite.catalog import Entry
    from benchsuite.config import GateConfig
    from benchsuite.gate.settings import GateSettings
    from benchsuite.gate.sides import SideName
    from benchsuite.record import Record, RunInfo
    from benchsuite.store import Run
    from reports import RunDifference, VariantDifference

ADVISORY = "times against a stored run are advisory: the machine has moved since then"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which variants to gate."""

    names: tuple[str, ...]
    """Of scenarios; empty: all."""
    texts: tuple[str, ...]
    """What an id contains one of; empty: anything."""
    everything: bool
    """Where neither is given: all of the run's variants, not the default set."""


def gate_against_run(
    stored_path: Path, config: GateConfig, wanted: Wanted, runs_dir: Path, out: terminal.Terminal, *, as_json: bool
) -> int:  # fmt: skip
    """Measure what a stored run holds again, compare, and return the exit code.

    Raises:
        NotComparableError: machine, software or data differ, and the configuration does not say to go on.
        UsageError: the run holds none of the variants asked for.
    """
    stored, settings = load_run(stored_path), config.settings
    request = _request(stored, config)
    warnings = [*refuse_or_warn(stored, settings)]
    entries = request.entries()
    held = _timed(stored)
    chosen = _choose(held, entries, wanted)
    known = {variant.id for entry in entries.values() for variant in entry.scenario.described()}
    missing = [id_ for id_ in chosen if id_ not in known]
    began = time.monotonic()
    directory = RunDirectory.create(runs_dir)
    fresh = _measure(request, entries, set(chosen) - set(missing), directory, out)
    warnings += environment_warnings(stored, fresh, settings)
    records = _by_side(stored, fresh)
    findings = [_missing(id_, held[id_][0].scenario) for id_ in missing]
    findings += _exact_findings(records, settings)
    if difference := _times(stored, fresh, records, settings):
        warnings += difference.warnings
        findings += [_time_finding(one, settings) for one in difference.variants if one.variant in records]
    verdict = Verdict(
        base=_side(str(stored_path), stored.info),
        head=_side("working tree", fresh.info),
        findings=tuple(completed(finding, settings, {}, reproduction) for finding in findings),
        started=fresh.info.started,
        seconds=time.monotonic() - began,
        machine=dict(fresh.info.machine),
        warnings=tuple(dict.fromkeys(warnings)),
        run=str(directory.path),
    )
    return conclude(Measured(verdict, records), (), settings, directory, out, as_json=as_json)


def _request(stored: Run, config: GateConfig) -> Request:
    """Return what is measured again: as the stored run was asked, with the gate's own seed and times.

    Raises:
        UsageError: the directory is a gate's, the run is not finished, or its header does not say what was asked for.
    """
    asked = Request.from_run(stored.path, stored.info)
    if not stored.info.finished:
        raise UsageError(
            f"{stored.path}: this run is not finished; `python -m benchsuite run --resume {stored.path}` goes on with it"
        )
    return dataclasses.replace(
        asked, names=(), all=True, quick=False, only=None, seed=config.seed,
        budget_s=config.settings.budget_s, timeout_s=config.settings.timeout_s,
    )  # fmt: skip


def _timed(run: Run) -> dict[str, list[Record]]:
    """Return the records of every variant that took turns in a run."""
    timed = {record.variant for record in timings(run.records)}
    once = {s["name"] for s in run.info.scenarios if s.get("once") or s.get("combines")}
    found: dict[str, list[Record]] = {}
    for record in run.records:
        if record.variant in timed and record.scenario not in once:
            found.setdefault(record.variant, []).append(record)
    return found


def _choose(
    held: Mapping[str, Sequence[Record]], entries: Mapping[str, Entry], wanted: Wanted
) -> list[str]:  # fmt: skip
    """Return which of the stored variants to measure again: those named, else the default set as far as it is there."""
    named = [
        id_
        for id_, records in held.items()
        if (not wanted.names or records[0].scenario in wanted.names)
        and (not wanted.texts or id_ in matched(wanted.texts, held))
    ]
    if not (wanted.names or wanted.texts or wanted.everything):
        from scenarios import GATED

        user = {id_ for id_ in named if id_.partition("[")[0] in entries and not _built_in(entries, id_)}
        named = [id_ for id_ in named if id_ in GATED or id_ in user] or named
    if not named:
        said = " ".join([*wanted.names, *(f"-k {text}" for text in wanted.texts)])
        raise UsageError(f"{said or 'the default set'}: the stored run has timed no such variant")
    return named


def _built_in(entries: Mapping[str, Entry], variant: str) -> bool:
    from benchsuite.origin import BUILT_IN_PACKAGE

    return entries[variant.partition("[")[0]].origin.module.startswith(f"{BUILT_IN_PACKAGE}.")


def _measure(
    request: Request,
    entries: dict[str, Entry],
    chosen: set[str],
    directory: RunDirectory,
    out: terminal.Terminal,
) -> Run:
    from benchsuite.plan import make_plan
    from benchsuite.session import Session

    plan = make_plan(entries, unmet, ("memory", "operators"), random.Random(request.seed), chosen)
    info = dataclasses.replace(
        header(request, entries, dataclasses.asdict(read_machine()), ()), kind="gate", plan=plan.ids()
    )
    with out.progress() as progress:
        Session(plan, request.options(), directory, info, progress).measure()
    return load_run(directory.path)


def _exact_findings(
    records: Mapping[str, Mapping[SideName, Sequence[Record]]], settings: GateSettings
) -> list[Finding]:
    found = []
    for variant, sides in records.items():
        if failed := [record for record in sides["head"] if record.outcome == "failed"]:
            found.append(_plain(failed[0], "failed", failed[0].reason))
            continue
        found += exact.compare(variant, sides["head"][0].scenario, sides["base"], sides["head"], settings)
    return found


def _times(
    stored: Run,
    fresh: Run,
    records: Mapping[str, Mapping[SideName, Sequence[Record]]],
    settings: GateSettings,
) -> RunDifference | None:
    """Set the times of both side by side; None where no variant has been timed in both, or none is asked for."""
    import reports

    both = any(timings(sides["base"]) and timings(sides["head"]) for sides in records.values())
    if not both or not TIME_METRICS & set(settings.metrics):
        return None
    return reports.compare_runs(reports.load(stored), reports.load(fresh))


def _time_finding(difference: VariantDifference, settings: GateSettings) -> Finding:
    """Judge a time as `compare` does, relative to the canary as well; it has no weight in the gate's verdict."""
    limit = settings.limit(difference.variant, "step_time")
    ratio = math.exp(difference.log_ratio)
    verdict: FindingVerdict = "unchanged" if 1 / (1 + limit) <= ratio <= 1 + limit else "inconclusive"
    if difference.verdict == "longer" and ratio > 1 + limit:
        verdict = "regression"
    elif difference.verdict == "shorter" and ratio < 1 / (1 + limit):
        verdict = "improvement"
    return Finding(
        scenario=difference.scenario, variant=difference.variant, metric="step_time", verdict=verdict,
        base=difference.before.value, head=difference.after.value, ratio=ratio, interval=difference.ratio_interval, limit=limit,
        advisory=True, reason=ADVISORY,
    )  # fmt: skip


def _by_side(stored: Run, fresh: Run) -> dict[str, dict[SideName, list[Record]]]:
    measured: dict[str, list[Record]] = {}
    for record in fresh.records:
        measured.setdefault(record.variant, []).append(record)
    return {
        variant: {"base": records, "head": measured.get(variant, [])}
        for variant, records in _timed(stored).items()
        if variant in measured
    }


def _missing(variant: str, scenario: str) -> Finding:
    reason = "the stored run has it and the working tree does not: if it was renamed, nothing guards it"
    return Finding(scenario=scenario, variant=variant, metric="", verdict="missing", reason=reason)


def _plain(record: Record, verdict: FindingVerdict, reason: str) -> Finding:
    return Finding(
        scenario=record.scenario, variant=record.variant, metric="", verdict=verdict, reason=reason
    )


def _side(name: str, info: RunInfo) -> SideInfo:
    seen = list(info.environments.values())
    commit = (info.commit or "").removesuffix("-dirty") or None
    return SideInfo(
        name=name,
        commit=commit,
        dirty=(info.commit or "").endswith("-dirty"),
        environment=seen[-1] if seen else {},
    )
