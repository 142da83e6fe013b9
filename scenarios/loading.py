"""Batches of a DataLoader: loaded sample by sample or whole, in the loop's own process or by workers."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import warnings
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from multiprocessing.process import BaseProcess

    from torch import Tensor
    from torch.utils.data import DataLoader

    from benchsuite import Task
    from scenarios.feed import Batch
    from scenarios.loop import LoopSettings
    from scenarios.sources import Order

FORK = "fork" if sys.platform == "linux" else None
"""How loader workers start; None: as Python does by default.

A fork is ready in milliseconds, a fresh interpreter has to import torch first. It is safe although the
loop has run on several threads by then: a worker sets itself to one thread before its first operation,
so that it never waits for OpenMP threads that the fork has left behind, and it touches no GPU.
"""


class Whole:
    """A data set that is asked for whole batches: they are gathered and transformed in one piece."""

    def __init__(self, stored: Tensor, targets: Tensor, task: Task, *, augment: bool) -> None:
        """Take up inputs (N, ...) and targets (N,), as the task stores them."""
        self._stored = stored
        self._targets = targets
        self._task = task
        self._augment = augment

    def __getitem__(self, indices: list[int]) -> Batch:
        return self._task.transform(self._stored[indices], augment=self._augment), self._targets[indices]


class Loaded:
    """Batches of a DataLoader, whose workers start when the first batch is asked for."""

    def __init__(self, dataset: Any, order: Order, settings: LoopSettings) -> None:
        """Take up a data set of single samples, or one of whole batches."""
        self._order = order
        self._loader: DataLoader[Any] | None = _make_loader(dataset, order, settings)
        self._epoch: Iterator[Any] | None = None
        self._workers: list[BaseProcess] = []
        # A stopped process obeys no call to end: who forgets to close this must not wait for one for ever.
        weakref.finalize(self, _send, self._workers, signal.SIGCONT)

    def next(self) -> Batch:
        """Wait for the next batch; the first one of an epoch waits for the workers to start as well."""
        batch = None if self._epoch is None else next(self._epoch, None)
        if batch is None:
            batch = next(self._start_epoch())
        inputs, target = batch
        return inputs, target

    def restart(self, num_batches: int = 0) -> None:
        """Go back to the first epoch; workers end, unless they are persistent."""
        self.resume()
        self._epoch = None
        self._order.restart(num_batches)

    def pause(self) -> None:
        """Stop all workers where they are."""
        _send(self._workers, signal.SIGSTOP)

    def resume(self) -> None:
        """Let all workers go on where they were."""
        _send(self._workers, signal.SIGCONT)

    def close(self) -> None:
        """End all workers; there is no next batch."""
        self.resume()
        self._epoch = self._loader = None
        self._workers.clear()

    def _start_epoch(self) -> Iterator[Any]:
        if self._loader is None:
            raise RuntimeError("this feed is closed")
        # The old epoch's workers end before the new one's start.
        self._epoch = None
        before = multiprocessing.active_children()
        with _any_number_of_workers():
            self._epoch = iter(self._loader)
        # Persistent workers are there already.
        if started := [child for child in multiprocessing.active_children() if child not in before]:
            self._workers[:] = started
        return self._epoch


def _send(workers: Iterable[BaseProcess], number: int) -> None:
    for worker in workers:
        if worker.pid is not None and worker.is_alive():
            os.kill(worker.pid, number)


def _make_loader(dataset: Any, order: Order, settings: LoopSettings) -> DataLoader[Any]:
    import torch
    from torch.utils.data import DataLoader

    options: dict[str, Any] = {"batch_sampler": order}
    if isinstance(dataset, Whole):
        options = {"sampler": order, "batch_size": None}
    if settings.workers:
        options |= {
            "num_workers": settings.workers,
            "persistent_workers": settings.persistent_workers,
            "prefetch_factor": settings.prefetch_factor,
            "multiprocessing_context": FORK,
        }
    with _any_number_of_workers():
        return DataLoader(
            dataset,
            pin_memory=settings.host_memory == "pinned",
            # Of its own: by default each epoch draws the workers' seeds from the one that the model draws from.
            generator=torch.Generator().manual_seed(torch.initial_seed()),
            **options,
        )


@contextlib.contextmanager
def _any_number_of_workers() -> Iterator[None]:
    """Hide the warning about more workers than cores: whether they pay is what is asked."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="This DataLoader will create")
        yield
