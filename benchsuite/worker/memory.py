"""The memory pass: memray's view of building a workload and running it, at one thread.

Compiled kernels keep the threads that they were timed with: other code would have to be compiled for one.
"""

from __future__ import annotations

import gc
import tempfile
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from benchsuite.scenario import Skip
from benchsuite.worker import device

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


def run(build: Callable[[], Workload], artifacts: str) -> dict[str, Any]:
    """Measure the peak heap and the allocations of a step.

    A rehearsal, untracked, leaves lazy imports and compiled code behind it. Then a full capture (an
    aggregated one counts sites, not allocations) covers building the workload anew and 20 steps:
    `peak_heap` in bytes, weights, gradients and optimizer state included. A second one counts the
    allocations of 5 further steps.

    Args:
        build: makes the workload; called twice.
        artifacts: folder for this trial's files; the captures stand there while they are read.

    Raises:
        Skip: the work has a fixed length, or memray is not there.
    """
    try:
        from memray import FileReader, Tracker
    except ImportError as error:
        raise Skip(f"memray cannot be imported here ({error})") from error
    started = perf_counter_ns()
    rehearsal = build()
    if rehearsal.num_steps is not None:
        raise Skip("its work has a fixed length: memory is measured on the scenarios that repeat a step")
    for _ in range(REHEARSED_STEPS):
        rehearsal.step()
    if rehearsal.close is not None:
        rehearsal.close()
    del rehearsal
    gc.collect()
    reserve = reserve_small_blocks()
    with tempfile.TemporaryDirectory(dir=artifacts or None) as folder:
        peak_file, steps_file = Path(folder) / "peak.bin", Path(folder) / "steps.bin"
        with Tracker(peak_file):
            workload = build()
            for _ in range(PEAK_STEPS):
                workload.step()
            device.synchronize()
        with Tracker(steps_file):
            for _ in range(COUNTED_STEPS):
                workload.step()
        working_ns = perf_counter_ns() - started
        peak_heap = FileReader(peak_file).metadata.peak_memory
        allocations = FileReader(steps_file).metadata.total_allocations
    del reserve
    if workload.close is not None:
        workload.close()
    metrics = {"peak_heap": float(peak_heap), "allocations": allocations / COUNTED_STEPS}
    return {"items_per_step": workload.items_per_step, "metrics": metrics, "working_ns": working_ns}


def reserve_small_blocks() -> list[bytes]:
    """Have Python's allocator keep room for small objects for as long as what is returned lives.

    It takes that room from the system an arena of 1 MiB at a time, and memray sees an arena when it is
    taken: whether the objects of a capture need one more depends on what the process has done before.
    """
    blocks = [bytes(BLOCK_BYTES) for _ in range(RESERVE_BYTES // BLOCK_BYTES)]
    return blocks[:: PINNED_EVERY_BYTES // BLOCK_BYTES]
