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
    before = _Clocks()
    samples = _run_cuda_steps(step, count) if device.cuda_in_use() else _run_cpu_steps(step, count)
    return dataclasses.replace(samples, waited_ns=_Clocks().waited_for_others_ns(before))


class _Clocks:
    """What tells how long this thread waited for its core while somebody else's process had it."""

    def __init__(self) -> None:
        self._waited_ns = own_wait_ns()
        self._helpers_ns = process_time_ns() - thread_time_ns()

    def waited_for_others_ns(self, before: _Clocks) -> int:
        """Return the wait since `before`, less what this process's other threads have worked.

        Those may have had the core: a step that makes its own thread wait is slower. Where the process has children,
        such as a data loader's workers, nothing can be told apart, and the wait counts as the step's.
        """
        if has_children():
            return 0
        helpers_ns = self._helpers_ns - before._helpers_ns
        return max(0, self._waited_ns - before._waited_ns - helpers_ns)


def time_first_step(step: Callable[[], object]) -> int:
    """Run one step and return its nanoseconds up to the end of all work that it started."""
    start = perf_counter_ns()
    step()
    device.note_use()
    device.synchronize()
    return perf_counter_ns() - start


def _run_cpu_steps(step: Callable[[], object], count: int) -> Samples:
    # Lists of the final length and local names keep the loop's own cost under a microsecond a step.
    wall, cpu = [0] * (count + 1), [0] * (count + 1)
    read_wall, read_cpu = perf_counter_ns, process_time_ns
    cpu[0] = read_cpu()
    wall[0] = read_wall()
    for index in range(1, count + 1):
        step()
        wall[index] = read_wall()
        cpu[index] = read_cpu()
    return Samples(wall[-1] - wall[0], _differences(wall), _differences(cpu))


def _run_cuda_steps(step: Callable[[], object], count: int) -> Samples:
    """Time steps that run asynchronously.

    An event stands between any two steps, all are read after the one synchronisation at the end.
    The last step's host time includes that wait, so that the turn's length is the time of all work.
    """
    events = [torch.cuda.Event(enable_timing=True) for _ in range(count + 1)]
    wall, cpu = [0] * (count + 1), [0] * (count + 1)
    read_wall, read_cpu = perf_counter_ns, process_time_ns
    device.synchronize()
    cpu[0] = read_cpu()
    wall[0] = read_wall()
    events[0].record()
    for index in range(1, count + 1):
        step()
        events[index].record()
        wall[index] = read_wall()
        cpu[index] = read_cpu()
    device.synchronize()
    wall[-1] = read_wall()
    cpu[-1] = read_cpu()
    pairs = itertools.pairwise(events)
    device_ns = [round(before.elapsed_time(after) * 1e6) for before, after in pairs]
    return Samples(wall[-1] - wall[0], _differences(wall), _differences(cpu), device_ns)


def _differences(readings: list[int]) -> list[int]:
    return [later - earlier for earlier, later in itertools.pairwise(readings)]
