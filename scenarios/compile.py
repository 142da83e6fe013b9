"""After how many steps has torch.compile paid for the time that it took?"""

from __future__ import annotations

import math
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
from scenarios.parity import finite, progress, relative_error

if TYPE_CHECKING:
    from benchsuite.scenario import SettingValue
    from scenarios.loop import CompileMode, Loop

TOLERANCE = 1e-4
"""Largest relative error of compiled results: fused float32 operations round elsewhere."""
SPREAD_FACTOR = 3
"""A random model's compiled run may be so many times as far from eager's as another eager run is."""


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
        name = "loss" if settings.phase == "train" else "output"
        checks = [finite(name, loop.step()), _equals_eager(loop, task, settings)]
        return checks if settings.mode == "eager" else [*checks, _was_compiled()]

    return Workload(loop.step, check, items_per_step=loop_settings(settings).items_per_step)


def _was_compiled() -> Check:
    from torch._dynamo.utils import counters

    return Check("compiled_graphs", float(counters["stats"]["unique_graphs"]), limit=1, direction=">=")


def _equals_eager(loop: Loop, task: Task, settings: Settings) -> Check:
    """Return the check that the loop's steps do what eager ones do from the same weights.

    Compiled, a random layer such as dropout draws other numbers than eager; where two eager runs of
    different seeds differ too, so much more is allowed.
    """
    name = "update_error_against_eager" if settings.phase == "train" else "output_error_against_eager"
    eager = make_loop(LoopSettings(phase=settings.phase, device=settings.device), task)
    found, expected, again = progress(loop, task), progress(eager, task), progress(eager, task, seed=1)
    spread = relative_error(again, expected)
    limit = TOLERANCE + (SPREAD_FACTOR * spread if math.isfinite(spread) else 0)
    return Check(name, relative_error(found, expected), limit=limit, direction="<=")
