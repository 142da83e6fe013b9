"""After how many steps has torch.compile paid for the time that it took?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchsuite import (
    CUDA,
    CXX_COMPILER,
    Check,
    Device,
    Phase,
    Requirement,
    Task,
    Workload,
    does_not_apply,
    grid,
    scenario,
)
from scenarios.loop import LoopSettings, make_loop, process_of
from scenarios.parity import finite, same_progress, was_compiled

if TYPE_CHECKING:
    from benchsuite.scenario import SettingValue
    from scenarios.loop import CompileMode

TOLERANCE = 1e-4
"""Largest relative error of compiled results: fused float32 operations round elsewhere."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One mode of torch.compile, or eager, training or inferring on one device."""

    mode: CompileMode = "eager"
    phase: Phase = "train"
    device: Device = "cpu"


def _requires(settings: Settings) -> list[Requirement]:
    if settings.mode == "reduce-overhead" and settings.device == "cpu":
        return [does_not_apply("reduce-overhead works by CUDA graphs: on a CPU it is the default mode")]
    device = [CUDA] if settings.device == "cuda" else []
    # On a GPU too: Triton compiles the code that launches its kernels.
    compiler = [] if settings.mode == "eager" else [CXX_COMPILER]
    return device + compiler


def changes(settings: Settings) -> dict[str, SettingValue]:
    """Return what these settings change in the shared loop."""
    return {"compile_mode": settings.mode}


def loop_settings(settings: Settings) -> LoopSettings:
    """Return the loop that these settings stand for."""
    return LoopSettings(phase=settings.phase, device=settings.device).changed(changes(settings))


@scenario(
    question="Does torch.compile pay, and after how many steps?",
    variants=grid(
        Settings,
        device=["cpu", "cuda"],
        phase=["train", "infer"],
        mode=["eager", "default", "reduce-overhead", "max-autotune"],
    ),
    compare="mode",
    within=("phase", "device"),
    answer="break_even",
    requires=_requires,
    process=lambda s: process_of(loop_settings(s)),
    changes=changes,
)
def compile(settings: Settings, task: Task) -> Workload:  # noqa: A001 - the scenario's name
    """Run the loop compiled: forward pass, loss and backward pass to train, the forward pass to infer."""
    loop = make_loop(loop_settings(settings), task)

    def check() -> list[Check]:
        name, what = ("loss", "update") if settings.phase == "train" else ("output", "output")
        eager = make_loop(LoopSettings(phase=settings.phase, device=settings.device), task)
        error = same_progress(f"{what}_error_against_eager", loop, eager, task, TOLERANCE)
        checks = [finite(name, loop.step()), error]
        return checks if settings.mode == "eager" else [*checks, was_compiled()]

    return Workload(loop.step, check, items_per_step=loop_settings(settings).items_per_step)
