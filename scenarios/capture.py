"""Training steps captured into a CUDA graph, fed with fresh data before each replay.

What a graph does is fixed: it reads and writes the addresses that it was captured with. Parameters, buffers
and optimizer state may be overwritten in place between replays, never replaced.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

WARMUP_STEPS = 3
"""Steps on a side stream before capturing, as torch.cuda.graph asks for; the parameters move in them."""


class Replays(Protocol):
    """What has been captured: a torch.cuda.CUDAGraph."""

    def replay(self) -> None:
        """Launch all of it, on the current stream."""
        ...


@dataclass(frozen=True, slots=True)
class Graph:
    """Captured training steps and the buffers that they read from."""

    graph: Replays
    inputs: tuple[Tensor, ...]
    targets: tuple[Tensor, ...]
    loss: Tensor
    """Of the last captured step; overwritten by each replay."""

    def step(self, next_batch: Callable[[], tuple[Tensor, Tensor]]) -> Tensor:
        """Copy a fresh batch into each buffer, replay the graph, and return the last loss.

        Copies and replay go to the current stream, one after the other: no replay reads a buffer before its
        batch is there, and no copy overwrites one that the last replay still reads.
        """
        for static_inputs, static_target in zip(self.inputs, self.targets, strict=True):
            inputs, target = next_batch()
            static_inputs.copy_(inputs)
            static_target.copy_(target)
        self.graph.replay()
        return self.loss


def capture(
    train: Callable[[Tensor, Tensor], Tensor], inputs: Tensor, target: Tensor, num_steps: int
) -> Graph:
    """Capture so many training steps into one graph; each reads a batch of its own.

    Args:
        train: does one optimizer step; begins by freeing or zeroing the gradients, so that nothing of the
            warm-up is captured, and asks for no number.
        inputs: an example batch, on the device.
        target: its targets.
        num_steps: steps of one replay.
    """
    import torch

    batches = [(inputs.clone(), target.clone()) for _ in range(num_steps)]
    # Whatever is made once and lazily, on a stream of its own: cuBLAS and cuDNN handles, compiled kernels, momentum.
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARMUP_STEPS):
            train(*batches[0])
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    # "global" would have a data loader's pinning thread, which calls CUDA when it likes, spoil the capture.
    with torch.cuda.graph(graph, stream=side, capture_error_mode="thread_local"):
        for batch in batches:
            loss = train(*batch)
    return Graph(graph, tuple(b[0] for b in batches), tuple(b[1] for b in batches), loss)
