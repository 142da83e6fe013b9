"""Scenarios whose operators, FLOPs and synchronisations are known: what the operator pass is tried with."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass

from benchsuite import Check, Task, Workload, scenario


class NoTask(Task):
    name = "none"

    def make_model(self):
        raise NotImplementedError

    def example_batch(self, size):
        raise NotImplementedError


task = NoTask()
HOLDS = Check("a fact", 1.0, 1.0, "<=")


@dataclass(frozen=True, slots=True)
class Amount:
    rounds: int = 1


@scenario(question="Are products of two sizes told apart?", variants=[Amount()])
def shaped(settings, task):
    import torch

    square, thin = torch.ones(200, 200), torch.ones(200, 50)

    def step():
        for _ in range(settings.rounds):
            square @ square
        square @ thin

    return Workload(step, lambda: [HOLDS])


@scenario(question="Are convolutions and their gradients counted?", variants=[Amount()])
def convolved(settings, task):
    import torch

    layers = [torch.nn.Conv2d(1, 4, 3)]
    layers += [torch.nn.Conv2d(4, 4, 3) for _ in range(settings.rounds - 1)]
    model = torch.nn.Sequential(*layers)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    images = torch.ones(2, 1, 8, 8)

    def step():
        optimizer.zero_grad()
        model(images).sum().backward()
        optimizer.step()

    return Workload(step, lambda: [HOLDS])


@scenario(question="Is asking for a number seen?", variants=[Amount()])
def asking(settings, task):
    import torch

    values = torch.ones(4)

    def step():
        for _ in range(settings.rounds):
            values.sum().item()

    return Workload(step, lambda: [HOLDS])


@scenario(question="Is memory that a step holds seen?", variants=[Amount()])
def holding(settings, task):
    import torch

    def step():
        held = [torch.empty(2**18) for _ in range(settings.rounds)]
        del held

    return Workload(step, lambda: [HOLDS])


@scenario(question="Do the code's own warnings survive?", variants=[Amount()])
def warning(settings, task):
    import torch

    # Freed within the profiled steps, but allocated before them.
    kept = [torch.ones(1000) for _ in range(20)]

    def step():
        kept.pop()
        os.write(2, b"planted: from native code\n")
        warnings.warn("planted: from Python", stacklevel=1)

    return Workload(step, lambda: [HOLDS])
