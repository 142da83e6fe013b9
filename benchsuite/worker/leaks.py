"""What each step leaves behind: the memory that is alive after n, 2n and 3n steps, and the lines that hold it.

One capture that knows each Python object, with a mark after each n steps, behind a collection of garbage. What a step
merely replaces, such as the last loss, is alive at all marks and cancels; what grows once, such as a queue or a cache
that fills, does not grow from every mark to the next and is no leak.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from torch.multiprocessing import reductions

from benchsuite.record import LEAK_LIMIT_BYTES
from benchsuite.worker import device
from benchsuite.worker.captures import Capture, Held, largest, mark, track
from benchsuite.worker.readings import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchsuite.stacks import Stack

STEPS_TO_A_MARK = 3
MARKS = 3
MOST_SITES = 10
FLAMEGRAPH = "flamegraph.html"


@dataclass(frozen=True, slots=True)
class Watched:
    """A capture, not yet read, and what was allocated on GPUs at its marks."""

    capture: Path
    cuda_bytes: tuple[int, ...]

    def read(self, artifacts: str = "") -> Reading:
        """Compare the marks: `leak`, `cuda_leak` where the steps run on a GPU, and the lines that hold it.

        Args:
            artifacts: folder for the flamegraph of a leak; empty: none is drawn.

        Raises:
            CaptureError: the capture cannot be read.
        """
        capture = Capture(self.capture)
        _before, *marks = capture.alive_at_marks(1 + MARKS)
        grown = growth(marks)
        metrics = {"leak": sum(held.size_bytes for held in grown.values()) / STEPS_TO_A_MARK}
        if device.cuda_in_use():
            metrics["cuda_leak"] = steady(self.cuda_bytes) / STEPS_TO_A_MARK
        holding = {stack: held for stack, held in grown.items() if held.size_bytes > 0}
        sites = largest("leak", holding, MOST_SITES, STEPS_TO_A_MARK)
        if not artifacts or max(metrics.values()) <= LEAK_LIMIT_BYTES:
            return Reading(metrics, sites=sites)
        capture.write_leak_flamegraph(Path(artifacts) / FLAMEGRAPH)
        return Reading(metrics, sites=sites, artifacts={"flamegraph": FLAMEGRAPH})


def watch(step: Callable[[], object], folder: Path) -> Watched:
    """Run 9 further steps of a workload that has run some already, under a capture in a folder."""
    path = folder / "leaks.bin"
    with track(path, python_objects=True):
        # Code that runs under a capture for the first time allocates for it: this module's own goes first.
        _before, *cuda_bytes = [_run(step, n) for n in (0, *[STEPS_TO_A_MARK] * MARKS)]
    return Watched(path, tuple(cuda_bytes))


def growth(marks: Sequence[Mapping[Stack, Held]]) -> Mapping[Stack, Held]:
    """Return by how much what is alive on each stack grows from every mark to the next; less is negative."""
    nothing = Held()
    grown = {}
    for stack in set().union(*marks):
        alive = [mark.get(stack, nothing) for mark in marks]
        held = Held(steady([one.size_bytes for one in alive]), steady([one.blocks for one in alive]))
        if held != nothing:
            grown[stack] = held
    return grown


def steady(values: Sequence[int]) -> int:
    """Return by how much values grow from each to the next, at least; 0 where one grows and another does not."""
    steps = [after - before for before, after in itertools.pairwise(values)]
    return max(min(steps), 0) + min(max(steps), 0)


def _run(step: Callable[[], object], steps: int) -> int:
    """Run steps and set a mark; return the bytes that are then allocated on GPUs."""
    for _ in range(steps):
        step()
    device.synchronize()
    _settle()
    mark()
    return device.allocated_bytes()


def _settle() -> None:
    """Free what is garbage, and what is kept only until so much of it has come together."""
    # What data loaders have shared and let go of: torch forgets it from 128 storages on.
    with contextlib.suppress(AttributeError):
        reductions.shared_cache.free_dead_references()
    # Empties the stores of freed objects too.
    gc.collect()
    # The names that the interpreter has looked up, each in a slot of its own.
    if clear := getattr(sys, "_clear_type_cache", None):
        clear()
