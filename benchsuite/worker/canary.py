"""A fixed workload that takes its turn in every group: when its time moves, the machine moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchsuite.definition import scenario
from benchsuite.scenario import Check, Workload

if TYPE_CHECKING:
    from benchsuite.task import Task

SIDE = 384


@dataclass(frozen=True, slots=True)
class Settings:
    """It has none: it must stay the same for ever."""


@scenario(question="Did the machine itself change while it was measured?", variants=[Settings()])
def canary(_settings: Settings, _task: Task) -> Workload:
    """Multiply two matrices and copy the product: arithmetic and memory, about 2 ms on one core."""
    import torch

    left, right = torch.rand(SIDE, SIDE), torch.rand(SIDE, SIDE)
    copies = torch.empty(8, SIDE, SIDE)

    def step() -> None:
        copies.copy_((left @ right).expand(8, SIDE, SIDE))

    def check() -> list[Check]:
        reference = (left.double() @ right.double()).float()
        return [
            Check("largest deviation of the product", (copies[0] - reference).abs().max().item(), 1e-2, "<=")
        ]

    return Workload(step, check)
