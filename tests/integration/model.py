"""One training step of a small network: what the changes of `test_blame.py` are planted in."""

import time
from dataclasses import dataclass

import torch

from benchsuite import Check, Workload, scenario


@dataclass(frozen=True, slots=True)
class Settings:
    hidden: int = 64


class Net(torch.nn.Module):
    def __init__(self, hidden=64):
        super().__init__()
        self.convolution = torch.nn.Conv2d(1, 8, 5)
        self.hidden = torch.nn.Linear(8 * 12 * 12, hidden)
        self.output = torch.nn.Linear(hidden, 10)

    def forward(self, inputs):
        features = self.convolution(inputs)
        features = torch.nn.functional.max_pool2d(features.relu(), 2)
        return self.output(self.hidden(features.flatten(1)).relu())


def prepare(count):
    started = time.monotonic()
    return started, count


@scenario(question="What was planted?", variants=[Settings()])
def planted(settings, task):
    net = Net()
    images, labels = torch.ones(16, 1, 28, 28), torch.zeros(16, dtype=torch.long)
    scalars = list(torch.ones(1000))
    kept = []
    optimizer = torch.optim.Adam(net.parameters(), fused=True)

    def step():
        prepare(10)
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()

    return Workload(step, lambda: [Check("held", float(len(kept) + len(scalars)), 1000.0, ">=")])
