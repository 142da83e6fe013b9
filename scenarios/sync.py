"""What does it cost to read the loss as a number while training, and how often may one look?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from benchsuite import CUDA, Check, Device, Task, Workload, grid, scenario
from scenarios.loop import LoopSettings, make_loop, process_of
from scenarios.parity import finite, fresh_weights, relative_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from benchsuite.scenario import SettingValue
    from scenarios.loop import Loop

Look: TypeAlias = Literal["never", "each-100-steps", "each-step"]
EVERY: Mapping[Look, int] = {"never": 0, "each-100-steps": 100, "each-step": 1}
NUM_STEPS = 3
TOLERANCE = 1e-4
"""Largest relative error of a loss: looking at it changes nothing, but a GPU may add up in another order."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How often the loss is looked at, on one device."""

    look: Look = "never"
    device: Device = "cpu"


def changes(settings: Settings) -> dict[str, SettingValue]:
    """Return what these settings change in the shared loop."""
    return {"look_every": EVERY[settings.look]}


def loop_settings(settings: Settings) -> LoopSettings:
    """Return the loop that these settings stand for."""
    return LoopSettings(device=settings.device).changed(changes(settings))


@scenario(
    question="What does looking at the loss cost?",
    variants=grid(Settings, device=["cpu", "cuda"], look=list(EVERY)),
    compare="look",
    within=("device",),
    requires=lambda s: [CUDA] if s.device == "cuda" else [],
    process=lambda s: process_of(loop_settings(s)),
    changes=changes,
)
def sync(settings: Settings, task: Task) -> Workload:
    """Train, and wait for the loss's value now and then, as a loop does that prints it or draws a bar."""
    loop = make_loop(loop_settings(settings), task)

    def check() -> list[Check]:
        plain = make_loop(LoopSettings(device=settings.device), task)
        expected = losses(plain, task)
        before = loop.looked.reads
        # The last of the steps is one whose turn it is.
        loop.looked.steps = -NUM_STEPS
        found = losses(loop, task)
        error = relative_error(found, expected)
        return [
            finite("loss", found[-1]),
            Check("loss_error_against_plain_loop", error, limit=TOLERANCE, direction="<="),
            *_looked(EVERY[settings.look], loop.looked.reads - before, loop.looked.last, found[-1]),
        ]

    return Workload(loop.step, check, items_per_step=loop_settings(settings).items_per_step)


def losses(loop: Loop, task: Task) -> list[Tensor]:
    """Return the losses of the loop's first steps from weights and a seed that every loop can share."""
    import torch

    loop.restart(fresh_weights(task))
    torch.manual_seed(0)
    return [loop.step() for _ in range(NUM_STEPS)]


def _looked(every: int, reads: int, number: float, loss: Tensor) -> list[Check]:
    """Return the checks that as many numbers were read as the settings say, and that the last is the last loss."""
    wanted = math.ceil(NUM_STEPS / every) if every else 0
    counted = Check("reads_too_many_or_too_few", float(abs(reads - wanted)), limit=0, direction="<=")
    if not every:
        return [counted]
    return [counted, Check("number_is_not_the_loss", float(number != loss.item()), limit=0, direction="<=")]
