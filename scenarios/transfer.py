"""How does a batch get onto the GPU fastest: from pinned memory, without waiting, on a stream of its own?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from benchsuite import CUDA, Check, Device, Task, Workload, grid, scenario
from scenarios.copying import Copied
from scenarios.feed import example_batches
from scenarios.loop import LoopSettings, make_loop, process_of
from scenarios.parity import finite, relative_error, same_progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from benchsuite.scenario import SettingValue
    from scenarios.feed import Batch, CopyStream, Feed, HostMemory

Data: TypeAlias = Literal["host", "resident"]
Steps: TypeAlias = Literal["eager", "captured"]

TOLERANCE = 1e-4
"""Largest relative error of the updates: a GPU adds up in another order each time."""
CHECKSUM_TOLERANCE = 1e-9
"""Largest relative error of a checksum: float64 sums in another order."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One way of copying, or none at all, to a training whose steps are eager or captured in a CUDA graph."""

    data: Data = "host"
    host_memory: HostMemory = "pageable"
    non_blocking: bool = False
    """From pageable memory CUDA lets the host wait all the same, without a word."""
    copy_stream: CopyStream = "same"
    steps: Steps = "eager"
    device: Device = "cpu"


def changes(settings: Settings) -> dict[str, SettingValue]:
    """Return what these settings change in the shared loop."""
    return {
        "data": settings.data,
        "host_memory": settings.host_memory,
        "non_blocking": settings.non_blocking,
        "copy_stream": settings.copy_stream,
    }


def loop_settings(settings: Settings) -> LoopSettings:
    """Return the loop that these settings stand for."""
    graph_steps = 1 if settings.steps == "captured" else 0
    return LoopSettings(device=settings.device, graph_steps=graph_steps).changed(changes(settings))


@scenario(
    question="Do pinned memory, non-blocking copies and a copy stream pay?",
    variants=(
        *grid(Settings, data=["host", "resident"]),
        *grid(
            Settings,
            device=["cuda"],
            steps=["eager", "captured"],
            host_memory=["pageable", "pinned", "pinned-in-loop"],
            non_blocking=[False, True],
            copy_stream=["same", "side"],
        ),
        *grid(Settings, device=["cuda"], steps=["eager", "captured"], data=["resident"]),
    ),
    compare="data",
    within=("steps", "device"),
    requires=lambda s: [CUDA] if s.device == "cuda" else [],
    process=lambda s: process_of(loop_settings(s)),
    changes=changes,
)
def transfer(settings: Settings, task: Task) -> Workload:
    """Train on batches that lie in host memory, each copied for its step, or on the device already.

    On a CPU, where nothing has to be moved, a batch is copied into fresh memory.
    """
    loop = make_loop(loop_settings(settings), task)
    host = example_batches(loop_settings(settings), task)

    def check() -> list[Check]:
        last = finite("loss", loop.step())
        plain = make_loop(LoopSettings(device=settings.device, data="host"), task)
        return [
            last,
            wrong_batches(loop.feed, host),
            *_pinned(loop.feed, settings),
            same_progress("update_error_against_plain_loop", loop, plain, task, TOLERANCE),
        ]

    items = loop_settings(settings).items_per_step
    return Workload(loop.step, check, items_per_step=items, close=loop.feed.close)


def wrong_batches(feed: Feed, host: Sequence[Batch]) -> Check:
    """Return the check that each batch reaches the device as it lies in host memory.

    Twice as many are looked at as there are, and no sum is read before the last was asked for: nothing
    but the feed's own waits may keep copies and sums apart.
    """
    feed.restart()
    sums = [checksum(feed.next()) for _ in range(2 * len(host))]
    expected = [checksum(batch) for batch in host]
    pairs = zip(sums, expected + expected, strict=True)
    errors = [relative_error([total.cpu() for total in found], wanted) for found, wanted in pairs]
    # A NaN is no match either.
    wrong = sum(not error <= CHECKSUM_TOLERANCE for error in errors)
    return Check("batches_with_another_checksum", wrong, limit=0, direction="<=")


def checksum(batch: Batch) -> list[Tensor]:
    """Return the sums of inputs and targets, on the batch's own device and without waiting for it."""
    return [tensor.double().sum() for tensor in batch]


def _pinned(feed: Feed, settings: Settings) -> list[Check]:
    """Return the check that copies read the kind of memory that the settings name."""
    if not isinstance(feed, Copied):
        return []
    pinned = float(all(tensor.is_pinned() for tensor in feed.in_host_memory()))
    if settings.host_memory == "pageable":
        return [Check("copied_from_pinned_memory", pinned, limit=0, direction="<=")]
    return [Check("copied_from_pinned_memory", pinned, limit=1, direction=">=")]
