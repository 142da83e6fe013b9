"""Makes a step on a GPU slower by a share of its time, whichever of host and GPU it waits for.

A step that waits for launches is not slower for more work on the GPU, nor one that waits for the GPU for more work on the
host. So both get longer by the same time: the host by a loop of Python, the GPU by a kernel that counts its clock.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

WARM_STEPS = 5
BLOCKS = 7
BLOCK_NS = 20_000_000
"""A step is timed in blocks about as long as a turn."""
LAUNCHES = 200
"""Fewer than the GPU keeps waiting before the host must wait too."""
CYCLES = 2_000_000
"""About a millisecond: the launch of the kernel that counts them drowns in it."""
LOOPS = 100_000


@dataclass(frozen=True, slots=True)
class Costs:
    """What a step and its possible slowdowns take here and now."""

    step_ns: float
    """Of many steps on end, up to the end of their work."""
    loop_ns: float
    """One turn of the host's empty loop."""
    launch_ns: float
    """What the host needs to launch a kernel."""
    kernel_ns: float
    """What the GPU needs for a kernel that counts one cycle, one after the other."""
    cycle_ns: float


@dataclass(frozen=True, slots=True)
class Slowdown:
    """What a step gets beside its own work."""

    loops: int
    cycles: int


def plan(costs: Costs, share: float) -> Slowdown:
    """Return what lengthens the host's part and the GPU's part by a share of the step's time.

    The kernel's own launch is part of both. A share smaller than a launch cannot be had: the launch alone is what it gets.
    """
    wanted_ns = share * costs.step_ns
    return Slowdown(
        loops=max(0, round((wanted_ns - costs.launch_ns) / costs.loop_ns)),
        cycles=max(1, round((wanted_ns - costs.kernel_ns) / costs.cycle_ns)),
    )


def slowed(step: Callable[[], object], share: float, *, active: bool) -> Callable[[], object]:
    """Return the step, on the head's side slower by this share.

    Args:
        step: works on the current CUDA device.
        share: 0.03 for 3 % of its time.
        active: whether it becomes slower; if not, only what was done before the first step is alike.
    """
    import torch

    wanted = plan(measure(step, torch.cuda), share)
    if not active:
        return step

    def slower() -> object:
        result = step()
        _count_cycles(torch.cuda, wanted.cycles)
        _spin(wanted.loops)
        return result

    return slower


def measure(step: Callable[[], object], cuda: Any) -> Costs:
    """Time a step and what may slow it.

    Args:
        step: works on the current CUDA device.
        cuda: torch.cuda, or what stands in for it.
    """
    for _ in range(WARM_STEPS):
        step()
    _count_cycles(cuda, 1)
    count = max(1, round(BLOCK_NS / max(1.0, _block_ns(step, WARM_STEPS, cuda.synchronize))))
    kernel_ns = _events_ns(lambda: _count_cycles(cuda, 1), LAUNCHES, cuda)
    return Costs(
        step_ns=statistics.median(_block_ns(step, count, cuda.synchronize) for _ in range(BLOCKS)),
        loop_ns=min(_block_ns(lambda: _spin(LOOPS), 1) for _ in range(BLOCKS)) / LOOPS,
        launch_ns=_launch_ns(cuda),
        kernel_ns=kernel_ns,
        cycle_ns=(_events_ns(lambda: _count_cycles(cuda, CYCLES), 1, cuda) - kernel_ns) / CYCLES,
    )


def _block_ns(step: Callable[[], object], count: int, wait: Callable[[], object] = lambda: None) -> float:
    """Return the time of a step, of so many on end, up to the end of the last one's work."""
    wait()
    began_ns = time.perf_counter_ns()
    for _ in range(count):
        step()
    wait()
    return (time.perf_counter_ns() - began_ns) / count


def _launch_ns(cuda: Any) -> float:
    """Return what the host needs to launch a kernel, without waiting for it."""
    found = []
    for _ in range(BLOCKS):
        cuda.synchronize()
        began_ns = time.perf_counter_ns()
        for _ in range(LAUNCHES):
            _count_cycles(cuda, 1)
        found.append((time.perf_counter_ns() - began_ns) / LAUNCHES)
    cuda.synchronize()
    return min(found)


def _events_ns(work: Callable[[], object], count: int, cuda: Any) -> float:
    """Return the time of one piece of work by the GPU's clock, of so many on end; the least of several tries.

    The GPU is held up until all are launched: else short ones would take as long as their launches.
    """
    found: list[float] = []
    for _ in range(BLOCKS):
        before, after = cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)
        _count_cycles(cuda, 2 * CYCLES)
        before.record()
        for _ in range(count):
            work()
        after.record()
        cuda.synchronize()
        found.append(1e6 * before.elapsed_time(after) / count)
    return min(found)


def _count_cycles(cuda: Any, cycles: int) -> None:
    """Launch a kernel that runs until it has counted so many cycles."""
    cuda._sleep(cycles)  # noqa: SLF001 - torch has no other kernel of a length to be chosen


def _spin(loops: int) -> None:
    for _ in range(loops):
        pass
