"""What do the settings that have won bring together, on top of the loop that everybody writes first?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchsuite import CUDA, CXX_COMPILER, Check, Requirement, Task, Workload, does_not_apply, scenario
from scenarios.loop import LoopSettings, make_loop, process_of
from scenarios.parity import finite, same_progress
from scenarios.waiting import Watch

if TYPE_CHECKING:
    from scenarios.feed import Data
    from scenarios.loop import Allocator, WaitPolicy

TOLERANCE = 1e-3
"""Largest relative error of parameter updates: float32 operations in another order and fusion."""
ROUNDED_TOLERANCE = 0.1
"""The same where products are rounded to 16 or 19 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(LoopSettings):
    """The reference loop: a DataLoader that decodes and transforms image by image, in the loop's own process.

    Threads and memory are as they are where nothing is set, as those of such a loop would be.
    """

    data: Data = "images"
    wait_policy: WaitPolicy = "default"
    allocator: Allocator = "default"


def requires(settings: Settings) -> list[Requirement]:
    """Return what a combination needs; one whose settings do not go together is never run."""
    found = [does_not_apply(settings.conflict)] if settings.conflict else []
    found += [CUDA] if settings.device == "cuda" else []
    return found + ([CXX_COMPILER] if settings.compile_mode != "eager" else [])


@scenario(
    question="What do the settings that pay bring together?",
    variants=[Settings(device="cpu"), Settings(device="cuda")],
    compare="data",
    within=("phase", "device"),
    metric="throughput",
    answer="stack",
    requires=requires,
    process=process_of,
    combines=True,
)
def stack(settings: Settings, task: Task) -> Workload:
    """Train with the reference DataLoader loop, changed by the winners of the other scenarios."""
    loop = make_loop(settings, task)
    watch = Watch(loop.feed)
    metrics: dict[str, float] = {}

    def check() -> list[Check]:
        metrics["data_wait_share"] = watch.data_wait_share
        last = finite("loss", loop.step())
        plain = make_loop(_plain(settings), task)
        limit = TOLERANCE if settings.precision == "fp32" else ROUNDED_TOLERANCE
        name, steps_of_a_call = "update_error_against_plain_loop", max(1, settings.graph_steps)
        same = same_progress(name, loop, plain, task, limit, steps_of_a_call)
        plain.feed.close()
        return [last, same]

    return Workload(
        loop.step,
        check,
        metrics=metrics,
        items_per_step=settings.items_per_step,
        pause=watch.pause,
        resume=watch.resume,
        close=loop.feed.close,
    )


def _plain(settings: Settings) -> LoopSettings:
    """Return the loop that does the same work on the same data, with none of the other changes."""
    return LoopSettings(
        device=settings.device,
        batch_size=settings.batch_size,
        data=settings.data,
        augment=settings.augment,
        optimizer=settings.optimizer,
        weight_decay=settings.weight_decay,
    )
