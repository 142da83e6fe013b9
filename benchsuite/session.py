"""A run from its plan to its last record: rounds while an answer is open, and the passes of each variant."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import random
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from benchsuite import comparison
from benchsuite.cache import cache_folder
from benchsuite.ceilings import measure_ceilings
from benchsuite.compiler_imports import measure_imports
from benchsuite.environment import unmet
from benchsuite.errors import BenchsuiteError, NotComparableError, UsageError
from benchsuite.estimates import Estimates, kind
from benchsuite.launcher import WorkerError, can_fork
from benchsuite.leftovers import temporary_folder
from benchsuite.listing import describe
from benchsuite.outcomes import canary_record, environment_id, record_of, skipped_record
from benchsuite.passes import Passes
from benchsuite.plan import MIN_ROUNDS, Group, Plan, make_plan, start_order
from benchsuite.procfs import usable_cpus
from benchsuite.record import CANARY, Record, RunInfo
from benchsuite.stack import combine
from benchsuite.starters import Starters
from benchsuite.trials import Options, Trials, cache_state, launch
from benchsuite.turns import Length, Outcome, run_group

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchsuite.catalog import Entry
    from benchsuite.store import RunDirectory

SECOND_PHASE_S = 30.0
"""Kept free of the budget for combinations that are not known before the first phase has ended."""
PREPARE_TIMEOUT_S = 3600.0


class Observer(Protocol):
    """Is told how a run goes; it must not draw while something is timed."""

    def working_on(self, what: str, done_s: float, left_s: float) -> None:
        """Something starts that takes a while; seconds spent and seconds probably left."""
        ...

    def finished(self, record: Record) -> None:
        """A trial has ended and its record is on the disk."""
        ...


class Session:
    """Measures a plan into a run directory."""

    def __init__(  # noqa: PLR0917 - the parts of a run
        self, plan: Plan, options: Options, directory: RunDirectory, info: RunInfo, observer: Observer,
        earlier: Sequence[Record] = (),
    ) -> None:  # fmt: skip
        """Take up a plan; `earlier` are the records that an interrupted run has left."""
        self.info = info
        # A group's canary is written last: without it the group is not whole, and is measured again.
        whole = {record.group for record in earlier if record.scenario == CANARY or record.pass_ != "timing"}
        self.records: list[Record] = [r for r in earlier if r.group in whole or not r.group]
        self._done = whole
        self._plan = plan
        self._options = options
        self._directory = directory
        self._observer = observer
        self._rng = random.Random(options.seed)
        self._began = time.monotonic()
        self._estimates = Estimates()
        self._earlier_s = info.effort.get("wall_s", 0.0)
        self._working_s = info.effort.get("working_s", 0.0)
        self._round_start_s = 0.0
        self._starters = Starters(lasting_compile_folder() if plan.compiles else None)
        self._trials = Trials(options, tuple(sorted(usable_cpus())), Path())

    def measure(self) -> None:
        """Measure everything; each record is on the disk as soon as its group has ended.

        Raises:
            UsageError: the task's data is missing or corrupt, preparing it ended the worker, or the disk is full.
            BenchsuiteError: no worker could be started.
            KeyboardInterrupt: the user interrupted; workers are gone, records are kept.
        """
        with temporary_folder("compile") as compile_caches:
            self._trials = dataclasses.replace(self._trials, compile_caches=compile_caches)
            try:
                self._prepare_or_discard()
                self._measure_imports()
                self._measure_ceilings()
                self._measure_phase(self._plan, reserve_s=SECOND_PHASE_S if self._plan.combining else 0.0)
                for entry in self._plan.combining:
                    self._measure_phase(self._second_phase(entry))
                self._update(finished=_now(), effort=self._effort())
            finally:
                self._starters.renew()

    def _prepare_or_discard(self) -> None:
        """Prepare the data; a new run that cannot leaves no directory behind."""
        try:
            self._prepare()
        except BenchsuiteError:
            if not self.records:
                self._directory.discard()
            raise

    def _prepare(self) -> None:
        self._show("starting a worker (importing torch)", [])
        self._update()
        # Its stderr is the user's: a download shows its progress there.
        worker = self._starters.get({}).start(stderr=sys.stderr.buffer)
        try:
            worker.send(self._trials.preparing().to_json())
            message = worker.receive(PREPARE_TIMEOUT_S)
        except WorkerError as error:
            raise UsageError(
                f"--task {self._options.task}: its data could not be prepared: {error}"
            ) from error
        finally:
            worker.end()
        if message["event"] in {"failed", "skipped"}:
            raise UsageError(f"--task {self._options.task}: {message['reason']}")
        if self.info.data and dict(self.info.data) != message["data"]:
            raise UsageError(
                f"{self._directory.path}: it was begun on other data ({dict(self.info.data)}): start a new run"
            )
        if self.info.software and dict(self.info.software) != message["software"]:
            changed = [
                name for name, value in message["software"].items() if self.info.software.get(name) != value
            ]
            raise NotComparableError(
                f"{self._directory.path}: it was begun with other software ({', '.join(changed)} changed): start a new run"
            )
        self._update(task_name=message["task_name"], data=message["data"], software=message["software"])

    def _measure_ceilings(self) -> None:
        """Measure what the machine can do at most, unless that is known or nothing will be held against it."""
        if self.info.ceilings or not any(group.pass_ == "operators" for group in self._plan.passes):
            return
        self._show("the machine's ceilings", [])
        spec = self._trials.ceilings(cuda=self._plan.uses_cuda)
        found, reason = measure_ceilings(self._starters, spec)
        missing = [f"the machine's ceilings, as they could not be measured: {reason}"] if reason else []
        self._update(ceilings=found, left_out=tuple(dict.fromkeys([*self.info.left_out, *missing])))

    def _measure_imports(self) -> None:
        """Measure what compiling imports, unless that is known, or each worker imports it in its own first step."""
        if self.info.compiler_imports_ns or not self._plan.compiles or not can_fork():
            return
        self._show("what torch.compile imports", [])
        found, reason = measure_imports(self._starters, self._trials.imports(cuda=self._plan.uses_cuda))
        missing = [f"what torch.compile imports, as it could not be measured: {reason}"] if reason else []
        self._update(
            compiler_imports_ns=found, left_out=tuple(dict.fromkeys([*self.info.left_out, *missing]))
        )

    def _second_phase(self, entry: Entry) -> Plan:
        """Plan a combining scenario, now that the others' comparisons are known."""
        combined = combine(entry, self._plan.entries, comparison.compare(self.records), unmet)
        (described,) = describe({combined.scenario.name: combined}, unmet)
        self._update(
            scenarios=tuple(described if s["name"] == described["name"] else s for s in self.info.scenarios)
        )
        known = dataclasses.replace(combined, scenario=dataclasses.replace(combined.scenario, combines=False))
        passes = sorted({group.pass_ for group in self._plan.passes})
        return make_plan({known.scenario.name: known}, unmet, passes, self._rng)

    def _note_skipped(self, plan: Plan) -> None:
        noted = {record.variant for record in self.records}
        for skipped in plan.skipped:
            if skipped.variant.id not in noted:
                self._add(skipped_record(skipped.variant, skipped.reason, _now()))

    def _measure_phase(self, plan: Plan, reserve_s: float = 0.0) -> None:
        """Measure what is measured once, then rounds while an answer is open; the passes after the first round."""
        self._note_skipped(plan)
        for group in plan.once:
            self._measure(group, [*plan.once, *plan.contexts * MIN_ROUNDS, *plan.passes])
        undecided: list[str] | None = None
        for repetition in range(self._options.max_rounds):
            groups = plan.round(repetition, self._rng, undecided)
            if repetition >= MIN_ROUNDS:
                spent_s = time.monotonic() - self._began + self._round_start_s
                groups = self._estimates.affordable(groups, self._options.budget_s - reserve_s - spent_s)
                if not groups:
                    break
            self._start_round(groups, renews=repetition > 0 and self._options.renews_zygotes)
            rest = plan.contexts * max(0, MIN_ROUNDS - repetition - 1)
            for index, group in enumerate(groups):
                self._measure(group, [*groups[index:], *rest, *plan.passes])
            if repetition == 0:
                self._measure_passes(plan)
            if repetition + 1 >= MIN_ROUNDS:
                undecided = self._undecided(plan)
                if not undecided:
                    break

    def _start_round(self, groups: Sequence[Group], *, renews: bool) -> None:
        """Have a zygote ready for each process environment of a round."""
        started = time.monotonic()
        if renews:
            self._starters.renew()
        self._starters.prepare(
            dict(member.variant.process.env) for group in groups for member in group.members
        )
        self._round_start_s = time.monotonic() - started

    def _measure(self, group: Group, pending: Sequence[Group]) -> None:
        group = self._without_lost(group)
        if group.id in self._done or not group.members:
            return
        self._show(_describe(group), pending)
        started = time.monotonic()
        specs = [
            self._trials.timing(member.variant, member.entry.origin, group.repetition)
            for member in group.members
        ]
        caches = [cache_state(spec) for spec in specs]
        watch = self._trials.canary(group.repetition)
        launches = [
            launch(self._starters, spec, dict(member.variant.process.env))
            for member, spec in zip(group.members, specs, strict=True)
        ]
        seed = f"{self._options.seed}/{kind(group)}"
        *outcomes, watched = run_group(
            [*launches, launch(self._starters, watch, {})],
            start_order(len(launches) + 1, group.repetition, seed),
            random.Random(f"{seed}/{group.repetition}"),
            timeout_s=self._options.timeout_s,
            # Noise must not drop a variant later that was let in.
            longest_step_ns=self._options.longest_step_ns if group.repetition == 0 else None,
            length=Length(self._options.turn_rounds, self._options.turn_rounds),
        )
        records = [
            record_of(member.variant, group, spec, outcome, self._environment_id(outcome), cache)
            for member, spec, cache, outcome in zip(group.members, specs, caches, outcomes, strict=True)
        ]
        records.append(canary_record(group, watch, watched, self._environment_id(watched)))
        # In one write: a group of which a part was lost could never be completed.
        self._add(*records)
        self._account(sum(record.working_ns for record in records) / 1e9)
        self._estimates.took(group, time.monotonic() - started)

    def _measure_passes(self, plan: Plan) -> None:
        passes = Passes(self._trials, self._starters, self._directory, self._environment_id)
        pending = [self._without_lost(group) for group in plan.passes if group.id not in self._done]
        waiting = {group.id: group for group in pending if group.members}
        for group, record in passes.run(list(waiting.values())):
            self._add(record)
            lanes = passes.lanes(group)
            self._account(record.working_ns / 1e9 / lanes)
            self._estimates.took(group, record.duration_ns / 1e9 / lanes)
            del waiting[group.id]
            self._show("operators and memory", [*waiting.values(), *plan.contexts * (MIN_ROUNDS - 1)])

    def _account(self, working_s: float) -> None:
        """Keep what was spent so far, so that a run that is killed and taken up again still knows."""
        self._working_s += working_s
        self._update(effort=self._effort())

    def _effort(self) -> dict[str, float]:
        return {
            "wall_s": self._earlier_s + time.monotonic() - self._began,
            "working_s": self._working_s,
        }

    def _without_lost(self, group: Group) -> Group:
        """Return the group without the variants that failed or were skipped when they were first timed."""
        lost = {r.variant for r in self.records if r.pass_ == "timing" and r.outcome != "completed"}
        return dataclasses.replace(group, members=tuple(m for m in group.members if m.variant.id not in lost))

    def _undecided(self, plan: Plan) -> list[str]:
        """Return the ids of the first-round groups whose answer is still open."""
        found = {one.variant: one for one in comparison.compare(self.records)}
        return [
            group.id
            for group in plan.contexts
            if comparison.is_open(
                group.members[0].entry.scenario.answer,
                [found[m.variant.id] for m in group.members if m.variant.id in found],
            )
        ]

    def _show(self, what: str, pending: Sequence[Group]) -> None:
        done_s, left_s = time.monotonic() - self._began, self._estimates.left_s(pending, self._done)
        self._observer.working_on(what, done_s, left_s)

    def _add(self, *records: Record) -> None:
        kept = self._directory.append(*records)
        self.records += kept
        for record in kept:
            if record.scenario != CANARY:
                self._observer.finished(record)

    def _update(self, **changes: Any) -> None:
        self.info = dataclasses.replace(self.info, **changes)
        self._directory.write_info(self.info)

    def _environment_id(self, outcome: Outcome) -> str:
        environment: Mapping[str, Any] | None = outcome.message.get("environment")
        if environment is None:
            return ""
        id_ = environment_id(environment)
        if id_ not in self.info.environments:
            self._update(environments={**self.info.environments, id_: environment})
        return id_


def _describe(group: Group) -> str:
    count = len(group.members)
    members = f"{count} variants in turns" if count > 1 else group.members[0].variant.id
    return f"{group.scenario}: {members}, round {group.repetition + 1}"


def lasting_compile_folder() -> Path:
    """Make and return the folder for what compiling needs once a machine.

    Raises:
        UsageError: it cannot be made.
    """
    folder = cache_folder() / f"compile-torch-{importlib.metadata.version('torch')}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{folder}: cannot be made ({error.strerror}): set BENCHSUITE_CACHE_DIR to a folder you can write to"
        ) from error
    return folder


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
