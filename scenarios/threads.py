"""How many threads does a training step run best on, and how should they wait for one another?

The baseline is what a program does that sets nothing: one thread for each usable core, and libgomp's own wait policy. More threads
than cores are given all the cores there are.
"""

from __future__ import annotations

import math
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchsuite import Check, Requirement, Skip, Task, Workload, does_not_apply, grid, scenario
from benchsuite.environment import usable_cores
from scenarios.loop import WAIT_POLICIES, LoopSettings, make_loop, not_started_with, process_of
from scenarios.parity import finite, progress, relative_error

if TYPE_CHECKING:
    from torch import Tensor

    from benchsuite.scenario import SettingValue
    from scenarios.loop import WaitPolicy

CORES = len(usable_cores())
TOLERANCE = 1e-4
"""Largest relative error of parameter updates: several threads add up in another order than one."""


def thread_counts(cores: int) -> tuple[int, ...]:
    """Return the numbers of threads to compare, ascending.

    They are one, a power of two about the geometric middle, one for each core, and two for each core.
    """
    middle: int = 2 ** round(math.log2(cores) / 2)
    return tuple(sorted({1, middle, cores, 2 * cores}))


@dataclass(frozen=True, slots=True)
class Settings:
    """A number of threads, and what those do that wait: spin for a while or sleep."""

    num_threads: int = CORES
    wait_policy: WaitPolicy = "default"


def changes(settings: Settings) -> dict[str, SettingValue]:
    """Return what these settings change in the shared loop."""
    return {"threads": settings.num_threads, "wait_policy": settings.wait_policy}


def loop_settings(settings: Settings) -> LoopSettings:
    """Return the loop that these settings stand for."""
    return LoopSettings().changed(changes(settings))


def _requires(settings: Settings) -> list[Requirement]:
    if settings.wait_policy != "default" and sys.platform != "linux":
        return [
            does_not_apply("how long threads spin is set for GNU's OpenMP, which torch has on Linux only")
        ]
    return []


@scenario(
    question="How many threads are best, and what does oversubscription do?",
    variants=grid(Settings, num_threads=thread_counts(CORES))
    + grid(Settings, wait_policy=["short", "passive"])
    + grid(Settings, num_threads=[2 * CORES], wait_policy=["active"]),
    compare="num_threads",
    requires=_requires,
    process=lambda s: process_of(loop_settings(s)),
    changes=changes,
)
def threads(settings: Settings, task: Task) -> Workload:
    """Train with so many threads; the engine has set them, and their variables, for the whole process."""
    import torch

    if settings.wait_policy != "default" and not torch.backends.openmp.is_available():
        raise Skip("this torch was built without OpenMP")
    loop = make_loop(loop_settings(settings), task)

    def check() -> list[Check]:
        off_by = abs(torch.get_num_threads() - settings.num_threads)
        last = finite("loss", loop.step())
        error = relative_error(progress(loop, task), _with_one_thread(task))
        missing = (
            0 if settings.wait_policy == "default" else not_started_with(WAIT_POLICIES[settings.wait_policy])
        )
        return [
            last,
            Check("threads_off_by", float(off_by), limit=0, direction="<="),
            Check("update_error_against_one_thread", error, limit=TOLERANCE, direction="<="),
            Check("variables_not_set_at_the_start", float(missing), limit=0, direction="<="),
        ]

    return Workload(
        loop.step, check, items_per_step=loop_settings(settings).items_per_step, metrics=_threads_per_core()
    )


def _threads_per_core() -> dict[str, float]:
    import torch

    if not hasattr(os, "sched_getaffinity"):
        return {}
    return {"threads_per_core": torch.get_num_threads() / len(os.sched_getaffinity(0))}


def _with_one_thread(task: Task) -> list[Tensor]:
    """Return how far the plain loop's parameters move with one thread."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return progress(make_loop(LoopSettings(), task), task)
    finally:
        torch.set_num_threads(before)
