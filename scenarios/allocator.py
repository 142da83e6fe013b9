"""Does it pay to let glibc keep the memory that a step frees?

By default it gives large blocks back to the system when they are freed, and a step asks for them anew: the kernel maps and
clears the pages of a large batch's activations in each step. Two variables stop that; the process then holds what it once held.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchsuite import Check, Phase, Requirement, Skip, Task, Workload, does_not_apply, grid, scenario
from scenarios.loop import ALLOCATORS, LoopSettings, make_loop, not_started_with, process_of
from scenarios.parity import finite

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchsuite.scenario import SettingValue
    from scenarios.loop import Allocator

M_MMAP_THRESHOLD = -3
THRESHOLD_BYTES = int(dict(ALLOCATORS["keeping"])["MALLOC_MMAP_THRESHOLD_"])
BLOCK_BYTES = 48 * 2**20
TRIES = 16
FEWEST_PAGES = BLOCK_BYTES // 2**21
"""As many pages as such a block has where the kernel gives out the largest, of 2 MiB."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What glibc does with freed memory, training or inferring on so many items."""

    allocator: Allocator = "default"
    phase: Phase = "train"
    batch_size: int = 100


def changes(settings: Settings) -> dict[str, SettingValue]:
    """Return what these settings change in the shared loop."""
    return {"allocator": settings.allocator}


def loop_settings(settings: Settings) -> LoopSettings:
    """Return the loop that these settings stand for."""
    return LoopSettings(phase=settings.phase, batch_size=settings.batch_size).changed(changes(settings))


def _requires(_settings: Settings) -> list[Requirement]:
    if sys.platform != "linux":
        return [does_not_apply("what is compared is the allocator of glibc, which only Linux has")]
    if chosen := _chosen_by_the_user(os.environ):
        return [does_not_apply(f"what is compared is glibc's allocator as it is by default: unset {chosen}")]
    return []


def _chosen_by_the_user(environ: Mapping[str, str]) -> str:
    """Return the variable by which the user has chosen or set an allocator already; empty: by none."""
    set_by_name = [name for name in environ if name.startswith("MALLOC_")]
    by_value = [name for name in ("GLIBC_TUNABLES", "LD_PRELOAD") if "malloc" in environ.get(name, "")]
    return next(iter([*sorted(set_by_name), *by_value]), "")


@scenario(
    question="Does it pay to keep freed memory (MALLOC_TRIM_THRESHOLD_, MALLOC_MMAP_THRESHOLD_)?",
    variants=grid(
        Settings, phase=["train", "infer"], batch_size=[100, 2048], allocator=["default", "keeping"]
    ),
    compare="allocator",
    within=("phase", "batch_size"),
    requires=_requires,
    process=lambda s: process_of(loop_settings(s)),
    changes=lambda s: changes(s) if s.batch_size == LoopSettings().batch_size else {},
)
def allocator(settings: Settings, task: Task) -> Workload:
    """Run the loop over one fixed batch; the process was started with the variables, or without."""
    if settings.allocator == "keeping" and not _takes_the_threshold():
        raise Skip("this glibc refuses to keep blocks of more than 32 MiB")
    loop = make_loop(loop_settings(settings), task)

    def check() -> list[Check]:
        missing = not_started_with(ALLOCATORS[settings.allocator])
        asked_anew = _pages_asked_anew()
        given_back = (
            Check("pages_given_back", asked_anew, limit=FEWEST_PAGES, direction=">=")
            if settings.allocator == "default"
            else Check("pages_given_back", asked_anew, limit=FEWEST_PAGES / 4, direction="<=")
        )
        return [
            finite("loss" if settings.phase == "train" else "output", loop.step()),
            Check("variables_not_set_at_the_start", float(missing), limit=0, direction="<="),
            given_back,
        ]

    return Workload(loop.step, check, items_per_step=settings.batch_size)


def _takes_the_threshold() -> bool:
    """Whether glibc takes what the variable says, which it is told once more; older ones stay at their default."""
    import ctypes

    return bool(ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, THRESHOLD_BYTES))


def _pages_asked_anew() -> float:
    """Return how many pages the kernel maps for a block of memory such as one that was freed a moment ago.

    The fewest of several: glibc first puts small rests aside, and what is freed is then a little too small to be taken again.
    """
    import resource

    import torch

    faults = []
    for _ in range(TRIES):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        torch.ones(BLOCK_BYTES, dtype=torch.uint8)
        faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    return float(min(faults))
