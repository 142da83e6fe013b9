"""Batches in host memory: a list of them, a DataLoader's, or gathered from tensors of the whole set.

What is drawn from a data set comes in the same seeded order whatever draws it, in another order each
epoch. What does not fill a batch at the end of an epoch is left out: one ragged batch would be
compiled for anew, and would count as a short step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from benchsuite import Skip, demand
from scenarios.feed import Batches, Idle, example_batches
from scenarios.loading import Loaded, Whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from benchsuite import Task
    from scenarios.feed import Batch
    from scenarios.loop import LoopSettings


class Source(Protocol):
    """Hands out batches that lie in host memory; see `Feed` for what the methods mean."""

    def next(self) -> Batch:
        """Return the next batch."""
        ...

    def restart(self, num_batches: int = 0) -> None:
        """Go back to the first batch of the first epoch."""
        ...

    def pause(self) -> None:
        """Stop the source's processes."""
        ...

    def resume(self) -> None:
        """Let the source's processes work on."""
        ...

    def close(self) -> None:
        """End the source's processes."""
        ...


def make_source(settings: LoopSettings, task: Task) -> Source:
    """Return the source that these settings ask for; nothing is loaded and no process started yet.

    Raises:
        Skip: the task lacks the data, or has less than one batch of it.
    """
    if settings.persistent_workers and not settings.workers:
        raise Skip("there are no workers that could be kept from epoch to epoch")
    if settings.data == "host":
        batches = example_batches(settings, task)
        pinned = settings.host_memory == "pinned"
        return Batches([(i.pin_memory(), t.pin_memory()) for i, t in batches] if pinned else batches)
    if settings.data == "images":
        demand(task, "augmented" if settings.augment else "dataset")
        images: Any = task.augmented("train") if settings.augment else task.dataset("train")
        return Loaded(images, Order(len(images), settings.batch_size, task.name), settings)
    demand(task, "tensors", "transform")
    stored, targets = task.tensors("train")
    order = Order(len(stored), settings.batch_size, task.name)
    if settings.data == "batched":
        return Loaded(Whole(stored, targets, task, augment=settings.augment), order, settings)
    return Gathered(stored, targets, task, order, settings)


class Order:
    """The seeded order in which a data set is gone through: lists of indices, one a batch."""

    def __init__(self, num_samples: int, batch_size: int, name: str = "this task") -> None:
        """Take torch's seed, the trial's, as the order's: another repetition sees another order.

        Raises:
            Skip: there are too few samples to fill a batch.
        """
        import torch

        if num_samples < batch_size:
            raise Skip(f"{name!r} has {num_samples} training samples, less than one batch of {batch_size}")
        self._num_samples = num_samples
        self._batch_size = batch_size
        self._seed = torch.initial_seed()
        self._generator = torch.Generator()
        self.restart()

    def restart(self, num_batches: int = 0) -> None:
        """Go back to the first epoch's order; epochs end after so many batches, 0: when no full one is left."""
        self._generator.manual_seed(self._seed)
        self._num_batches = num_batches or self._num_samples // self._batch_size

    def epoch(self) -> Tensor:
        """Draw the next epoch: indices (batches, batch size), none of them twice."""
        import torch

        indices = torch.randperm(self._num_samples, generator=self._generator)
        return indices[: self._num_batches * self._batch_size].view(self._num_batches, self._batch_size)

    def __len__(self) -> int:
        return self._num_batches

    def __iter__(self) -> Iterator[list[int]]:
        for indices in self.epoch():
            yield indices.tolist()


class Gathered(Idle):
    """Batches gathered from tensors of the whole set, without a DataLoader.

    The set is transformed once, when this is made; with augmentation each batch is, when it is gathered.
    """

    def __init__(
        self, stored: Tensor, targets: Tensor, task: Task, order: Order, settings: LoopSettings
    ) -> None:
        """Take up inputs (N, ...) and targets (N,), as the task stores them."""
        self._inputs = stored if settings.augment else task.transform(stored, augment=False)
        self._targets = targets
        self._transform = task.transform if settings.augment else None
        self._pins = settings.host_memory == "pinned"
        self._order = order
        self._epoch: Iterator[Tensor] = iter(())

    def next(self) -> Batch:
        """Gather the next batch, into pinned memory if that is asked for."""
        indices = next(self._epoch, None)
        if indices is None:
            self._epoch = iter(self._order.epoch())
            indices = next(self._epoch)
        if self._transform is None:
            return self._gathered(self._inputs, indices), self._gathered(self._targets, indices)
        inputs = self._transform(self._inputs[indices], augment=True)
        return (inputs.pin_memory() if self._pins else inputs), self._gathered(self._targets, indices)

    def restart(self, num_batches: int = 0) -> None:
        """Go back to the first epoch."""
        self._order.restart(num_batches)
        self._epoch = iter(())

    def _gathered(self, whole: Tensor, indices: Tensor) -> Tensor:
        import torch

        shape = (len(indices), *whole.shape[1:])
        # torch's allocator hands pinned memory out again only when copies from it are done.
        batch = torch.empty(shape, dtype=whole.dtype, pin_memory=self._pins)
        return torch.index_select(whole, 0, indices, out=batch)
