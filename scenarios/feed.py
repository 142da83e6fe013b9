"""Where a loop's batches come from.

`fixed` is one batch on the device, `resident` are several. All others lie in host memory or are made
there (`scenarios.sources`), and each step copies its batch onto the device (`scenarios.copying`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from benchsuite import Skip
from scenarios import numerics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from benchsuite import Task
    from scenarios.loop import LoopSettings

Data: TypeAlias = Literal["fixed", "host", "resident", "images", "batched", "memory"]
HostMemory: TypeAlias = Literal["pageable", "pinned", "pinned-in-loop"]
CopyStream: TypeAlias = Literal["same", "side"]
Batch: TypeAlias = "tuple[Tensor, Tensor]"

NUM_BATCHES = 10
"""So many different batches are held by `host` and `resident`."""


class Feed(Protocol):
    """Hands out batches that lie on the device, as the model takes them."""

    @property
    def example(self) -> Batch:
        """A batch that is like all others; asking for it moves nothing on."""
        ...

    @property
    def waited_ns(self) -> int:
        """How long all calls of `next` together have waited for a batch in host memory, in ns."""
        ...

    def next(self) -> Batch:
        """Return the next batch; after the last one the data starts over.

        A batch counts until the next call: its memory may then be used again.
        """
        ...

    def restart(self, num_batches: int = 0) -> None:
        """Go back to the first batch; from there on an epoch has so many batches, 0: as many as there are."""
        ...

    def pause(self) -> None:
        """Stop the processes that prepare batches, until `resume`."""
        ...

    def resume(self) -> None:
        """Let the processes that prepare batches work on."""
        ...

    def close(self) -> None:
        """Release what the feed holds, such as worker processes."""
        ...


def make_feed(settings: LoopSettings, task: Task) -> Feed:
    """Return the feed that these settings ask for.

    Raises:
        Skip: the task lacks the data, or the device has no use for how it is to be copied.
    """
    from scenarios import copying, sources

    if settings.device == "cpu" and (settings.host_memory, settings.copy_stream) != ("pageable", "same"):
        raise Skip("pinned memory and copy streams serve copies to a GPU")
    if settings.data == "resident":
        return Batches([on_device(batch, settings) for batch in example_batches(settings, task)])
    example = on_device(example_of(task, settings.batch_size), settings)
    if settings.data == "fixed":
        return Fixed(example)
    return copying.make(sources.make_source(settings, task), settings, example)


def example_of(task: Task, size: int) -> Batch:
    """Return a batch in host memory, the same in each call even where the task draws it at random."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return task.example_batch(size)


def example_batches(settings: LoopSettings, task: Task) -> list[Batch]:
    """Return different batches in host memory; they are views of one block each for inputs and targets."""
    inputs, target = example_of(task, NUM_BATCHES * settings.batch_size)
    size = settings.batch_size
    return list(zip(inputs.split(size), target.split(size), strict=True))


def on_device(batch: Batch, settings: LoopSettings) -> Batch:
    """Return a batch on the device, as the model takes it."""
    inputs, target = (tensor.to(settings.device) for tensor in batch)
    return placed(inputs, settings), target


def placed(inputs: Tensor, settings: LoopSettings) -> Tensor:
    """Return inputs that lie on the device in the format and the layout that the model takes."""
    import torch

    inputs = numerics.as_input(inputs, settings.precision)
    if settings.channels_last and inputs.ndim == 4:  # noqa: PLR2004 - (N, C, H, W)
        return inputs.to(memory_format=torch.channels_last)
    return inputs


class Idle:
    """What has no processes has nothing to stop."""

    __slots__ = ()

    def pause(self) -> None:
        """Do nothing."""

    def resume(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing: all that it holds is memory."""


@dataclass(frozen=True, slots=True)
class Fixed(Idle):
    """One batch that lies on the device: nothing but the work itself is in the loop."""

    example: Batch
    waited_ns: int = 0

    def next(self) -> Batch:
        """Return the one batch."""
        return self.example

    def restart(self, num_batches: int = 0) -> None:
        """Do nothing: every batch is the first."""


class Batches(Idle):
    """Several batches, one after the other and over again: a feed, where they lie on the device."""

    waited_ns = 0

    def __init__(self, batches: Sequence[Batch]) -> None:
        """Take up at least one batch."""
        self.example = batches[0]
        self._batches = batches
        self._num_batches = len(batches)
        self._index = 0

    def next(self) -> Batch:
        """Return the next batch, itself and no copy."""
        batch = self._batches[self._index]
        self._index = (self._index + 1) % self._num_batches
        return batch

    def restart(self, num_batches: int = 0) -> None:
        """Go back to the first batch, and go through the first `num_batches` of them."""
        self._index = 0
        self._num_batches = num_batches or len(self._batches)
