"""A rank other than 0: it does what rank 0 announces, and says at its end how it went."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import distributed

from benchsuite.scenario import Workload
from benchsuite.worker import device, failure, process
from benchsuite.worker.protocol import Channel, ChannelClosedError, TrialSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import NoReturn

    from benchsuite.scenario import Check

BUILD, STEP, CHECK, CLOSE, MEET, PASS = b"b", b"s", b"c", b"x", b"m", b"p"
"""What rank 0 announces, a byte each; the end of the stream is the end of the work."""


@dataclass(frozen=True, slots=True)
class Duties:
    """What a trial does on every rank, given that rank's specification."""

    set_process: Callable[[TrialSpec], None]
    """Sets cores, threads and paths; the first that is done."""
    build: Callable[[TrialSpec], Workload]
    """Seeds, and builds the workload."""
    run_pass: Callable[[TrialSpec], Mapping[str, Any]]
    """Runs a whole pass that is no timing, and returns its result."""


def part_of(spec: TrialSpec, rank: int) -> TrialSpec:
    """Return the specification of one rank: the trial's, on its own share of the cores; rank 0 alone keeps files."""
    artifacts = "" if rank else spec.artifacts
    return dataclasses.replace(spec, cores=share(spec.cores, rank, spec.ranks), artifacts=artifacts)


def share(cores: tuple[int, ...], rank: int, ranks: int) -> tuple[int, ...]:
    """Return one rank's cores: as many as any other's, and one that others have too where there are too few."""
    if len(cores) < ranks:
        return cores[rank % len(cores) :][:1] if cores else ()
    size = len(cores) // ranks
    return cores[rank * size : (rank + 1) * size]


def join(part: TrialSpec, rank: int, store: int, duties: Duties) -> None:
    """Set this rank's process up, and wait until torch.distributed has joined it with the others.

    Args:
        part: this rank's specification.
        rank: its number.
        store: descriptor of the file in memory by which the ranks find one another.
        duties: what every rank does.
    """
    duties.set_process(part)
    # Ranks of one machine need no address that others can reach.
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    if part.pass_ == "memory":
        # torch keeps notes of the last 2,000 collective calls: until these are full, every step would leave some behind.
        os.environ.setdefault("TORCH_FR_BUFFER_SIZE", "0")
    if part.cuda:
        torch.cuda.set_device(rank)
    distributed.init_process_group(
        "cpu:gloo,cuda:nccl" if part.cuda and distributed.is_nccl_available() else "gloo",
        init_method=f"file:///proc/self/fd/{store}",
        rank=rank,
        world_size=part.ranks,
    )


def meet() -> None:
    """Wait until every rank has come as far as this."""
    distributed.all_reduce(torch.zeros(1))


def leave() -> None:
    """Give up what joins this rank with the others."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def serve(leader: Channel, part: TrialSpec, rank: int, store: int, duties: Duties) -> NoReturn:
    """Be this rank from its first moment to its process's end."""
    if part.pass_ == "timing" and part.keeps_freed_memory:
        process.keep_freed_memory()
    try:
        join(part, rank, store, duties)
        message = _follow(leader, part, duties)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it becomes the trial's record
        message = failure.message_of(error)
    if message["event"] == "failed":
        message["reason"] = f"rank {rank}: {message['reason']}"
    with contextlib.suppress(ChannelClosedError):
        leader.send(message)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _follow(leader: Channel, part: TrialSpec, duties: Duties) -> dict[str, Any]:
    """Do what rank 0 announces until it announces no more; returns the last message."""
    workload = Workload(lambda: None, lambda: ())
    metrics: Mapping[str, float] = {}
    has_turned = False
    while announced := leader.sock.recv(1):
        if announced == BUILD:
            workload = duties.build(part)
        elif announced == STEP:
            workload.step()
        elif announced == MEET:
            if not has_turned:
                device.reset_peaks()
            has_turned = True
            meet()
        elif announced == CHECK:
            metrics = device.peaks()
            # Rank 0 reports its own checks alone.
            if broken := next((check for check in workload.check() if not check.ok), None):
                return {"event": "failed", "reason": _say_broken(broken)}
        elif announced == PASS:
            metrics = duties.run_pass(part)["metrics"]
        elif workload.close is not None:
            workload.close()
    leave()
    return {"event": "done", "metrics": dict(metrics)}


def _say_broken(check: Check) -> str:
    return f"check failed: {check.name} is {check.value:.4g}, must be {check.direction} {check.limit:g}"
