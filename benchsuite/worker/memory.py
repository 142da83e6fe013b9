"""The memory pass: memray's view of building a workload and running it, at one thread.

Compiled kernels keep the threads that they were timed with: other code would have to be compiled for one.
"""

from __future__ import annotations

import dataclasses
import gc
import statistics
import tempfile
from array import array
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from benchsuite.scenario import Skip
from benchsuite.worker import device, instruments, ranks, short_steps

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchsuite.scenario import Workload

REHEARSED_STEPS = 2
PEAK_STEPS = 20
COUNTED_STEPS = 5
RESERVE_BYTES = 16 << 20
BLOCK_BYTES = 400
"""Small enough for Python's own allocator, which leaves what is larger than 512 bytes to malloc."""
PINNED_EVERY_BYTES = 192 << 10
"""Arenas are of 1 MiB, of 256 KiB in some builds of Python."""
PLAIN_STEPS = 3
LONGEST_STEP_NS = 1_000_000_000
"""Where a step takes longer, the 9 steps in which leaks are looked for would hold the run up."""


def run(build: Callable[[], Workload], artifacts: str, *, native_traces: bool = False) -> dict[str, Any]:
    """Measure the peak heap, the allocations of a step, and what a step leaves behind.

    A rehearsal, untracked, leaves lazy imports and compiled code behind it. Then a full capture (an
    aggregated one counts sites, not allocations) covers building the workload anew and 20 steps:
    `peak_heap` in bytes, weights, gradients and optimizer state included. A second one counts the
    allocations of 5 further steps. Then come 3 steps without a capture, and a capture in which leaks are looked for.
    Last, for work on a GPU alone, the workload is built once more while CUDA's allocator keeps its history.

    Args:
        build: makes the workload; called twice, and on a GPU once more.
        artifacts: folder for this trial's files; the captures stand there while they are read.
        native_traces: whether the stacks behind the peak hold the frames of native code too.

    Returns:
        `metrics`: `peak_heap` (bytes), `allocations`, `temporary_allocations` (count a step), `leak`, `cuda_leak`
        (bytes a step), `memray_overhead` (a step's time under memray over the plain step's, less 1);
        `series`: `heap_over_time` (ms, bytes); `sites`: the lines behind them; `artifacts`: a flamegraph of a leak,
        a snapshot of CUDA's allocator;
        `problems`: what could not be read or was left out, in clauses.

    Raises:
        Skip: the work has a fixed length, memray is not there, or another profiler is active.
    """
    try:
        from benchsuite.worker import captures, cuda_memory, leaks, readings
    except ImportError as error:
        raise Skip(f"memray cannot be imported here ({error})") from error
    instruments.demand_none()
    started = perf_counter_ns()
    _rehearse(build)
    reserve = reserve_small_blocks()
    # Made before they are filled: samples take no memory within a capture.
    tracked_ns, plain_ns = array("q", bytes(8 * PEAK_STEPS)), array("q", bytes(8 * PLAIN_STEPS))
    with tempfile.TemporaryDirectory(dir=artifacts or None) as name:
        folder = Path(name)
        peak_file, steps_file = folder / "peak.bin", folder / "steps.bin"
        with captures.track(peak_file, native_traces=native_traces):
            workload = build()
            _time_steps(workload.step, tracked_ns)
            device.synchronize()
        with captures.track(steps_file):
            for _ in range(COUNTED_STEPS):
                workload.step()
        _time_steps(workload.step, plain_ns)
        plain_step_ns = statistics.median(plain_ns)
        # Ranks wait for one another: all of them take the same steps.
        brief = plain_step_ns <= LONGEST_STEP_NS or bool(ranks.describe())
        watched = leaks.watch(workload.step, folder) if brief else None
        working_ns = perf_counter_ns() - started
        found = readings.attempt(lambda: readings.of_peak(peak_file))
        found += readings.attempt(lambda: readings.of_steps(steps_file, COUNTED_STEPS))
        found += (
            readings.left_out(plain_step_ns)
            if watched is None
            else readings.attempt(lambda: watched.read(artifacts))
        )
    del reserve
    if workload.close is not None:
        workload.close()
    too_short = short_steps.under_memray(sum(tracked_ns), PEAK_STEPS, captures.INTERVAL_MS)
    items_per_step = workload.items_per_step
    # Freed before it is built anew: a GPU may have no room for two.
    del workload
    if device.cuda_in_use():
        began_ns = perf_counter_ns()
        found += readings.attempt(lambda: cuda_memory.look(build, artifacts))
        working_ns += perf_counter_ns() - began_ns
    overhead = statistics.median(tracked_ns) / plain_step_ns - 1 if plain_step_ns else 0.0
    return {
        "items_per_step": items_per_step,
        "metrics": {**found.metrics, "memray_overhead": overhead},
        "series": found.series,
        "sites": [dataclasses.asdict(site) for site in found.sites],
        "artifacts": found.artifacts,
        "problems": (*found.problems, *too_short),
        "working_ns": working_ns,
    }


def _rehearse(build: Callable[[], Workload]) -> None:
    rehearsal = build()
    if rehearsal.num_steps is not None:
        raise Skip("its work has a fixed length: memory is measured on the scenarios that repeat a step")
    for _ in range(REHEARSED_STEPS):
        rehearsal.step()
    if rehearsal.close is not None:
        rehearsal.close()
    del rehearsal
    gc.collect()


def reserve_small_blocks() -> list[bytes]:
    """Have Python's allocator keep room for small objects for as long as what is returned lives.

    It takes that room from the system an arena of 1 MiB at a time, and memray sees an arena when it is
    taken: whether the objects of a capture need one more depends on what the process has done before.
    """
    blocks = [bytes(BLOCK_BYTES) for _ in range(RESERVE_BYTES // BLOCK_BYTES)]
    return blocks[:: PINNED_EVERY_BYTES // BLOCK_BYTES]


def _time_steps(step: Callable[[], object], samples_ns: array[int]) -> None:
    """Run as many steps as there is room for, and keep the time of each, waited for where it runs on a GPU."""
    for index in range(len(samples_ns)):
        began_ns = perf_counter_ns()
        step()
        if device.cuda_in_use():
            device.synchronize()
        samples_ns[index] = perf_counter_ns() - began_ns
