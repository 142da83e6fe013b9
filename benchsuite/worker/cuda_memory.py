"""What a workload allocates on GPUs: the CUDA allocator's history, kept for its viewer, and the lines behind its peak.

The one adapter for the calls about it that torch does not declare public.
"""

from __future__ import annotations

import contextlib
import gc
import pickle
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from benchsuite import stacks
from benchsuite.worker import device, failure
from benchsuite.worker.captures import CaptureError, Held, largest
from benchsuite.worker.readings import Reading, attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from benchsuite.scenario import Workload
    from benchsuite.stacks import Stack

SNAPSHOT = "cuda_snapshot.pickle"
RECORDED_STEPS = 3
MOST_EVENTS = 40_000
"""Of each device; the allocator forgets the oldest. The file takes less than 100 bytes for each."""
MOST_SITES = 20


def look(build: Callable[[], Workload], artifacts: str) -> Reading:
    """Build a workload anew and run 3 steps while the allocator keeps its history.

    Args:
        build: makes the workload.
        artifacts: folder for the snapshot; empty: it is not kept.

    Returns:
        the artifact `cuda_snapshot`, sites of the kind `cuda_peak`, and what could not be had.

    Raises:
        CaptureError: nothing was recorded.
    """
    snapshot = _record(build)
    return attempt(lambda: _keep(snapshot, artifacts)) + attempt(lambda: _read_peak(snapshot))


def alive_at_peak(events: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the events of a device's history that allocated what was alive when that were the most bytes.

    What was allocated before the history begins is not among them.
    """
    alive_bytes = peak_bytes = length = 0
    sizes: dict[int, int] = {}
    for position, event in enumerate(events, 1):
        if event["action"] == "alloc":
            sizes[event["addr"]] = event["size"]
            alive_bytes += event["size"]
        elif event["action"] == "free_requested":
            alive_bytes -= sizes.pop(event["addr"], 0)
        if alive_bytes > peak_bytes:
            peak_bytes, length = alive_bytes, position
    alive: dict[int, Mapping[str, Any]] = {}
    for event in events[:length]:
        if event["action"] == "alloc":
            alive[event["addr"]] = event
        elif event["action"] == "free_requested":
            alive.pop(event["addr"], None)
    return list(alive.values())


def _record(build: Callable[[], Workload]) -> dict[str, Any]:
    # What is left of earlier workloads is none of this one's.
    gc.collect()
    try:
        torch.cuda.empty_cache()
        torch.cuda.memory._record_memory_history(  # noqa: SLF001
            "all", stacks="python", max_entries=MOST_EVENTS, clear_history=True
        )
        workload = build()
        for _ in range(RECORDED_STEPS):
            workload.step()
        device.synchronize()
        snapshot: dict[str, Any] = torch.cuda.memory._snapshot()  # noqa: SLF001
        if workload.close is not None:
            workload.close()
    except Exception as error:
        raise _unusable("recorded", error) from error
    finally:
        with contextlib.suppress(Exception):
            torch.cuda.memory._record_memory_history(None)  # noqa: SLF001
    return snapshot


def _keep(snapshot: Mapping[str, Any], artifacts: str) -> Reading:
    if not artifacts:
        return Reading()
    path = Path(artifacts) / SNAPSHOT
    try:
        with path.open("wb") as file:
            pickle.dump(snapshot, file)
    except Exception as error:
        path.unlink(missing_ok=True)
        raise _unusable("kept", error) from error
    return Reading(artifacts={"cuda_snapshot": SNAPSHOT})


def _read_peak(snapshot: Mapping[str, Any]) -> Reading:
    try:
        histories = snapshot["device_traces"]
        if any(len(events) >= MOST_EVENTS for events in histories):
            text = f"the history of GPU memory has more than {MOST_EVENTS:,} events: what it held at its peak is not known"
            return Reading(problems=(text,))
        held = _by_stack(event for events in histories for event in alive_at_peak(events))
    except Exception as error:
        raise _unusable("read", error) from error
    return Reading(sites=largest("cuda_peak", held, MOST_SITES))


def _by_stack(allocations: Iterable[Mapping[str, Any]]) -> Mapping[Stack, Held]:
    sizes: dict[Stack, list[int]] = defaultdict(list)
    for event in allocations:
        frames = (stacks.spell(f["name"], f["filename"], f["line"]) for f in event.get("frames", ()))
        sizes[stacks.trim(list(frames))].append(event["size"])
    return {stack: Held(sum(found), len(found)) for stack, found in sizes.items()}


def _unusable(done: str, error: Exception) -> CaptureError:
    return CaptureError(f"the history of GPU memory could not be {done} ({failure.one_line(error)})")
