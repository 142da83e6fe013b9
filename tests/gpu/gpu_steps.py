"""Steps whose work on a GPU is known."""

from __future__ import annotations

import torch

SIDE = 8192
NUM_KERNELS = 7


def product():
    """One product of two large matrices: about a millisecond in one kernel.

    Of zeros: random values draw so much power that the clock goes down within milliseconds.
    """
    left, right = (torch.zeros(SIDE, SIDE, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    out = torch.empty_like(left)
    return lambda: torch.mm(left, right, out=out)


def training(**changes):
    """The shared training step on a GPU."""
    from scenarios.loop import LoopSettings, make_loop
    from scenarios.mnist import MnistTask

    return make_loop(LoopSettings(device="cuda", **changes), MnistTask()).step


def kernels(size=1000):
    """Seven kernels, one after the other."""
    held = torch.zeros(size, device="cuda")

    def step():
        for _ in range(NUM_KERNELS):
            held.add_(1)

    return step


def captured_kernels():
    """Seven kernels, in one graph."""
    step = kernels()
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


STEPS = {
    "product": product,
    "large training": lambda: training(batch_size=8192),
    "ten captured trainings": lambda: training(graph_steps=10),
    "eager training": training,
}
LARGE_OR_CAPTURED = tuple(STEPS)[:3]
