"""A run from its plan to its last record: rounds while an answer is open, then the passes of each variant."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import random
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from benchsuite import comparison
from benchsuite.cache import cache_folder
from benchsuite.errors import BenchsuiteError, UsageError
from benchsuite.launcher import WorkerError
from benchsuite.origin import PROJECT_ROOT
from benchsuite.outcomes import record_of
from benchsuite.plan import MAX_ROUNDS, MIN_ROUNDS, Group, Plan, PlannedVariant
from benchsuite.procfs import usable_cpus
from benchsuite.record import CANARY, Record, RunInfo
from benchsuite.starters import Starters
from benchsuite.store import RunDirectory, safe_name
from benchsuite.turns import Outcome, run_group
from benchsuite.worker import canary
from benchsuite.worker.protocol import TrialSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchsuite.origin import Origin

GUESSED_S = {"once": 45.0, "timing": 8.0, "operators": 2.0, "memory": 2.0}
"""How long a group takes until the first of its kind has ended; for the time left alone."""
PREPARE_TIMEOUT_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user chose for a run."""

    task: str
    task_origin: Origin
    task_attribute: str
    dataset: str | None = None
    data_dir: Path | None = None
    threads: int | None = None
    """Intra-op threads of a worker; None: one for each usable core."""
    seed: int = 0
    budget_s: float = 240.0
    """No round beyond the third is started that would end later than this after the run's start."""
    timeout_s: float = 600.0
    """How long one trial's set-up and warm-up, or its check, may take."""
    max_rounds: int = MAX_ROUNDS


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
        self.records: list[Record] = list(earlier)
        self._done = {record.group for record in earlier if record.outcome != "skipped"}
        self._noted = {record.variant for record in earlier}
        self._plan = plan
        self._options = options
        self._directory = directory
        self._observer = observer
        self._cores = sorted(usable_cpus())
        self._rng = random.Random(options.seed)  # noqa: S311 - an order, not a secret
        self._began = time.monotonic()
        self._taken_s: dict[str, list[float]] = {}
        self._compile_caches = Path()
        self._starters = Starters(_lasting_compile_folder() if plan.compiles else None)

    def measure(self) -> None:
        """Measure everything; each record is on the disk as soon as its group has ended.

        Raises:
            UsageError: the task's data is missing or corrupt, or the disk is full.
            BenchsuiteError: no worker could be started.
            KeyboardInterrupt: the user interrupted; workers are gone, records are kept.
        """
        self._compile_caches = Path(tempfile.mkdtemp(prefix="benchsuite-compile-"))
        try:
            self._prepare()
            self._note_skipped()
            self._measure_all()
            self._update(finished=_now())
        except OSError as error:
            raise UsageError(
                f"{self._directory.path}: cannot write there any more ({error.strerror})"
            ) from error
        finally:
            self._starters.renew()
            shutil.rmtree(self._compile_caches, ignore_errors=True)

    def _prepare(self) -> None:
        self._observer.working_on("starting a worker (importing torch)", 0, self._left_s([]))
        self._update()
        worker = self._starters.get({}).start(stderr=sys.stderr.buffer)
        try:
            worker.send(self._spec(None, "prepare", 0, "").to_json())
            message = worker.receive(PREPARE_TIMEOUT_S)
        except WorkerError as error:
            raise BenchsuiteError(f"the task's data could not be prepared: {error}") from error
        finally:
            worker.end()
        if message["event"] == "failed":
            kind = UsageError if message.get("usage") else BenchsuiteError
            raise kind(f"--task {self._options.task}: {message['reason']}")
        if self.info.data and dict(self.info.data) != message["data"]:
            raise UsageError(
                f"{self._directory.path}: it was measured on other data ({dict(self.info.data)})"
            )
        self._update(task_name=message["task_name"], data=message["data"])

    def _note_skipped(self) -> None:
        for skipped in self._plan.skipped:
            if skipped.variant.id not in self._noted:
                variant = skipped.variant
                self._add(
                    Record(
                        variant=variant.id, scenario=variant.scenario, settings=variant.settings, context=variant.context,
                        baseline=variant.baseline, pass_="timing", repetition=0, group="", outcome="skipped",
                        started=_now(), reason=skipped.reason,
                    )
                )  # fmt: skip

    def _measure_all(self) -> None:
        for group in self._plan.once:
            self._measure(group, [*self._plan.once, *self._plan.contexts * MIN_ROUNDS, *self._plan.passes])
        open_ids: list[str] | None = None
        for repetition in range(self._options.max_rounds):
            groups = self._plan.round(repetition, self._rng, open_ids)
            if repetition >= MIN_ROUNDS and not self._affordable(groups):
                break
            if repetition:
                self._starters.renew()
            rest = self._plan.contexts * max(0, MIN_ROUNDS - repetition - 1)
            for index, group in enumerate(groups):
                self._measure(group, [*groups[index:], *rest, *self._plan.passes])
            if repetition == 0:
                self._measure_passes()
            if repetition + 1 >= MIN_ROUNDS:
                open_ids = self._open_contexts()
                if not open_ids:
                    break

    def _measure(self, group: Group, pending: Sequence[Group]) -> None:
        if group.id in self._done:
            return
        self._observer.working_on(_describe(group), time.monotonic() - self._began, self._left_s(pending))
        started = time.monotonic()
        specs = [
            self._spec(member, "timing", group.repetition, self._cache_of(member)) for member in group.members
        ]
        caches = [_state(spec.compile_cache) for spec in specs]
        watch = self._canary_spec()
        envs = [dict(member.variant.process.env) for member in group.members]
        outcomes = run_group(
            [_Starter(self._starters, env, spec) for env, spec in zip([*envs, {}], [*specs, watch], strict=True)],
            group.repetition, self._rng, self._options.timeout_s,
        )  # fmt: skip
        for member, spec, cache, outcome in zip(group.members, specs, caches, outcomes, strict=False):
            self._add(self._record(member, spec, group, outcome, cache))
        self._add(self._canary_record(watch, group, outcomes[-1]))
        self._taken_s.setdefault(_kind(group), []).append(time.monotonic() - started)

    def _measure_passes(self) -> None:
        """Run the operator and memory passes; the latter, at one thread each, as many at once as there are cores."""
        pending = [group for group in self._plan.passes if group.id not in self._done]
        for exclusive in (True, False):
            groups = [group for group in pending if group.exclusive == exclusive]
            lanes = 1 if exclusive else max(1, min(len(self._cores), len(groups)))
            pool = ThreadPoolExecutor(lanes)
            try:
                futures = [pool.submit(self._run_pass, group) for group in groups]
                for index, future in enumerate(as_completed(futures)):
                    self._add(future.result())
                    left_s = self._left_s([*groups[index + 1 :], *self._plan.contexts * (MIN_ROUNDS - 1)])
                    self._observer.working_on("operators and memory", time.monotonic() - self._began, left_s)
            except BaseException:
                # The threads wait for workers: without them, they end at once.
                self._starters.renew()
                raise
            finally:
                pool.shutdown(cancel_futures=True)

    def _run_pass(self, group: Group) -> Record:
        member = group.members[0]
        spec = dataclasses.replace(
            self._spec(member, group.pass_, 0, self._cache_of(member)),
            artifacts=str(self._directory.artifact_folder(member.variant.id, group.pass_, 0)),
        )
        if group.pass_ == "memory":
            # At one thread allocations repeat exactly; operators are looked at as they were timed.
            spec = dataclasses.replace(spec, threads=1, cores=tuple(self._cores))
        outcome = Outcome(started=time.time())
        began_ns = time.perf_counter_ns()
        worker = self._starters.get(dict(member.variant.process.env)).start()
        try:
            worker.send(spec.to_json())
            outcome.message = worker.receive(self._options.timeout_s)
        except WorkerError as error:
            outcome.message = {"event": "failed", "reason": str(error)}
        finally:
            worker.end()
        outcome.duration_ns = time.perf_counter_ns() - began_ns
        self._taken_s.setdefault(_kind(group), []).append(
            outcome.duration_ns / 1e9 / max(1, len(self._cores))
        )
        return self._record(member, spec, group, outcome, _state(spec.compile_cache))

    def _record(
        self, planned: PlannedVariant, spec: TrialSpec, group: Group, outcome: Outcome, compile_cache: str
    ) -> Record:
        variant = planned.variant
        return record_of(
            outcome,
            Record(
                variant=variant.id, scenario=variant.scenario, settings=variant.settings, context=variant.context,
                baseline=variant.baseline, pass_=group.pass_, repetition=group.repetition, group=group.id,
                outcome="completed", started="", seed=spec.seed, threads=spec.threads,
                compile_cache=compile_cache,  # type: ignore[arg-type]
                environment=self._environment_id(outcome.message),
            ),
            spec.artifacts and str(Path(spec.artifacts).relative_to(self._directory.path)),
        )  # fmt: skip

    def _canary_record(self, spec: TrialSpec, group: Group, outcome: Outcome) -> Record:
        return record_of(
            outcome,
            Record(
                variant=CANARY, scenario=CANARY, settings={}, context={}, baseline=True, pass_="timing",
                repetition=group.repetition, group=group.id, outcome="completed", started="", seed=spec.seed,
                threads=spec.threads, environment=self._environment_id(outcome.message),
            ),
        )  # fmt: skip

    def _add(self, record: Record) -> None:
        self._directory.append(record)
        self.records.append(record)
        if record.scenario != CANARY:
            self._observer.finished(record)

    def _update(self, **changes: Any) -> None:
        self.info = dataclasses.replace(self.info, **changes)
        self._directory.write_info(self.info)

    def _environment_id(self, message: Mapping[str, Any]) -> str:
        environment = message.get("environment")
        if environment is None:
            return ""
        text = json.dumps(environment, sort_keys=True)
        id_ = hashlib.sha256(text.encode()).hexdigest()[:12]
        if id_ not in self.info.environments:
            self._update(environments={**self.info.environments, id_: environment})
        return id_

    def _spec(
        self, planned: PlannedVariant | None, pass_: Any, repetition: int, compile_cache: str
    ) -> TrialSpec:
        options = self._options
        process = planned.variant.process if planned else None
        threads = (process.threads if process else None) or options.threads or len(self._cores)
        start = repetition % len(self._cores)
        cores = (self._cores[start:] + self._cores[:start])[: max(1, threads)]
        return TrialSpec(
            scenario=planned.variant.scenario if planned else "",
            module=planned.entry.origin.module if planned else "",
            file=planned.entry.origin.file if planned else "",
            settings=planned.variant.settings if planned else {},
            pass_=pass_,
            task_module=options.task_origin.module,
            task_file=options.task_origin.file,
            task_attribute=options.task_attribute,
            dataset=options.dataset,
            data_dir=str(options.data_dir) if options.data_dir else None,
            seed=options.seed,
            threads=threads,
            cores=tuple(cores),
            compile_cache=compile_cache,
            paths=(str(PROJECT_ROOT), str(Path.cwd())),
        )

    def _canary_spec(self) -> TrialSpec:
        return dataclasses.replace(
            self._spec(None, "timing", 0, ""),
            scenario=CANARY, module=canary.__name__, file=str(Path(canary.__file__).resolve()), threads=1,
        )  # fmt: skip

    def _cache_of(self, planned: PlannedVariant) -> str:
        if not planned.variant.process.own_compile_cache:
            return ""
        folder = self._compile_caches / safe_name(planned.variant.id)
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder)

    def _open_contexts(self) -> list[str]:
        found = comparison.compare(self.records)
        undecided = {c.variant for c in found if c.verdict == "open"}
        return [g.id for g in self._plan.contexts if any(m.variant.id in undecided for m in g.members)]

    def _affordable(self, groups: Sequence[Group]) -> bool:
        return time.monotonic() - self._began + self._left_s(groups) <= self._options.budget_s

    def _left_s(self, pending: Sequence[Group]) -> float:
        left_s = 0.0
        for group in pending:
            if group.id not in self._done:
                taken = self._taken_s.get(_kind(group))
                left_s += (
                    taken[-1] if taken else GUESSED_S["once" if group in self._plan.once else group.pass_]
                )
        return left_s


@dataclass(frozen=True, slots=True)
class _Starter:
    """Starts one member's worker when its turn to be set up has come."""

    starters: Starters
    env: Mapping[str, str]
    spec: TrialSpec

    def __call__(self) -> tuple[Any, dict[str, Any]]:
        return self.starters.get(self.env).start(), self.spec.to_json()


def _describe(group: Group) -> str:
    count = len(group.members)
    members = f"{count} variants in turns" if count > 1 else group.members[0].variant.id
    return f"{group.scenario}: {members}, round {group.repetition + 1}"


def _kind(group: Group) -> str:
    return group.pass_ if group.pass_ != "timing" else group.id.rpartition("/")[0]


def _state(folder: str) -> str:
    if not folder:
        return ""
    return "filled" if any(Path(folder).iterdir()) else "empty"


def _lasting_compile_folder() -> Path:
    import importlib.metadata

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
