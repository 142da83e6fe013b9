"""The loop around a step: the one place where time is read."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass, field
from time import perf_counter_ns, process_time_ns, thread_time_ns
from typing import TYPE_CHECKING

import torch

from benchsuite.worker import device
from benchsuite.worker.contention import own_wait_ns
from benchsuite.worker.process import has_children

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Samples:
    """One turn's raw samples in nanoseconds, one entry a step, and the turn's whole length."""

    elapsed_ns: int
    step_ns: list[int]
    cpu_ns: list[int]
    device_ns: list[int] = field(default_factory=list)
    waited_ns: int = 0
    """The part of the turn in which this thread was ready to run and others than this process had its core."""


def run_steps(step: Callable[[], object], count: int) -> Samples:
    """Run `count` steps and time them: on the device's own clock as well, where it is used."""
    helpers_ns = _helpers_ns()
    samples = _run_cuda_steps(step, count) if device.cuda_in_use() else _run_cpu_steps(step, count)
    waited_ns = _waited_for_others_ns(samples.waited_ns, _helpers_ns() - helpers_ns)
    return dataclasses.replace(samples, waited_ns=waited_ns)


def _helpers_ns() -> int:
    """Return how long this process's other threads have worked, in all its life."""
    return process_time_ns() - thread_time_ns()


def _waited_for_others_ns(waited_ns: int, helpers_ns: int) -> int:
    """Return a wait for the core, less what this process's other threads have worked meanwhile.

    Those may have had the core: a step that makes its own thread wait is slower. Where the process has children,
    such as a data loader's workers, nothing can be told apart, and the wait counts as the step's.
    """
    return 0 if has_children() else max(0, waited_ns - helpers_ns)


def time_first_step(step: Callable[[], object]) -> int:
    """Run one step and return its nanoseconds up to the end of all work that it started."""
    start = perf_counter_ns()
    step()
    device.note_use()
    device.synchronize()
    return perf_counter_ns() - start


def _run_cpu_steps(step: Callable[[], object], count: int) -> Samples:
    # Lists of the final length and local names keep the loop's own cost under a microsecond a step. Linux takes the core
    # from a thread whose slice has ended when that thread asks for processor time: what it then waits must lie between
    # the readings of the wall clock as it lies between those of the wait, or it is taken off a turn that did not have it.
    wall, cpu = [0] * (count + 1), [0] * (count + 1)
    read_wall, read_cpu = perf_counter_ns, process_time_ns
    cpu[0] = read_cpu()
    waited_ns = own_wait_ns()
    wall[0] = read_wall()
    for index in range(1, count + 1):
        step()
        cpu[index] = read_cpu()
        wall[index] = read_wall()
    waited_ns = own_wait_ns() - waited_ns
    return Samples(wall[-1] - wall[0], _differences(wall), _differences(cpu), waited_ns=waited_ns)


def _run_cuda_steps(step: Callable[[], object], count: int) -> Samples:
    """Time steps that run asynchronously.

    An event stands between any two steps, all are read after the one synchronisation at the end.
    The last step's host time includes that wait, so that the turn's length is the time of all work.
    """
    # Looking up the stream, and making an event, which CUDA does when it is first recorded, would add microseconds to
    # each step: to that of a launch-bound one more than a per cent.
    stream = torch.cuda.current_stream()
    events = [torch.cuda.Event(enable_timing=True) for _ in range(count + 1)]
    for event in events:
        event.record(stream)
    wall, cpu = [0] * (count + 1), [0] * (count + 1)
    read_wall, read_cpu = perf_counter_ns, process_time_ns
    device.synchronize()
    cpu[0] = read_cpu()
    waited_ns = own_wait_ns()
    wall[0] = read_wall()
    events[0].record(stream)
    for index in range(1, count + 1):
        step()
        events[index].record(stream)
        cpu[index] = read_cpu()
        wall[index] = read_wall()
    device.synchronize()
    cpu[-1] = read_cpu()
    wall[-1] = read_wall()
    waited_ns = own_wait_ns() - waited_ns
    pairs = itertools.pairwise(events)
    device_ns = [round(before.elapsed_time(after) * 1e6) for before, after in pairs]
    return Samples(wall[-1] - wall[0], _differences(wall), _differences(cpu), device_ns, waited_ns)


def _differences(readings: list[int]) -> list[int]:
    return [later - earlier for earlier, later in itertools.pairwise(readings)]
