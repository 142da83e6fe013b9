"""After how many steps has torch.compile paid for the time that it took?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from benchsuite import (
    CUDA,
    CXX_COMPILER,
    Check,
    Device,
    Phase,
    ProcessSpec,
    Requirement,
    Task,
    Workload,
    does_not_apply,
    grid,
    scenario,
)
from scenarios.loop import Loop, LoopSettings, inference_call, make_loop, training_step
from scenarios.parity import finite, fresh_weights, relative_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

Mode: TypeAlias = Literal["eager", "default", "reduce-overhead", "max-autotune"]

TOLERANCE = 1e-4
"""Largest relative error of compiled results: fused float32 operations round elsewhere."""
SPREAD_FACTOR = 3
"""A random model's compiled run may be so many times as far from eager's as another eager run is."""
NUM_STEPS = 3


@dataclass(frozen=True, slots=True)
class Settings:
    """One mode of torch.compile, or eager, training or inferring on one device."""

    mode: Mode = "eager"
    phase: Phase = "train"
    device: Device = "cpu"


def _requires(settings: Settings) -> list[Requirement]:
    if settings.mode == "reduce-overhead" and settings.device == "cpu":
        return [does_not_apply("reduce-overhead works by CUDA graphs: on a CPU it is the default mode")]
    device = [CUDA] if settings.device == "cuda" else []
    # On a GPU too: Triton compiles the code that launches its kernels.
    compiler = [] if settings.mode == "eager" else [CXX_COMPILER]
    return device + compiler


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
    process=lambda s: ProcessSpec(own_compile_cache=s.mode != "eager"),
)
def compile(settings: Settings, task: Task) -> Workload:  # noqa: A001 - the scenario's name
    """Run the loop compiled: forward pass, loss and backward pass to train, the forward pass to infer."""
    mode = None if settings.mode == "eager" else settings.mode
    loop_settings = LoopSettings(settings.phase, settings.device, compile_mode=mode)
    loop = make_loop(loop_settings, task)

    def check() -> list[Check]:
        name = "loss" if settings.phase == "train" else "output"
        checks = [finite(name, loop.step()), _equals_eager(loop, task)]
        return checks if mode is None else [*checks, _was_compiled()]

    return Workload(loop.step, check, items_per_step=loop_settings.batch_size)


def _was_compiled() -> Check:
    from torch._dynamo.utils import counters

    return Check("compiled_graphs", float(counters["stats"]["unique_graphs"]), limit=1, direction=">=")


def _equals_eager(loop: Loop, task: Task) -> Check:
    """Return the check that the loop's step does what the eager one does from the same weights.

    Compiled, a random layer such as dropout draws other numbers than eager; where two eager runs of
    different seeds differ too, so much more is allowed.
    """
    if loop.optimizer is None:
        infer, inputs = inference_call(loop.model), loop.inputs
        return _error_check("output_error_against_eager", loop, task, lambda: infer(inputs))
    train = training_step(task, loop.model, loop.optimizer)
    return _error_check("update_error_against_eager", loop, task, lambda: train(loop.inputs, loop.target))


def _error_check(name: str, loop: Loop, task: Task, eager: Callable[[], Tensor]) -> Check:
    found, expected, again = (
        _outcome(loop, task, step, seed) for step, seed in ((loop.step, 0), (eager, 0), (eager, 1))
    )
    spread = relative_error(again, expected)
    limit = TOLERANCE + (SPREAD_FACTOR * spread if math.isfinite(spread) else 0)
    return Check(name, relative_error(found, expected), limit=limit, direction="<=")


def _outcome(loop: Loop, task: Task, step: Callable[[], Tensor], seed: int) -> list[Tensor]:
    """Return the output (infer), or how far a few steps move each parameter (train), from fresh weights."""
    import torch

    loop.model.load_state_dict(fresh_weights(task))
    torch.manual_seed(seed)
    if loop.optimizer is None:
        return [step().clone()]
    before = [parameter.detach().clone() for parameter in loop.model.parameters()]
    for _ in range(NUM_STEPS):
        step()
    after = [parameter.detach() for parameter in loop.model.parameters()]
    return [new - old for new, old in zip(after, before, strict=True)]
