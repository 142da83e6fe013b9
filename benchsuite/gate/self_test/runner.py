"""Runs the batches of a self-test: plants, neighbours, the gate, and its decisions on the disk before the next one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from benchsuite.gate.self_test.decisions import Decision
from benchsuite.gate.self_test.gate_command import COMMAND, GateFailedError, ask_gate
from benchsuite.gate.self_test.neighbours import neighbours
from benchsuite.gate.self_test.project import temporary_project
from benchsuite.gate.self_test.rivals import rival_calls
from benchsuite.store import load_run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchsuite.gate.self_test.decisions import SelfTestDirectory
    from benchsuite.gate.self_test.plan import Batch
    from benchsuite.gate.verdict import Verdict
    from benchsuite.record import Record

RUNS_FOLDER = "runs"
FAILURES_IN_A_ROW = 3


class Observer(Protocol):
    """Is told how a self-test goes."""

    def note(self, text: str) -> None:
        """Something has become known."""
        ...


def run_batches(
    batches: Sequence[Batch], directory: SelfTestDirectory, observer: Observer, limit: int | None = None,
    command: Sequence[str] = COMMAND,
) -> int:  # fmt: skip
    """Run the batches that have no decisions yet.

    A gate that ends without a verdict is told and decides nothing; its batch is left for the next time.

    Args:
        batches: all of them, in order.
        directory: where decisions and the gates' runs go.
        observer: is told what comes next.
        limit: run no more than so many batches now.
        command: what starts the gate.

    Returns:
        How many batches have failed.

    Raises:
        GateFailedError: three failed in a row.
        UsageError: git is missing, or the disk is full.
        KeyboardInterrupt: the user interrupted; what stands in the directory is whole.
    """
    done = {decision.batch for decision in directory.decisions(batches)}
    waiting = [batch for batch in batches if batch.number not in done][:limit]
    failures = in_a_row = 0
    began = time.monotonic()
    with temporary_project() as project:
        for place, batch in enumerate(waiting):
            observer.note(_say(batch, len(batches), _left(place, len(waiting), time.monotonic() - began)))
            base = project.plant(batch.decisions)
            try:
                with neighbours(batch.load):
                    verdict = ask_gate(batch, base, project.path, directory.path / RUNS_FOLDER, command)
                directory.append(_decisions(batch, verdict, directory.path))
            except GateFailedError as error:
                failures, in_a_row = failures + 1, in_a_row + 1
                observer.note(f"batch {batch.number + 1} decided nothing: {error}")
                if in_a_row == FAILURES_IN_A_ROW:
                    raise
            else:
                in_a_row = 0
    return failures


def _decisions(batch: Batch, verdict: Verdict, directory: Path) -> list[Decision]:
    findings = verdict.findings
    unsaid = [p.variant for p in batch.decisions if p.variant not in {f.variant for f in findings}]
    if unsaid:
        raise GateFailedError(f"the gate said nothing about {', '.join(unsaid)}")
    run = directory / RUNS_FOLDER / verdict.run.rpartition("/")[2]
    records: tuple[Record, ...] = load_run(run).records if batch.part == "time" else ()
    return [
        Decision(
            batch=batch.number,
            part=batch.part,
            load=batch.load,
            variant=planned.variant,
            plant=planned.plant,
            findings=tuple(found for found in findings if found.variant == planned.variant),
            rivals=rival_calls(records, planned.variant),
            batch_seconds=verdict.seconds,
            run=str(run.relative_to(directory)),
        )
        for planned in batch.decisions
    ]


def _say(batch: Batch, count: int, left: str) -> str:
    neighbours_ = f"{batch.load} busy neighbour{'' if batch.load == 1 else 's'}"
    what = "step times" if batch.part == "time" else "exact metrics"
    return f"batch {batch.number + 1} of {count}: {len(batch.decisions)} decisions about {what}, {neighbours_}{left}"


def _left(done: int, count: int, seconds: float) -> str:
    return f"; about {seconds / done * (count - done) / 60:.0f} min left" if done else ""
