"""From the events of a profiler's trace to what the host and the device did: pure functions.

Events are those of Chrome's trace format as Kineto writes them: times in microseconds (`ts`, `dur`), a category
(`cat`), a name and arguments (`args`).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

Interval = tuple[float, float]
"""Start and end."""
Event = dict[str, Any]

DEVICE_CATEGORIES = frozenset({"kernel", "gpu_memcpy", "gpu_memset"})
RUNTIME_SUFFIXES = ("_runtime", "_driver")
"""Of the categories of calls that the host makes: cuda_runtime, cuda_driver."""
LAUNCH_WORDS = ("LaunchKernel", "LaunchCooperativeKernel", "GraphLaunch")
BLOCKING_COPIES = frozenset({"cudaMemcpy", "hipMemcpy"})
SCALAR_READ = "aten::_local_scalar_dense"
"""What `item()`, `tolist()` of one number and `if tensor:` come to."""
MEMORY = "[memory]"
MAX_POINTS = 500


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """What was found in a trace, over all of its steps."""

    num_events: int = 0
    kernels: int = 0
    launches: int = 0
    """Calls by which the host started kernels; one of a CUDA graph starts many."""
    synchronisations: int = 0
    """Times that the host waited for the device; without a device, that it asked a tensor for a number."""
    host_to_device_copies: int = 0
    device_to_host_copies: int = 0
    copied_bytes: int = 0
    """Between host and device, both ways."""
    device_idle_share: float | None = None
    """Share of the time from the first step's start to the last work's end, mean over devices; None: no device."""
    host_wait_share: float | None = None
    """Share of the same time that the host spent in synchronising calls; None: no device."""
    memory: tuple[Interval, ...] = ()
    """(ms since the first step's start, bytes held), at most 500 points; of the devices, without any of the host."""

    def metrics(self, steps: int) -> dict[str, float]:
        """Return the figures of one step by their names in a record; those of a device only where there is one."""
        if not self.num_events:
            return {}
        found = {"synchronisations": self.synchronisations / steps}
        if self.device_idle_share is None or self.host_wait_share is None:
            return found
        return found | {
            "kernels": self.kernels / steps,
            "launches": self.launches / steps,
            "host_to_device_copies": self.host_to_device_copies / steps,
            "device_to_host_copies": self.device_to_host_copies / steps,
            "copied_bytes": self.copied_bytes / steps,
            "device_idle_share": self.device_idle_share,
            "host_wait_share": self.host_wait_share,
        }


@dataclass(slots=True)
class _Seen:
    """What is kept of the events while they go by."""

    num_events: int = 0
    kernels: int = 0
    launches: int = 0
    copies: list[tuple[str, int]] = field(default_factory=list)
    """Direction and bytes."""
    steps: list[Interval] = field(default_factory=list)
    host: list[Interval] = field(default_factory=list)
    """The first and the last call alone: where there are no steps, they stand for them."""
    devices: dict[Hashable, list[Interval]] = field(default_factory=dict)
    waits: list[Interval] = field(default_factory=list)
    scalar_reads: list[Interval] = field(default_factory=list)
    allocations: list[tuple[float, tuple[int, int], int]] = field(default_factory=list)
    """Time, device's type and number, bytes held since."""


def summarize(events: Iterable[Event], step_name: str) -> TraceSummary:
    """Summarise a trace.

    Waiting counts within the steps alone: at their end the profiler itself waits for the device.

    Args:
        events: in any order; what is no event is passed over.
        step_name: the annotation around each step. Where none is found, the steps reach from the first call to the last.
    """
    seen = _Seen()
    for event in events:
        _note(event, step_name, seen)
    bounds = seen.steps or seen.host
    begin = min((start for start, _end in bounds), default=0.0)
    end = max((end for _start, end in bounds), default=0.0)
    waits = [interval for interval in seen.waits if begin <= interval[0] < end]
    reads = [interval for interval in seen.scalar_reads if begin <= interval[0] < end]
    last = max([end, *(stop for busy in seen.devices.values() for _start, stop in busy)])
    to_device = [size for direction, size in seen.copies if direction == "HtoD"]
    to_host = [size for direction, size in seen.copies if direction == "DtoH"]
    idle = [1 - share_covered(busy, (begin, last)) for busy in seen.devices.values()]
    return TraceSummary(
        num_events=seen.num_events,
        kernels=seen.kernels,
        launches=seen.launches,
        synchronisations=len(waits) if seen.devices else len(reads),
        host_to_device_copies=len(to_device),
        device_to_host_copies=len(to_host),
        copied_bytes=sum(to_device) + sum(to_host),
        device_idle_share=sum(idle) / len(idle) if idle else None,
        host_wait_share=share_covered(waits, (begin, last)) if idle else None,
        memory=_memory_curve(seen.allocations, begin),
    )


def covered(intervals: Iterable[Interval]) -> float:
    """Return the length of the union of intervals: what overlaps counts once."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(intervals):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def share_covered(intervals: Iterable[Interval], span: Interval) -> float:
    """Return the share of a span that the union of intervals covers, from 0 to 1."""
    first, last = span
    if last <= first:
        return 0.0
    inside = ((max(start, first), min(end, last)) for start, end in intervals)
    return min(1.0, covered((start, end) for start, end in inside if start < end) / (last - first))


def thinned(points: Sequence[Interval], limit: int = MAX_POINTS) -> tuple[Interval, ...]:
    """Return at most so many points of a curve, of each stretch the highest: no peak is lost."""
    if len(points) <= limit:
        return tuple(points)
    edges = [index * len(points) // limit for index in range(limit + 1)]
    stretches = (points[low:high] for low, high in itertools.pairwise(edges))
    return tuple(max(stretch, key=lambda point: point[1]) for stretch in stretches)


def _note(event: Event, step_name: str, seen: _Seen) -> None:
    if not isinstance(event, dict) or not isinstance(event.get("ts"), int | float):
        return
    category, name, start = str(event.get("cat", "")), str(event.get("name", "")), float(event["ts"])
    length, arguments = event.get("dur"), event.get("args")
    interval = (start, start + length) if isinstance(length, int | float) else (start, start)
    if not isinstance(arguments, dict):
        arguments = {}
    seen.num_events += 1
    if category in DEVICE_CATEGORIES:
        device = arguments.get("device", event.get("pid"))
        seen.devices.setdefault(device, []).append(interval)
        _note_work(category, name, arguments, seen)
    elif category == "cpu_op" or category.endswith(RUNTIME_SUFFIXES):
        _note_call(category, name, interval, seen)
    elif category == "user_annotation" and name == step_name:
        seen.steps.append(interval)
    elif name == MEMORY and "Total Allocated" in arguments:
        place = (int(arguments.get("Device Type", 0)), int(arguments.get("Device Id", 0)))
        seen.allocations.append((start, place, int(arguments["Total Allocated"])))


def _note_work(category: str, name: str, arguments: Mapping[str, Any], seen: _Seen) -> None:
    """Note what a device did; names of copies begin as in `Memcpy HtoD (Pinned -> Device)`."""
    if category == "kernel":
        seen.kernels += 1
    elif category == "gpu_memcpy":
        seen.copies.append((name.removeprefix("Memcpy ").partition(" ")[0], int(arguments.get("bytes", 0))))


def _note_call(category: str, name: str, interval: Interval, seen: _Seen) -> None:
    """Note what the host called."""
    _widen(seen.host, interval)
    if category == "cpu_op":
        if name == SCALAR_READ:
            seen.scalar_reads.append(interval)
    elif any(word in name for word in LAUNCH_WORDS):
        seen.launches += 1
    elif name.endswith("Synchronize") or name in BLOCKING_COPIES:
        seen.waits.append(interval)


def _widen(bounds: list[Interval], interval: Interval) -> None:
    """Keep one interval that reaches from the first start to the last end."""
    bounds[:] = [(min(interval[0], bounds[0][0]), max(interval[1], bounds[0][1]))] if bounds else [interval]


def _memory_curve(
    allocations: Sequence[tuple[float, tuple[int, int], int]], begin: float
) -> tuple[Interval, ...]:
    on_device = [entry for entry in allocations if entry[1][0]]
    held: dict[tuple[int, int], int] = {}
    points = []
    for when, device, size_bytes in sorted(on_device or allocations):
        held[device] = size_bytes
        if when >= begin:
            points.append((round((when - begin) / 1000, 4), float(sum(held.values()))))
    return thinned(points)
