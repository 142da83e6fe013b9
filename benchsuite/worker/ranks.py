"""Trials of several ranks: processes that do one work together, in lockstep.

The trial's process is rank 0. Before it runs anything in parallel it forks the others, its followers,
and torch.distributed joins them all. Every rank builds the workload, runs each step, the check and the
closing: rank 0 announces over a socket pair what comes next. It alone talks to the parent. Times and
the table of operators are rank 0's; what is counted in bytes, calls or FLOPs is the sum over the ranks.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import socket
import sys
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch import distributed

from benchsuite.errors import UsageError
from benchsuite.scenario import Skip, Workload
from benchsuite.worker import follower, process
from benchsuite.worker.follower import BUILD, CHECK, CLOSE, MEET, PASS, STEP, Duties
from benchsuite.worker.protocol import Channel, ChannelClosedError, TrialSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchsuite.scenario import Check

CONSEQUENCE_S = 1.0
"""An error on rank 0 may follow from a follower's end, which is known within so many seconds."""
RATIOS = ("_share", "_overhead")
"""How the names of metrics end that are no amounts: adding up those of several ranks means nothing, rank 0's stand."""


class ToldError(Exception):
    """The parent has been told already how this trial ended."""


@dataclass(frozen=True, slots=True)
class Follower:
    """Rank 0's view of another rank."""

    rank: int
    pid: int
    channel: Channel
    """Takes announcements; brings the follower's last message."""

    def announce(self, what: bytes) -> None:
        """Say what comes next.

        Raises:
            RuntimeError: the follower has gone.
        """
        try:
            self.channel.sock.sendall(what)
        except OSError as error:
            raise RuntimeError(f"rank {self.rank} has gone") from error

    def last_message(self) -> dict[str, Any]:
        """Wait for the follower's end, and return what it has said of it or what can be seen."""
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        # A process that the follower has started may still hold its end open: do not wait for more.
        self.channel.sock.setblocking(False)  # noqa: FBT003 - the socket's own signature
        with contextlib.suppress(ChannelClosedError):
            return self.channel.receive()
        ending = f"rank {self.rank} {process.exit_cause(code)}{process.last_words()}"
        return {"event": "failed", "reason": ending}


@dataclass(slots=True)
class Team:
    """The ranks of a trial, seen from rank 0; of a trial in one process, that process alone."""

    part: TrialSpec
    """What this process does of the trial."""
    followers: tuple[Follower, ...] = ()
    metrics: list[Mapping[str, float]] = field(default_factory=list)
    """What each follower has counted; complete when it has been dismissed."""

    def total(self, result: dict[str, Any]) -> dict[str, Any]:
        """Return rank 0's result with what the followers have counted added to its metrics."""
        if not self.metrics:
            return result
        metrics = dict(result["metrics"])
        for counted in self.metrics:
            for name, value in counted.items():
                if not name.endswith(RATIOS):
                    metrics[name] = metrics.get(name, 0.0) + value
        return {**result, "metrics": metrics}


class _Led:
    """Those who follow this process; a fresh process for each trial makes one answer enough."""

    followers: tuple[Follower, ...] = ()
    announced_steps = 0
    """So many steps that have not yet been run were announced ahead."""


@contextlib.contextmanager
def assembled(spec: TrialSpec, parent: Channel, duties: Duties) -> Iterator[Team]:
    """Set this process up, and with several ranks the others too; at the end, dismiss them.

    Args:
        spec: the whole trial's.
        parent: is told of a follower that fails or skips while this process may be waiting for it.
        duties: what every rank does.

    Raises:
        Skip: no ranks can work together here.
        ToldError: a follower has ended early; the parent knows.
    """
    if spec.ranks == 1:
        duties.set_process(spec)
        yield Team(spec)
        return
    _demand_support()
    # A file in memory: nothing to remove, however this trial ends.
    store = os.memfd_create("ranks")
    followers = tuple(_fork(spec, rank, store, parent, duties) for rank in range(1, spec.ranks))
    team = Team(follower.part_of(spec, 0), followers)
    with _attended(team, parent):
        follower.join(team.part, 0, store, duties)
        _lead(team)
        yield team
        # Nobody may leave while another still waits for it.
        _announce(team.followers, MEET)
        follower.meet()
        for one in team.followers:
            one.channel.sock.shutdown(socket.SHUT_WR)
        follower.leave()


def announce_build() -> None:
    """Have the followers build the workload, as this rank is about to do."""
    _announce(_Led.followers, BUILD)


def announce_steps(count: int) -> None:
    """Announce all steps of a turn at once, and wait until every rank is about to begin.

    A follower that is woken in each step would lag behind by the time that waking takes.
    """
    if _Led.followers:
        _announce(_Led.followers, MEET + STEP * count)
        _Led.announced_steps = count
        follower.meet()


def in_lockstep(workload: Workload) -> Workload:
    """Return the workload with each call of its functions announced to the followers first."""
    followers = _Led.followers
    if not followers:
        return workload

    def step() -> object:
        if _Led.announced_steps:
            _Led.announced_steps -= 1
        else:
            _announce(followers, STEP)
        return workload.step()

    def check() -> Sequence[Check]:
        _announce(followers, CHECK)
        return workload.check()

    def close() -> None:
        _announce(followers, CLOSE)
        if workload.close is not None:
            workload.close()

    return dataclasses.replace(workload, step=step, check=check, close=close)


def pids() -> tuple[int, ...]:
    """Return the process ids of all ranks that work in lockstep; empty for one that works alone."""
    return (os.getpid(), *(one.pid for one in _Led.followers)) if _Led.followers else ()


def describe() -> dict[str, Any]:
    """Return how many ranks work together and over what; empty for one that works alone."""
    if not distributed.is_available() or not distributed.is_initialized():
        return {}
    return {"ranks": distributed.get_world_size(), "backend": distributed.get_backend_config()}


def _demand_support() -> None:
    if sys.platform != "linux":
        raise Skip("several ranks are forked from one process, which is safe on Linux alone")
    if not distributed.is_available():
        raise Skip("this build of torch has no torch.distributed")


def _fork(spec: TrialSpec, rank: int, store: int, parent: Channel, duties: Duties) -> Follower:
    ours, theirs = socket.socketpair()
    leader = os.getpid()
    pid = os.fork()
    if not pid:
        process.die_with(leader)
        parent.close()
        ours.close()
        follower.serve(Channel(theirs), follower.part_of(spec, rank), rank, store, duties)
    theirs.close()
    return Follower(rank, pid, Channel(ours))


def _lead(team: Team) -> None:
    """Begin to announce; a pass that is no timing always takes the same steps, and each rank runs it by itself."""
    if team.part.pass_ == "timing":
        _Led.followers = team.followers
    else:
        _announce(team.followers, PASS)


def _announce(followers: Sequence[Follower], what: bytes) -> None:
    for one in followers:
        one.announce(what)


@contextlib.contextmanager
def _attended(team: Team, parent: Channel) -> Iterator[None]:
    """Wait for the followers' ends, good or bad, and leave none behind, not even as a zombie."""
    told = threading.Event()
    attendants = [
        threading.Thread(target=_attend, args=(one, team, parent, told), daemon=True)
        for one in team.followers
    ]
    for attendant in attendants:
        attendant.start()
    try:
        yield
        for attendant in attendants:
            attendant.join()
    except (Skip, UsageError, ChannelClosedError):
        raise
    except BaseException as error:
        if told.wait(CONSEQUENCE_S):
            raise ToldError from error
        raise
    finally:
        failed = told.is_set()
        told.set()
        for one, attendant in zip(team.followers, attendants, strict=True):
            if attendant.is_alive():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(one.pid, signal.SIGKILL)
            attendant.join()
            one.channel.close()
        _Led.followers = ()
    if failed:
        raise ToldError


def _attend(one: Follower, team: Team, parent: Channel, told: threading.Event) -> None:
    """Wait for a follower's end; tell the parent of the first that was no good one."""
    message = one.last_message()
    if message["event"] == "done":
        team.metrics.append(message["metrics"])
    elif not told.is_set():
        with contextlib.suppress(ChannelClosedError):
            parent.send(message)
        told.set()
