"""Groups: live workers that take turns of about 20 ms, so that what moves the machine moves all of them alike."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchsuite.launcher import Worker, WorkerError
from benchsuite.plan import turn_orders
from benchsuite.record import Turn

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

ROUNDS = 20
"""More turns would narrow a round's value by a few per cent: what a round cannot see, such as where its memory lies, only
another round can."""
TURN_NS = 20_000_000
TURN_SLACK = 50
"""A turn may take this many times its expected length before its worker counts as hung."""
MIN_TURN_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Launch:
    """How one member of a group gets its worker, and how long its turns are."""

    start: Callable[[], Worker]
    """Starts a worker and sends it its trial."""
    turn_ns: int = TURN_NS


@dataclass(frozen=True, slots=True)
class Length:
    """How many turns the members of a group take whose work has no fixed length."""

    rounds: int = ROUNDS
    least_rounds: int = ROUNDS
    """So many at least, however long the steps are."""
    longest_ns: float = math.inf
    """Beyond `least_rounds`, no more turns than fit in this."""
    for_percentiles: bool = True
    """Whether turns are so long that a member's `min_steps` are reached."""
    alike: int = 0
    """So many members, the first ones, take equally many steps in a turn: the first step after another's turn is a
    little slower, and weighs more where there are fewer."""


@dataclass(slots=True)
class Outcome:
    """How one member of a group ended: its last message, and the turns that it took."""

    message: dict[str, Any] = field(default_factory=dict)
    turns: list[Turn] = field(default_factory=list)
    started: float = 0.0
    """Seconds since the epoch."""
    duration_ns: int = 0


@dataclass(slots=True)
class _Member:
    launch: Launch
    outcome: Outcome = field(default_factory=Outcome)
    worker: Worker | None = None
    steps_per_turn: int = 1
    step_ns: int = 0
    num_steps: int | None = None
    began_ns: int = 0

    def ends(self, message: dict[str, Any]) -> None:
        self.outcome.message = message
        self.outcome.duration_ns = time.perf_counter_ns() - self.began_ns
        if self.worker is not None:
            self.worker.end()
            self.worker = None


def run_group(
    launches: Sequence[Launch],
    starting: Sequence[int],
    rng: random.Random,
    *,
    timeout_s: float,
    longest_step_ns: int | None = None,
    length: Length = Length(),
) -> list[Outcome]:
    """Set all members up one after the other, let them take turns, and collect their results.

    A member that crashes, hangs or skips leaves the group; the others go on. Members whose work has
    a fixed length take turns of one step until it is done.

    Args:
        launches: how each member gets its worker.
        starting: the order in which the members are set up; who is second was about 1 % faster on identical code.
        rng: decides the order of turns.
        timeout_s: how long a set-up with its warm-up, or a check, may take.
        longest_step_ns: a member whose warmed-up step takes longer is left out; None: none is.
        length: how many turns each member takes whose work has no fixed length.

    Returns:
        One outcome for each member, in the order of `launches`.
    """
    members = [_Member(launch) for launch in launches]
    try:
        for index in starting:
            _set_up(members[index], timeout_s, longest_step_ns, length)
        alike = [member for member in members[: length.alike] if member.num_steps is None]
        for member in alike:
            member.steps_per_turn = max(other.steps_per_turn for other in alike)
        _take_turns(members, rng, timeout_s, _rounds(members, length))
        for member in members:
            if member.worker is not None:
                member.ends(_ask(member, {"do": "finish"}, timeout_s))
    finally:
        for member in members:
            if member.worker is not None:
                member.worker.end()
    return [member.outcome for member in members]


def _set_up(member: _Member, timeout_s: float, longest_step_ns: int | None, length: Length) -> None:
    member.began_ns = time.perf_counter_ns()
    member.outcome.started = time.time()
    try:
        member.worker = member.launch.start()
        message = member.worker.receive(timeout_s)
    except WorkerError as error:
        message = {"event": "failed", "reason": str(error)}
    if message["event"] != "ready":
        member.ends(message)
        return
    if longest_step_ns is not None and message["step_ns"] > longest_step_ns:
        reason = f"its step takes {message['step_ns'] / 1e6:.0f} ms: a quick run leaves out those over {longest_step_ns / 1e6:.0f}"
        member.ends({"event": "skipped", "reason": reason})
        return
    member.num_steps = message["num_steps"]
    member.step_ns = message["step_ns"]
    if member.num_steps is None:
        least = math.ceil(message["min_steps"] / length.rounds) if length.for_percentiles else 1
        member.steps_per_turn = max(1, least, round(member.launch.turn_ns / max(1, member.step_ns)))


def _rounds(members: Sequence[_Member], length: Length) -> int:
    round_ns = sum(member.steps_per_turn * member.step_ns for member in members if member.worker is not None)
    fitting = length.longest_ns / max(1, round_ns)
    return max(length.least_rounds, min(length.rounds, math.floor(min(fitting, length.rounds))))


def _take_turns(members: Sequence[_Member], rng: random.Random, timeout_s: float, rounds: int) -> None:
    fixed = [
        member.num_steps for member in members if member.worker is not None and member.num_steps is not None
    ]
    rounds = max(fixed, default=rounds)
    if not fixed:
        # Waiting for the others' set-up has cooled the caches: one turn that does not count warms them again.
        for member in members:
            _turn(member, None, timeout_s)
    order = 0
    for indices in turn_orders(len(members), rounds, rng):
        for index in indices:
            if _turn(members[index], order, timeout_s):
                order += 1


def _turn(member: _Member, order: int | None, timeout_s: float) -> bool:
    if member.worker is None or (
        member.num_steps is not None and len(member.outcome.turns) >= member.num_steps
    ):
        return False
    expected_s = member.steps_per_turn * member.step_ns / 1e9
    limit_s = timeout_s if member.num_steps is not None else max(MIN_TURN_TIMEOUT_S, TURN_SLACK * expected_s)
    message = _ask(
        member, {"do": "turn", "steps": member.steps_per_turn, "counts": order is not None}, limit_s
    )
    if message["event"] != "turn":
        member.ends(message)
        return False
    if order is not None:
        member.outcome.turns.append(
            Turn(order, member.steps_per_turn, message["elapsed_ns"], message["waited_ns"])
        )
    return True


def _ask(member: _Member, message: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    """Send a message and wait for the answer; a worker that fails to give one yields a failure instead."""
    if member.worker is None:
        return {"event": "failed", "reason": "the worker never started"}
    try:
        member.worker.send(message)
        return member.worker.receive(timeout_s)
    except WorkerError as error:
        return {"event": "failed", "reason": str(error)}
