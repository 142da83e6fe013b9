"""Does it pay to store images and activations channel by channel of each pixel, and not plane by plane?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from benchsuite import CUDA, Check, Device, Phase, Skip, Task, Workload, grid, scenario
from scenarios.loop import LoopSettings, make_loop, process_of
from scenarios.observe import outputs_of
from scenarios.parity import finite, same_progress

if TYPE_CHECKING:
    from torch import Tensor, nn

    from benchsuite.scenario import SettingValue
    from scenarios.loop import Loop

MemoryFormat: TypeAlias = Literal["contiguous", "channels_last"]

TOLERANCE = 1e-4
"""Largest relative error between the layouts: float32 sums in another order."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One order of (N, C, H, W) in memory, training or inferring, on one device."""

    memory_format: MemoryFormat = "contiguous"
    phase: Phase = "train"
    device: Device = "cpu"


def changes(settings: Settings) -> dict[str, SettingValue]:
    """Return what these settings change in the shared loop."""
    return {"channels_last": settings.memory_format == "channels_last"}


def loop_settings(settings: Settings) -> LoopSettings:
    """Return the loop that these settings stand for."""
    return LoopSettings(phase=settings.phase, device=settings.device).changed(changes(settings))


@scenario(
    question="Does channels_last pay?",
    variants=grid(
        Settings,
        device=["cpu", "cuda"],
        phase=["train", "infer"],
        memory_format=["contiguous", "channels_last"],
    ),
    compare="memory_format",
    within=("phase", "device"),
    requires=lambda s: [CUDA] if s.device == "cuda" else [],
    process=lambda s: process_of(loop_settings(s)),
    changes=changes,
)
def layout(settings: Settings, task: Task) -> Workload:
    """Run the loop with weights and inputs in one layout; activations follow them."""
    loop = make_loop(loop_settings(settings), task)
    if not convolutions(loop.model):
        raise Skip(f"task {task.name!r} has no Conv2d: channels_last orders the (N, C, H, W) of images")

    def check() -> list[Check]:
        name = "update" if settings.phase == "train" else "output"
        plain = make_loop(LoopSettings(phase=settings.phase, device=settings.device), task)
        return [
            finite("loss" if settings.phase == "train" else "output", loop.step()),
            in_layout(settings.memory_format, loop),
            same_progress(f"{name}_error_against_contiguous", loop, plain, task, TOLERANCE),
        ]

    return Workload(loop.step, check, items_per_step=loop_settings(settings).items_per_step)


def convolutions(model: nn.Module) -> list[nn.Module]:
    """Return the model's two-dimensional convolutions."""
    from torch import nn

    return [module for module in model.modules() if isinstance(module, nn.Conv2d)]


def in_layout(memory_format: MemoryFormat, loop: Loop) -> Check:
    """Run a step and return the check that its first convolution's output has this layout and not the other.

    The input would prove nothing: images of one channel are contiguous in both layouts.
    """
    outputs = outputs_of(convolutions(loop.model), loop.step)
    as_asked = bool(outputs) and layout_of(outputs[0]) == memory_format
    return Check(f"first_convolution_is_{memory_format}", float(as_asked), limit=1, direction=">=")


def layout_of(tensor: Tensor) -> MemoryFormat | Literal["both", "neither"]:
    """Return how (N, C, H, W) lies in memory; with one channel or one pixel the layouts are the same."""
    import torch

    plain = tensor.is_contiguous()
    channels_last = tensor.is_contiguous(memory_format=torch.channels_last)
    if plain and channels_last:
        return "both"
    if channels_last:
        return "channels_last"
    return "contiguous" if plain else "neither"
