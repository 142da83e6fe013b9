"""What does it cost to draw batches from a data set, and what makes it cheaper?"""

from __future__ import annotations

import dataclasses
import multiprocessing
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from benchsuite import CUDA, Check, Device, Task, Workload, demand, grid, scenario
from scenarios.feed import Batches
from scenarios.loop import Loop, LoopSettings, make_loop, process_of
from scenarios.parity import finite, relative_error, same_progress
from scenarios.sources import Order
from scenarios.steps import training_step
from scenarios.waiting import Watch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from benchsuite.scenario import SettingValue
    from scenarios.feed import Batch, Feed

Pipeline: TypeAlias = Literal["images", "batched", "memory"]

TOLERANCE = 1e-5
"""Largest relative error of inputs that are transformed together, and of what they train."""
NUM_STEPS = 3
"""So many steps are compared; they may reach into the third epoch of a small set."""
DEVICES: tuple[Device, ...] = ("cpu", "cuda")
NUM_CHECKED = 4
"""So many batches are compared with the data set, sample by sample."""
UNCHANGED_LIMIT = 0.1
"""Chance may leave this share of the augmented samples as they were."""
EXCESS_LIMIT = 0.5
"""Augmented values may leave the plain ones' range by this part of it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One input pipeline, with or without augmentation, feeding the training on one device."""

    pipeline: Pipeline = "images"
    """A DataLoader over single images, one that is asked for whole batches, or tensors held in memory."""
    workers: int = 0
    persistent_workers: bool = False
    prefetch_factor: int = 2
    augment: bool = False
    device: Device = "cpu"


def changes(settings: Settings) -> dict[str, SettingValue]:
    """Return what these settings change in the shared loop."""
    return {
        "data": settings.pipeline,
        "workers": settings.workers,
        "persistent_workers": settings.persistent_workers,
        "prefetch_factor": settings.prefetch_factor,
    }


def loop_settings(settings: Settings) -> LoopSettings:
    """Return the loop that these settings stand for."""
    return LoopSettings(device=settings.device, augment=settings.augment).changed(changes(settings))


@scenario(
    question="What does the input pipeline cost?",
    variants=grid(Settings, device=DEVICES, pipeline=["images", "batched", "memory"])
    + grid(Settings, device=DEVICES, workers=[1, 2, 4])
    + grid(Settings, device=DEVICES, workers=[2], persistent_workers=[True])
    + grid(Settings, device=DEVICES, workers=[2], prefetch_factor=[4])
    + grid(Settings, device=DEVICES, augment=[True], pipeline=["images", "batched", "memory"])
    + grid(Settings, device=DEVICES, augment=[True], workers=[2]),
    compare="pipeline",
    within=("augment", "device"),
    requires=lambda s: [CUDA] if s.device == "cuda" else [],
    process=lambda s: process_of(loop_settings(s)),
    changes=changes,
)
def loader(settings: Settings, task: Task) -> Workload:
    """Train on shuffled batches of the training images; workers start in the first step."""
    import torch

    demand(task, "loss", "dataset")
    loop = make_loop(loop_settings(settings), task)
    dataset: Any = task.dataset("train")
    order = Order(len(dataset), loop_settings(settings).batch_size, task.name)
    watch = Watch(loop.feed)

    def check() -> list[Check]:
        metrics["data_wait_share"] = watch.data_wait_share
        metrics["epoch_steps"] = float(len(order))
        metrics["worker_memory"] = worker_memory_bytes()
        checks = [finite("loss", loop.step())]
        indices = order.epoch()
        repeated = indices.numel() - len(indices.unique())
        checks.append(Check("repeated_samples", repeated, limit=0, direction="<="))
        expected = drawn(task, indices[:NUM_CHECKED])
        found, metrics["epoch_start_time"] = first_batches(loop.feed, len(expected))
        checks += same_samples(found, expected) if not settings.augment else varied_samples(found, expected)
        if settings.augment:
            again, _ = first_batches(loop.feed, 1)
            share = unchanged_share(again[0][0], found[0][0])
            return [*checks, Check("repeated_augmentations", share, limit=UNCHANGED_LIMIT, direction="<=")]
        plain = _plain(
            drawn(task, torch.cat([indices, order.epoch(), order.epoch()])[:NUM_STEPS]), settings, task
        )
        return [*checks, same_progress("update_error_against_plain_loop", loop, plain, task, TOLERANCE)]

    metrics: dict[str, float] = {}
    items = loop_settings(settings).items_per_step
    return Workload(
        loop.step,
        check,
        items_per_step=items,
        metrics=metrics,
        pause=watch.pause,
        resume=watch.resume,
        close=loop.feed.close,
    )


def worker_memory_bytes() -> float:
    """Return the memory that this process's workers share with no other process, in bytes; 0 off Linux.

    Their resident set would count the pages again that a fork shares with its parent.
    """
    total_kib = 0
    for child in multiprocessing.active_children():
        rollup = Path(f"/proc/{child.pid}/smaps_rollup")
        if rollup.exists():
            lines = rollup.read_text(encoding="ascii").splitlines()
            total_kib += sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
    return float(total_kib * 1024)


def drawn(task: Task, indices: Tensor) -> list[Batch]:
    """Return the data set's own samples, one by one, for indices (batches, batch size)."""
    from torch.utils.data import default_collate

    dataset = task.dataset("train")
    return [tuple(default_collate([dataset[index] for index in row])) for row in indices.tolist()]


def first_batches(feed: Feed, number: int) -> tuple[list[Batch], float]:
    """Return an epoch of so many batches, on the CPU, and the ns from its end to the next one's first batch.

    That is what any epoch but the first costs before it begins: ending and starting workers, unless
    they are persistent, and loading a batch that nobody has prefetched.
    """
    feed.restart(number)
    feed.resume()
    found = [(inputs.cpu(), target.cpu()) for inputs, target in (feed.next() for _ in range(number))]
    began_ns = perf_counter_ns()
    feed.next()
    return found, float(perf_counter_ns() - began_ns)


def same_samples(found: Sequence[Batch], expected: Sequence[Batch]) -> list[Check]:
    """Return the checks that batches hold exactly these samples, and all as many of them."""
    return [
        _shapes(found, expected),
        _error("input_error_against_dataset", found, expected, 0),
        _error("target_error_against_dataset", found, expected, 1),
    ]


def varied_samples(found: Sequence[Batch], expected: Sequence[Batch]) -> list[Check]:
    """Return the checks that batches hold variations of these samples, with the samples' targets."""
    low = min(inputs.min().item() for inputs, _ in expected)
    high = max(inputs.max().item() for inputs, _ in expected)
    beyond = max(max(low - inputs.min().item(), inputs.max().item() - high) for inputs, _ in found)
    shares = [unchanged_share(a, b) for (a, _), (b, _) in zip(found, expected, strict=True)]
    return [
        _shapes(found, expected),
        _error("target_error_against_dataset", found, expected, 1),
        Check("unchanged_samples", max(shares), limit=UNCHANGED_LIMIT, direction="<="),
        Check("values_beyond_range", beyond / ((high - low) or 1), limit=EXCESS_LIMIT, direction="<="),
    ]


def unchanged_share(inputs: Tensor, others: Tensor) -> float:
    """Return which share of the samples is equal in both batches."""
    if inputs.shape != others.shape:
        return 0.0
    return (inputs == others).flatten(1).all(1).double().mean().item()


def _shapes(found: Sequence[Batch], expected: Sequence[Batch]) -> Check:
    wrong = sum(
        inputs.shape != expected[0][0].shape or target.shape != expected[0][1].shape
        for inputs, target in found
    )
    return Check("batches_of_another_shape", wrong, limit=0, direction="<=")


def _error(name: str, found: Sequence[Batch], expected: Sequence[Batch], which: int) -> Check:
    pairs = [(a[which], b[which]) for a, b in zip(found, expected, strict=True)]
    alike = all(a.shape == b.shape for a, b in pairs)
    error = relative_error([a for a, _ in pairs], [b for _, b in pairs]) if alike else float("inf")
    return Check(name, error, limit=TOLERANCE, direction="<=")


def _plain(batches: Sequence[Batch], settings: Settings, task: Task) -> Loop:
    """Return a loop over these batches that has no pipeline at all."""
    plain = make_loop(LoopSettings(device=settings.device), task)
    feed = Batches([(i.to(settings.device), t.to(settings.device)) for i, t in batches])
    train = training_step(task, plain.model, plain.optimizers, LoopSettings(device=settings.device))
    return dataclasses.replace(plain, step=lambda: train(*feed.next()), feed=feed)
