"""A busy neighbour for the gate's self-test: trains a small network on one thread until it is ended.

`python -m benchsuite.worker.neighbour PARENT` writes a line to stdout once it is busy, and ends with the process PARENT.
"""

from __future__ import annotations

import os
import sys

import torch
from torch import nn

from benchsuite.worker import process

BATCH = 32


def main(parent: int) -> None:
    """Train for ever, or for as long as the parent lives."""
    process.die_with(parent)
    torch.set_num_threads(1)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 12 * 12, 10)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    inputs, target = torch.rand(BATCH, 1, 28, 28), torch.arange(BATCH) % 10
    busy = False
    while os.getppid() == parent:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs), target).backward()
        optimizer.step()
        if not busy:
            os.write(1, b"busy\n")
            busy = True


if __name__ == "__main__":
    main(int(sys.argv[1]))
