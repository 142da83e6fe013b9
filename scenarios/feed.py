"""Where a loop's batches come from, and how they get onto the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from scenarios import numerics

if TYPE_CHECKING:
    from torch import Tensor

    from benchsuite import Task
    from scenarios.loop import LoopSettings

Data: TypeAlias = Literal["fixed", "host", "resident", "images", "batched", "memory"]
HostMemory: TypeAlias = Literal["pageable", "pinned", "pinned-in-loop"]
CopyStream: TypeAlias = Literal["same", "side"]
Batch: TypeAlias = "tuple[Tensor, Tensor]"


class Feed(Protocol):
    """Hands out batches that lie on the device, as the model takes them."""

    @property
    def example(self) -> Batch:
        """A batch that is like all others; asking for it moves nothing on."""
        ...

    def next(self) -> Batch:
        """Return the next batch; after the last one the data starts over."""
        ...

    def restart(self) -> None:
        """Go back to the first batch."""
        ...

    def close(self) -> None:
        """Release what the feed holds, such as worker processes."""
        ...


def make_feed(settings: LoopSettings, task: Task) -> Feed:
    """Return the feed that these settings ask for."""
    inputs, target = (tensor.to(settings.device) for tensor in task.example_batch(settings.batch_size))
    return Fixed((placed(inputs, settings), target))


def placed(inputs: Tensor, settings: LoopSettings) -> Tensor:
    """Return inputs that lie on the device in the format and the layout that the model takes."""
    import torch

    inputs = numerics.as_input(inputs, settings.precision)
    if settings.channels_last and inputs.ndim == 4:  # noqa: PLR2004 - (N, C, H, W)
        return inputs.to(memory_format=torch.channels_last)
    return inputs


@dataclass(frozen=True, slots=True)
class Fixed:
    """One batch that lies on the device: nothing but the work itself is in the loop."""

    example: Batch

    def next(self) -> Batch:
        """Return the one batch."""
        return self.example

    def restart(self) -> None:
        """Do nothing: every batch is the first."""

    def close(self) -> None:
        """Do nothing: it holds no more than its batch."""
