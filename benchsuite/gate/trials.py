"""A gate's trials: pairs of live workers, one of each side, in turns on one core; and the passes of each side alone."""

from __future__ import annotations

import dataclasses
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

from benchsuite.comparison import CANARY_MOVED, canary_spread, contended, undisturbed_log_ratio
from benchsuite.outcomes import canary_record, environment_id, record_of
from benchsuite.passes import run_alone
from benchsuite.plan import Group
from benchsuite.starters import Starters
from benchsuite.trials import Options, Trials, cache_state, launch
from benchsuite.turns import Length, run_group

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from benchsuite.gate.selection import Candidate
    from benchsuite.gate.side_catalog import GatedVariant
    from benchsuite.gate.sides import Side, SideName, Sides
    from benchsuite.record import OwnPass, Pass, Record
    from benchsuite.store import RunDirectory
    from benchsuite.turns import Launch, Outcome
    from benchsuite.worker.protocol import TrialSpec

T = TypeVar("T")
MOST_LANES = 2
"""More pairs at once would contend for the memory that they share."""
TURNS = 16
"""Rounds of turns in a pair; each side takes one in each. Pairs of identical code scattered by 1.8 % with 10, 1.4 % with 15 and
1.5 % with 30: the rest is between processes, where only another pair helps."""
MIN_TURNS = 10
PAIR_NS = 2_000_000_000
"""Where steps are long, a pair takes fewer turns, so that it lasts about as long."""
CANARY_TURN_NS = 5_000_000
"""Long enough to see the machine move, short enough to leave the time to the pair."""


@dataclass(frozen=True)
class Pair:
    """One duet: a fresh process of each side, and the canary beside them."""

    base: Record
    head: Record
    canary: Record

    @property
    def completed(self) -> bool:
        """Whether both sides took their turns and their checks held."""
        return all(r.outcome == "completed" and r.turns for r in (self.base, self.head))

    @cached_property
    def log_ratio(self) -> float:
        """The logarithm of head's step time over base's, without waiting: the median over neighbouring turns."""
        return undisturbed_log_ratio(self.base, self.head)

    @property
    def disturbed(self) -> bool:
        """Whether a side waited for its core, or the canary's turns spread."""
        return canary_spread(self.canary) > CANARY_MOVED or any(
            contended(record) for record in (self.base, self.head)
        )


class GateTrials:
    """Runs the trials of both sides; keeps their zygotes and every record."""

    def __init__(  # noqa: PLR0917 - what a trial needs to know
        self, sides: Sides, options: Mapping[SideName, Options], cores: tuple[int, ...], directory: RunDirectory,
        caches: Path, compile_folder: Path | None,
    ) -> None:  # fmt: skip
        """Set both sides up.

        Args:
            sides: whose code runs.
            options: for each side; they differ in where the task is.
            cores: those to pin workers to.
            directory: where records and artifacts go.
            caches: a folder for compiled code, removed by the caller.
            compile_folder: keeps what compiling needs once a machine; None: nothing will be compiled.
        """
        self.environments: dict[str, Mapping[str, Any]] = {}
        self._sides: dict[SideName, Side] = {"base": sides.base, "head": sides.head}
        self._options = options
        self._num_cores = len(cores)
        self._directory = directory
        self._trials = {
            # Two pairs may run at once: all that belongs to one keeps to its core.
            name: Trials(
                options[name],
                cores,
                caches / name,
                side.code,
                spreads_children=False,
                engine=side.python.engine,
            )
            for name, side in self._sides.items()
        }
        one = sides.base.python == sides.head.python
        own = Starters(compile_folder)
        self._starters = {"head": own, "base": own if one else Starters(compile_folder, sides.base.python)}

    def renew(self) -> None:
        """End all workers and zygotes: the next ones get new address-space layouts."""
        for starters in self._starters.values():
            starters.renew()

    def close(self) -> None:
        """End all workers and zygotes, for good."""
        for starters in self._starters.values():
            starters.close()

    def prepare(self, name: SideName) -> Outcome:
        """Have a side ready its task's data, and say which data these are."""
        launched = launch(self._starters[name], self._trials[name].preparing(), {})
        return run_alone(launched, self._options[name].timeout_s)

    def lanes(self, candidate: Candidate) -> int:
        """Return how many pairs may run at once beside one of this variant: one where it needs more than a core."""
        process = candidate.head.variant.process
        on_gpu = any(requirement.kind == "cuda" for requirement in candidate.head.variant.requirements)
        threads = process.threads or self._options["head"].threads or 1
        alone = on_gpu or process.own_compile_cache or process.ranks * threads > 1
        return 1 if alone else min(MOST_LANES, self._num_cores)

    def pairs(self, wanted: Sequence[tuple[Candidate, int]]) -> list[Pair]:
        """Take several pairs at once, each on a core of its own.

        Args:
            wanted: variants, each with the number of pairs of it that came before.
        """
        for candidate, _number in wanted:
            for name, gated in candidate.by_side:
                # Here, in the main thread: a zygote dies with the thread that started it.
                self._starters[name].prepare([{}, dict(gated.variant.process.env)])
        jobs = [
            partial(self._pair, candidate, number, wanted[0][1] + lane)
            for lane, (candidate, number) in enumerate(wanted)
        ]
        found = self._at_once(jobs)
        return [Pair(*self._directory.append(pair.base, pair.head, pair.canary)) for pair in found]

    def _pair(self, candidate: Candidate, number: int, place: int) -> Pair:
        """Let both sides take turns on one core, with fresh processes.

        Args:
            candidate: the variant.
            number: how many pairs of it came before; decides who starts first, which is balanced over every two pairs.
            place: decides the core.
        """
        rng = random.Random(f"{self._options['head'].seed}/{candidate.id}/{number // 2}")
        first = rng.random() < 0.5  # noqa: PLR2004 - a fair coin
        starting = [0, 1, 2] if first == (number % 2 == 0) else [1, 0, 2]
        members = candidate.by_side
        specs = [self._trials[name].timing(found.variant, found.origin, place) for name, found in members]
        caches = [cache_state(spec) for spec in specs]
        launches = [
            self._launch(name, found, spec) for (name, found), spec in zip(members, specs, strict=True)
        ]
        watch = self._trials["head"].canary(place)
        outcomes = run_group(
            [*launches, launch(self._starters["head"], watch, {}, CANARY_TURN_NS)],
            starting,
            random.Random(f"{self._options['head'].seed}/{candidate.id}/{number}/turns"),
            timeout_s=self._options["head"].timeout_s,
            length=Length(TURNS, MIN_TURNS, PAIR_NS, for_percentiles=False, alike=2),
        )
        group = _group(candidate, "timing", number)
        records = [
            self._record(name, found, group, spec, outcome, cache)
            for (name, found), spec, outcome, cache in zip(members, specs, outcomes, caches, strict=False)
        ]
        canary = canary_record(group, watch, outcomes[-1], self._environment_id(outcomes[-1]))
        return Pair(records[0], records[1], canary)

    def passes(self, candidate: Candidate, pass_: OwnPass, number: int) -> dict[SideName, Record]:
        """Run a pass on each side; where nothing is timed, both at once."""
        group = _group(candidate, pass_, number)
        jobs: list[Callable[[], tuple[SideName, Record]]] = [
            self._pass_job(name, found, group, number) for name, found in candidate.by_side
        ]
        on_gpu = any(r.kind == "cuda" for r in candidate.head.variant.requirements)
        at_once = pass_ == "memory" and not on_gpu
        found = dict(self._at_once(jobs) if at_once else [job() for job in jobs])
        return dict(zip(found, self._directory.append(*found.values()), strict=True))

    def _at_once(self, jobs: Sequence[Callable[[], T]]) -> list[T]:
        if len(jobs) == 1:
            return [jobs[0]()]
        pool = ThreadPoolExecutor(len(jobs))
        try:
            return list(pool.map(lambda job: job(), jobs))
        except BaseException:
            # The threads wait for workers: without them, and where none can be started, they end at once.
            self.close()
            raise
        finally:
            pool.shutdown()

    def _pass_job(
        self, name: SideName, found: GatedVariant, group: Group, number: int
    ) -> Callable[[], tuple[SideName, Record]]:
        # Here, in the main thread: a zygote dies with the thread that started it.
        self._starters[name].prepare([dict(found.variant.process.env)])
        folder = self._directory.artifact_folder(f"{name} {found.variant.id}", group.pass_, number)
        trials = self._trials[name]
        make = {"operators": trials.operators, "memory": trials.memory, "calls": trials.calls}[group.pass_]
        # A side's worker runs in a folder of its own.
        spec = make(found.variant, found.origin, folder.resolve())

        def run() -> tuple[SideName, Record]:
            outcome = run_alone(self._launch(name, found, spec), self._options[name].timeout_s)
            record = self._record(name, found, group, spec, outcome, "")
            inside = folder.relative_to(self._directory.path)
            kept = {kind: str(inside / file) for kind, file in record.artifacts.items()}
            if not kept:
                self._directory.drop_artifact_folder(folder)
            return name, dataclasses.replace(record, artifacts=kept)

        return run

    def _launch(self, name: SideName, found: GatedVariant, spec: TrialSpec) -> Launch:
        return launch(self._starters[name], spec, dict(found.variant.process.env))

    def _record(  # noqa: PLR0917
        self, name: SideName, found: GatedVariant, group: Group, spec: TrialSpec, outcome: Outcome, cache: Any
    ) -> Record:  # fmt: skip
        record = record_of(found.variant, group, spec, outcome, self._environment_id(outcome), cache)
        return dataclasses.replace(record, side=name)

    def _environment_id(self, outcome: Outcome) -> str:
        environment: Mapping[str, Any] | None = outcome.message.get("environment")
        if environment is None:
            return ""
        id_ = environment_id(environment)
        self.environments.setdefault(id_, environment)
        return id_


def _group(candidate: Candidate, pass_: Pass, number: int) -> Group:
    return Group(f"{candidate.id}/{pass_}/{number}", candidate.head.variant.scenario, (), pass_, number)
