"""One small step in several variants; where PLANTED is set, all but the first do what they should not."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

from benchsuite import Check, Workload, grid, scenario

Fault = Literal["none", "convolution", "item", "clone", "graph_break", "leak"]


@dataclass(frozen=True, slots=True)
class Settings:
    fault: Fault = "none"


@scenario(question="What was planted?", variants=grid(Settings, fault=list(Fault.__args__)), compare="fault")
def planted(settings, task):
    import torch

    fault = settings.fault if os.environ.get("PLANTED") else "none"
    convolution = torch.nn.Conv2d(1, 16, 5, padding=2)
    images = torch.ones(64, 1, 28, 28)
    kept = []

    def forward(inputs):
        output = convolution(inputs)
        if fault == "convolution":
            output = output + convolution(inputs)
        if fault == "graph_break":
            torch._dynamo.graph_break()
        return output.relu()

    # The cheap back end: graphs are captured and broken as by any other, but nothing is compiled.
    run = torch.compile(forward, backend="eager") if settings.fault == "graph_break" else forward

    def step():
        with torch.no_grad():
            output = run(images.clone() if fault == "clone" else images)
            if fault == "item":
                output[0, 0, 0, 0].item()
            if fault == "leak":
                kept.append(output[0].clone())

    return Workload(step, lambda: [Check("a fact", 1.0, 1.0, "<=")], items_per_step=64)
