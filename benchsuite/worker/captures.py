"""What memray has captured, as benchsuite's own rows.

The one adapter for all of memray that its documentation does not promise to keep.
"""

from __future__ import annotations

import itertools
import mmap
import os
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from memray import AllocatorType, FileReader, Tracker

from benchsuite import stacks
from benchsuite.record import AllocationSite

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from memray import AllocationRecord

    from benchsuite.record import SiteKind
    from benchsuite.stacks import Stack

MOST_POINTS = 500
INTERVAL_MS = 10
"""From one point of the heap's curve to the next."""
BLOCKS_AFTER_DATA = 3
"""A tensor allocates its data and then so many small blocks for itself: made and dropped at once, all of it is temporary."""
COMPRESSED = b"\x04\x22\x4d\x18"
"""memray compresses a capture when it closes it, as an LZ4 frame."""
END_OF_FRAME = bytes(4)
MARK_BYTES = 7919 * mmap.ALLOCATIONGRANULARITY
"""Nothing else is likely to ask for just so much."""
FREED_BY = frozenset({AllocatorType.FREE, AllocatorType.MUNMAP, AllocatorType.PYMALLOC_FREE})


class CaptureError(Exception):
    """A capture that cannot be read, or ends too early."""


@dataclass(frozen=True, slots=True)
class Held:
    """Memory of one stack: blocks and their bytes."""

    size_bytes: int = 0
    blocks: int = 0


def track(path: Path, *, python_objects: bool = False, native_traces: bool = False) -> Tracker:
    """Return a context in which every allocation of this process is written to a file.

    Args:
        path: the file; there is none yet.
        python_objects: whether each object counts for itself; otherwise the arenas that Python keeps them in do.
        native_traces: whether stacks hold the frames of native code too.

    Raises:
        RuntimeError: on entering it, another tracker is active.
    """
    return Tracker(
        path,
        trace_python_allocators=python_objects,
        native_traces=native_traces,
        memory_interval_ms=INTERVAL_MS,
    )


def mark() -> None:
    """Leave a mark in the capture that is under way: pages that nobody touches, given back at once."""
    mmap.mmap(-1, MARK_BYTES).close()


class Capture:
    """A finished capture file, read."""

    def __init__(self, path: Path) -> None:
        """Read a file once; what is asked for later reads it again.

        Raises:
            CaptureError: it is missing, no capture, or was cut off.
        """
        try:
            _demand_whole(path)
            self._reader = FileReader(path)
            self._name = path.name
        except OSError as error:
            raise CaptureError(f"memray's capture {path.name} cannot be read ({error})") from error

    @property
    def peak_bytes(self) -> int:
        """The most that was allocated at once and within the capture."""
        return self._reader.metadata.peak_memory

    @property
    def allocations(self) -> int:
        """How often something was allocated or freed."""
        return self._reader.metadata.total_allocations

    def high_water_mark(self) -> Mapping[Stack, Held]:
        """Return what was alive at the peak."""
        records = self._reader.get_high_watermark_allocation_records(merge_threads=True)
        return by_stack(records, native=self._reader.metadata.has_native_traces)

    def temporary(self) -> Mapping[Stack, Held]:
        """Return what was freed before anything else than a tensor's own blocks was allocated."""
        records = self._reader.get_temporary_allocation_records(
            merge_threads=True, threshold=BLOCKS_AFTER_DATA
        )
        return by_stack(records)

    def alive_at_marks(self, marks: int) -> list[Mapping[Stack, Held]]:
        """Return what was allocated within the capture and alive at each mark.

        Raises:
            CaptureError: it does not hold so many marks.
        """
        found = []
        alive: dict[int, AllocationRecord] = {}
        for record in self._reader.get_allocation_records():
            if record.allocator in FREED_BY:
                alive.pop(record.address, None)
            elif record.size == MARK_BYTES and record.allocator == AllocatorType.MMAP:
                found.append(by_stack(alive.values()))
            else:
                alive[record.address] = record
        if len(found) != marks:
            raise CaptureError(f"memray's capture {self._name} has {len(found)} marks, not {marks}")
        return found

    def write_leak_flamegraph(self, target: Path) -> None:
        """Draw what was allocated within the capture and alive at its end: one HTML file, no network, about 4.5 MB."""
        from memray.reporters.flamegraph import FlameGraphReporter

        drawn = FlameGraphReporter.from_snapshot(
            self._reader.get_leaked_allocation_records(merge_threads=True),
            memory_records=tuple(self._reader.get_memory_snapshots()),
            native_traces=False,
        )
        with target.open("w", encoding="utf-8") as file:
            drawn.render(
                file,
                metadata=self._reader.metadata,
                show_memory_leaks=True,
                merge_threads=True,
                inverted=False,
                no_web=True,
            )

    def heap_over_time(self) -> list[tuple[float, float]]:
        """Return the heap as points of milliseconds since the first one and bytes, 500 at most."""
        snapshots = list(self._reader.get_memory_snapshots())
        return thinned([(float(s.time - snapshots[0].time), float(s.heap)) for s in snapshots])


def _demand_whole(path: Path) -> None:
    """Demand that memray has closed this file: it reads as much as there is, and says nothing of what is missing."""
    with path.open("rb") as file:
        begins = file.read(len(COMPRESSED))
        file.seek(-min(len(END_OF_FRAME), path.stat().st_size), os.SEEK_END)
        if begins != COMPRESSED or file.read() != END_OF_FRAME:
            raise OSError("it is cut off, or no capture")


def by_stack(records: Iterable[AllocationRecord], *, native: bool = False) -> Mapping[Stack, Held]:
    """Add memray's records up by their stack, spelt and trimmed: that of Python alone, or with native code's frames."""
    sizes: dict[Stack, int] = defaultdict(int)
    blocks: dict[Stack, int] = defaultdict(int)
    known: dict[tuple[int, int], Stack] = {}
    for record in records:
        place = (record.stack_id, record.native_stack_id if native else 0)
        stack = known.get(place)
        if stack is None:
            frames = record.hybrid_stack_trace() if native else record.stack_trace()
            stack = stacks.trim([stacks.spell(*frame) for frame in frames])
            known[place] = stack
        sizes[stack] += record.size
        blocks[stack] += record.n_allocations
    return {stack: Held(size, blocks[stack]) for stack, size in sizes.items()}


def largest(
    kind: SiteKind, held: Mapping[Stack, Held], most: int, steps: int = 1
) -> tuple[AllocationSite, ...]:
    """Return the sites with the most bytes as rows of a record, divided by a number of steps."""
    ordered = sorted(held.items(), key=lambda item: (-item[1].size_bytes, -item[1].blocks, item[0]))
    return tuple(
        AllocationSite(kind, one.size_bytes / steps, one.blocks / steps, stack)
        for stack, one in ordered[:most]
    )


def thinned(points: Sequence[tuple[float, float]], most: int = MOST_POINTS) -> list[tuple[float, float]]:
    """Return the highest point of each of so many equal parts: no peak is lost."""
    if len(points) <= most:
        return list(points)
    bounds = [len(points) * part // most for part in range(most + 1)]
    return [max(points[start:end], key=lambda point: point[1]) for start, end in itertools.pairwise(bounds)]
