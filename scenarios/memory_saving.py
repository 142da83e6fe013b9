"""Which technique lowers the peak memory of a training step, and how much time does it take for that?

What a technique can save depends on what stands at the peak. Checkpointing drops what lies inside the
blocks that have been left: where one block's activations are the peak by themselves, as the first
one's of the default model are, nothing is won.

glibc gives large blocks back when they are freed, so memory that a technique saves is also time. That is part of the answer:
memory is not kept here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from benchsuite import CUDA, Check, Device, Task, Workload, grid, scenario
from scenarios.loop import LoopSettings, make_loop, process_of
from scenarios.observe import operators_of
from scenarios.parity import finite, same_progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

    from benchsuite.scenario import SettingValue
    from scenarios.loop import Loop

Technique: TypeAlias = Literal[
    "plain", "kept-gradients", "micro-batches", "checkpointing", "optimizer-in-backward"
]

MICRO_BATCHES = 4
CHANGES: Mapping[Technique, Mapping[str, SettingValue]] = {
    "plain": {},
    "kept-gradients": {"set_to_none": False},
    "micro-batches": {"micro_batches": MICRO_BATCHES},
    "checkpointing": {"checkpointing": True},
    "optimizer-in-backward": {"optimizer_in_backward": True},
}
"""What each changes in the loop; kept gradients, overwritten by zeros in each step, are what freeing them saves."""
TOLERANCE = 1e-4
"""Largest relative error of parameter updates: the sum over a batch's parts rounds elsewhere."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One technique, training on one device; the batch is large enough for activations to be the peak."""

    technique: Technique = "plain"
    batch_size: int = 512
    device: Device = "cpu"


def changes(settings: Settings) -> dict[str, SettingValue]:
    """Return what these settings change in the shared loop."""
    return dict(CHANGES[settings.technique])


def loop_settings(settings: Settings) -> LoopSettings:
    """Return the loop that these settings stand for."""
    plain = LoopSettings(device=settings.device, batch_size=settings.batch_size, allocator="default")
    return plain.changed(changes(settings))


@scenario(
    question="What lowers the peak memory, and at what price?",
    variants=grid(Settings, device=["cpu", "cuda"], technique=list(CHANGES)),
    compare="technique",
    within=("device",),
    answer="trade_off",
    requires=lambda s: [CUDA] if s.device == "cuda" else [],
    process=lambda s: process_of(loop_settings(s)),
    changes=changes,
)
def memory_saving(settings: Settings, task: Task) -> Workload:
    """Train on one fixed batch with the technique; the engine's memory pass reads the peak."""
    loop = make_loop(loop_settings(settings), task)

    def check() -> list[Check]:
        plain = make_loop(LoopSettings(device=settings.device, batch_size=settings.batch_size), task)
        return [
            finite("loss", loop.step()),
            *_acts(loop, plain, settings),
            same_progress("update_error_against_plain_loop", loop, plain, task, TOLERANCE),
        ]

    return Workload(loop.step, check, items_per_step=settings.batch_size)


@dataclass(frozen=True, slots=True)
class Observed:
    """What one step of a loop did, in numbers of forward passes and of gradients."""

    forward_passes: int
    held_in_forward: int
    """Gradients that were there when the first forward pass began."""
    nonzero_in_forward: int
    held_after: int
    """Gradients that were there after the step."""


def observed(loop: Loop) -> Observed:
    """Run two steps and say what the second one did with the gradients of the first."""
    loop.step()
    held: list[int] = []
    nonzero: list[int] = []

    def note(*_: object) -> None:
        held.append(sum(1 for _ in _gradients(loop)))
        nonzero.append(sum(bool(gradient.any()) for gradient in _gradients(loop)))

    handle = loop.model.register_forward_pre_hook(note)
    try:
        loop.step()
    finally:
        handle.remove()
    return Observed(len(held), held[0], nonzero[0], sum(1 for _ in _gradients(loop)))


def _gradients(loop: Loop) -> Iterator[Tensor]:
    return (parameter.grad for parameter in loop.model.parameters() if parameter.grad is not None)


def _acts(loop: Loop, plain: Loop, settings: Settings) -> list[Check]:
    """Return the checks that the technique is in use, and no other one."""
    seen = observed(loop)
    if settings.technique == "kept-gradients":
        return [
            Check("gradients_kept_between_steps", float(seen.held_in_forward), limit=1, direction=">="),
            Check("gradients_not_zeroed", float(seen.nonzero_in_forward), limit=0, direction="<="),
        ]
    checks = [Check("gradients_not_freed", float(seen.held_in_forward), limit=0, direction="<=")]
    if settings.technique == "micro-batches":
        passes = float(seen.forward_passes)
        checks.append(Check("forward_passes_of_a_step", passes, limit=MICRO_BATCHES, direction=">="))
    if settings.technique == "checkpointing":
        again = (operators_of(loop.step) - operators_of(plain.step)).total()
        checks.append(Check("operators_computed_again", float(again), limit=1, direction=">="))
    if settings.technique == "optimizer-in-backward":
        checks.append(Check("gradients_after_a_step", float(seen.held_after), limit=0, direction="<="))
    return checks
