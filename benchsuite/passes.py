"""The operator and memory passes of a plan: one worker each, those that disturb nobody side by side."""

from __future__ import annotations

import dataclasses
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchsuite.launcher import WorkerError
from benchsuite.outcomes import record_of
from benchsuite.trials import launch
from benchsuite.turns import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from benchsuite.plan import Group
    from benchsuite.record import Record
    from benchsuite.starters import Starters
    from benchsuite.store import RunDirectory
    from benchsuite.trials import Trials
    from benchsuite.turns import Launch
    from benchsuite.worker.protocol import TrialSpec


def run_alone(launched: Launch, timeout_s: float) -> Outcome:
    """Run one trial that takes no turns, from its start to its result."""
    outcome = Outcome(started=time.time())
    began_ns = time.perf_counter_ns()
    try:
        worker = launched.start()
        try:
            outcome.message = worker.receive(timeout_s)
        finally:
            worker.end()
    except WorkerError as error:
        outcome.message = {"event": "failed", "reason": str(error)}
    outcome.duration_ns = time.perf_counter_ns() - began_ns
    return outcome


@dataclass(frozen=True, slots=True)
class Passes:
    """Runs groups that are no timing: each has one member, whose files go into a folder of its own."""

    trials: Trials
    starters: Starters
    directory: RunDirectory
    environment_id: Callable[[Outcome], str]

    def lanes(self, group: Group) -> int:
        """Return how many groups like this one run at once: memory passes, at one thread, as many as there are cores."""
        return 1 if group.exclusive else len(self.trials.cores)

    def run(self, groups: Sequence[Group]) -> Iterator[tuple[Group, Record]]:
        """Run all of them and yield each with its record as it ends.

        Interrupted, it ends the workers that are still running.
        """
        for exclusive in (True, False):
            chosen = [group for group in groups if group.exclusive == exclusive]
            if not chosen:
                continue
            pool = ThreadPoolExecutor(self.lanes(chosen[0]))
            try:
                # Here, in the main thread: a zygote dies with the thread that started it.
                self.starters.prepare(dict(group.members[0].variant.process.env) for group in chosen)
                futures = {pool.submit(self._run_one, group): group for group in chosen}
                for future in as_completed(futures):
                    yield futures[future], self._record(futures[future], future.result())
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                # The threads wait for workers: without them, they end at once.
                self.starters.renew()
                raise
            finally:
                pool.shutdown()

    def _run_one(self, group: Group) -> Outcome:
        (member,) = group.members
        started = launch(self.starters, self._spec(group), dict(member.variant.process.env))
        return run_alone(started, self.trials.options.timeout_s)

    def _record(self, group: Group, outcome: Outcome) -> Record:
        (member,) = group.members
        folder = self._folder(group)
        record = record_of(
            member.variant, group, self._spec(group), outcome, self.environment_id(outcome), ""
        )
        inside = folder.relative_to(self.directory.path)
        kept = {kind: str(inside / name) for kind, name in record.artifacts.items()}
        if not kept:
            self.directory.drop_artifact_folder(folder)
        return dataclasses.replace(record, artifacts=kept)

    def _spec(self, group: Group) -> TrialSpec:
        make = self.trials.memory if group.pass_ == "memory" else self.trials.operators
        (member,) = group.members
        return make(member.variant, member.entry.origin, self._folder(group))

    def _folder(self, group: Group) -> Path:
        return self.directory.artifact_folder(group.members[0].variant.id, group.pass_, 0)
