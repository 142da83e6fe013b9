"""Training steps captured into a CUDA graph, fed with fresh data before each replay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import Tensor

WARMUP_STEPS = 3
"""Steps on a side stream before capturing, as torch.cuda.graph asks for."""


@dataclass(frozen=True, slots=True)
class Graph:
    """Captured training steps and the buffers that they read from."""

    graph: torch.cuda.CUDAGraph
    inputs: tuple[Tensor, ...]
    targets: tuple[Tensor, ...]
    loss: Tensor
    """Of the last captured step; overwritten by each replay."""

    def step(self, next_batch: Callable[[], tuple[Tensor, Tensor]]) -> Tensor:
        """Copy a fresh batch into each buffer, replay the graph, and return the last loss."""
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
        train: does one optimizer step.
        inputs: an example batch, on the device.
        target: its targets.
        num_steps: steps of one replay.
    """
    import torch

    batches = [(inputs.clone(), target.clone()) for _ in range(num_steps)]
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARMUP_STEPS):
            train(*batches[0])
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for batch in batches:
            loss = train(*batch)
    return Graph(graph, tuple(b[0] for b in batches), tuple(b[1] for b in batches), loss)
