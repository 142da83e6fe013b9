"""What each step leaves behind: the memory that is alive after n and after 3n steps, and the lines that hold it.

One capture that knows each Python object, with a mark after n steps and one at its end, each behind a collection of
garbage. What a step merely replaces, such as the last loss, is alive at both marks and cancels.
"""

from __future__ import annotations

import contextlib
import gc
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
    from collections.abc import Callable, Mapping

    from benchsuite.stacks import Stack

FEW_STEPS = 3
MORE_STEPS = 2 * FEW_STEPS
MOST_SITES = 10
FLAMEGRAPH = "flamegraph.html"


@dataclass(frozen=True, slots=True)
class Watched:
    """A capture, not yet read, and what was allocated on GPUs at its two marks."""

    capture: Path
    cuda_few_bytes: int
    cuda_many_bytes: int

    def read(self, artifacts: str = "") -> Reading:
        """Compare the two marks: `leak`, `cuda_leak` where the steps run on a GPU, and the lines that hold it.

        Args:
            artifacts: folder for the flamegraph of a leak; empty: none is drawn.

        Raises:
            CaptureError: the capture cannot be read.
        """
        capture = Capture(self.capture)
        _before, few, many = capture.alive_at_marks(3)
        grown = growth(few, many)
        metrics = {"leak": sum(held.size_bytes for held in grown.values()) / MORE_STEPS}
        if device.cuda_in_use():
            metrics["cuda_leak"] = (self.cuda_many_bytes - self.cuda_few_bytes) / MORE_STEPS
        holding = {stack: held for stack, held in grown.items() if held.size_bytes > 0}
        sites = largest("leak", holding, MOST_SITES, MORE_STEPS)
        if not artifacts or max(metrics.values()) <= LEAK_LIMIT_BYTES:
            return Reading(metrics, sites=sites)
        capture.write_leak_flamegraph(Path(artifacts) / FLAMEGRAPH)
        return Reading(metrics, sites=sites, artifacts={"flamegraph": FLAMEGRAPH})


def watch(step: Callable[[], object], folder: Path) -> Watched:
    """Run 9 further steps of a workload that has run some already, under a capture in a folder."""
    path = folder / "leaks.bin"
    with track(path, python_objects=True):
        # Code that runs under a capture for the first time allocates for it: this module's own goes first.
        _before, cuda_few_bytes, cuda_many_bytes = [_run(step, n) for n in (0, FEW_STEPS, MORE_STEPS)]
    return Watched(path, cuda_few_bytes, cuda_many_bytes)


def growth(few: Mapping[Stack, Held], many: Mapping[Stack, Held]) -> Mapping[Stack, Held]:
    """Return by how much more is alive on each stack after many steps than after few; less is negative."""
    nothing = Held()
    pairs = {stack: (few.get(stack, nothing), many.get(stack, nothing)) for stack in {**few, **many}}
    return {
        stack: Held(after.size_bytes - before.size_bytes, after.blocks - before.blocks)
        for stack, (before, after) in pairs.items()
        if after != before
    }


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
