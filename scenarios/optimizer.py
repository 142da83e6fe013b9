"""What does one update of the parameters cost, by optimizer and by the form that torch runs it in?

The update alone is timed, on gradients of one batch that stay where they are: beside the forward and
the backward pass even the slowest update of a small model would drown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from benchsuite import CUDA, Check, Device, Skip, Task, Workload, grid, scenario
from scenarios.loop import LoopSettings, make_loop, process_of
from scenarios.observe import operators_of
from scenarios.optimizers import CLASSES, make_optimizer
from scenarios.parity import fresh_weights
from scenarios.update_rules import after_updates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from torch import Tensor
    from torch.optim import Optimizer

    from benchsuite.scenario import SettingValue
    from scenarios.optimizers import OptimizerForm, OptimizerName

Penalty: TypeAlias = Literal["none", "l2", "l1"]
Held: TypeAlias = "Sequence[tuple[Tensor, Tensor]]"
"""Parameters, each with the gradient that it is updated by."""

L2 = 1e-2
L1 = 1e-4
NUM_STEPS = 10
FORM_TOLERANCE = 1e-6
"""Largest error of a float32 parameter against the loop form; of its size, where that is above 1."""
TOLERANCE = 1e-4
"""Largest error of a parameter, as a fraction of the largest movement; float32 steps are about ten times closer."""
FLOAT32_EPSILON = 2.0**-23
"""Rounding of a float32 parameter, relative, that is allowed in each step on top."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One optimizer in one form, on one device; a penalty on large parameters for the plainest."""

    optimizer: OptimizerName = "sgd"
    form: OptimizerForm = "loop"
    penalty: Penalty = "none"
    device: Device = "cpu"


def changes(settings: Settings) -> dict[str, SettingValue]:
    """Return what these settings change in the shared loop: other optimizers and penalties do other work."""
    if settings.optimizer != "sgd" or settings.penalty != "none":
        return {}
    return {"optimizer_form": settings.form}


def loop_settings(settings: Settings) -> LoopSettings:
    """Return the loop whose optimizer is timed, and whose first step leaves the gradients."""
    return LoopSettings(
        device=settings.device,
        optimizer=settings.optimizer,
        optimizer_form=settings.form,
        weight_decay=L2 if settings.penalty == "l2" else 0.0,
    )


@scenario(
    question="What does the optimizer cost?",
    variants=grid(
        Settings,
        device=["cpu", "cuda"],
        optimizer=["sgd", "momentum", "adam", "adamw", "adagrad"],
        form=["loop", "foreach", "fused"],
    )
    + grid(Settings, device=["cpu", "cuda"], penalty=["l2", "l1"]),
    compare="optimizer",
    within=("device",),
    step="update",
    requires=lambda s: [CUDA] if s.device == "cuda" else [],
    process=lambda s: process_of(loop_settings(s)),
    changes=changes,
)
def optimizer(settings: Settings, task: Task) -> Workload:
    """Update the parameters, again and again by the same gradients.

    L2 is the optimizer's own weight decay. L1 is part of the loss: its step begins with the penalty's
    forward and backward pass and adds what that gives to the gradients held.
    """
    if settings.form == "fused":
        _demand_fused(settings)
    loop = make_loop(loop_settings(settings), task)
    loop.step()
    (updating,) = loop.optimizers
    held = [(p, p.grad) for p in loop.model.parameters() if p.grad is not None]
    step = _step_with_l1(updating, held) if settings.penalty == "l1" else updating.step
    metrics: dict[str, float] = {}

    def check() -> list[Check]:
        as_asked = float(form_of(operators_of(step)) == settings.form)
        metrics["optimizer_state_bytes"] = float(_state_bytes(updating))
        loop.restart(fresh_weights(task))
        before = [parameter.detach().clone() for parameter, _ in held]
        gradients = [gradient for _, gradient in held]
        for _ in range(NUM_STEPS):
            step()
        found = [parameter.detach() for parameter, _ in held]
        return [
            Check("runs_in_the_form_asked_for", as_asked, limit=1, direction=">="),
            _equals_the_loop_form(found, before, gradients, settings),
            _follows_its_definition(found, before, gradients, settings),
        ]

    return Workload(step, check, metrics=metrics)


def form_of(operators: Iterable[str]) -> str:
    """Return the form that calls these operators; a fused step counts itself by a foreach operator."""
    names = list(operators)
    for form in ("fused", "foreach"):
        if any(name.startswith(f"aten._{form}_") for name in names):
            return form
    return "loop"


def _demand_fused(settings: Settings) -> None:
    """Skip the variant if this torch has no fused kernel of its optimizer for its device."""
    import torch

    parameter = torch.zeros(1, device=settings.device, requires_grad=True)
    parameter.grad = torch.ones_like(parameter)
    try:
        make_optimizer([parameter], settings.optimizer, "fused").step()
    except RuntimeError as error:
        name, _ = CLASSES[settings.optimizer]
        raise Skip(f"torch {torch.__version__} has no fused {name} for {settings.device}") from error


def _step_with_l1(updating: Optimizer, held: Held) -> Callable[[], object]:
    import torch

    parameters = [parameter for parameter, _ in held]

    def step() -> None:
        penalty = L1 * cast("Tensor", sum(parameter.abs().sum() for parameter in parameters))
        # Out of place, as autograd adds up what comes from two terms of a loss.
        for (parameter, gradient), more in zip(held, torch.autograd.grad(penalty, parameters), strict=True):
            parameter.grad = gradient + more
        updating.step()

    return step


def _state_bytes(updating: Optimizer) -> int:
    import torch

    kept = [value for state in updating.state.values() for value in state.values()]
    return sum(tensor.numel() * tensor.element_size() for tensor in kept if torch.is_tensor(tensor))


def _equals_the_loop_form(
    found: Sequence[Tensor], before: Sequence[Tensor], gradients: Sequence[Tensor], settings: Settings
) -> Check:
    """Return the check that float32 parameters are where the loop form takes them from the same beginning."""
    held = []
    for start, gradient in zip(before, gradients, strict=True):
        parameter = start.clone().requires_grad_()
        parameter.grad = gradient
        held.append((parameter, gradient))
    looping = make_optimizer(
        [parameter for parameter, _ in held], settings.optimizer, "loop", **_decay_options(settings)
    )
    step = _step_with_l1(looping, held) if settings.penalty == "l1" else looping.step
    for _ in range(NUM_STEPS):
        step()
    error = _largest_difference(found, [parameter.detach() for parameter, _ in held])
    limit = FORM_TOLERANCE * max(1.0, _largest(before))
    return Check("float32_parameter_error_against_loop_form", error, limit=limit, direction="<=")


def _follows_its_definition(
    found: Sequence[Tensor], before: Sequence[Tensor], gradients: Sequence[Tensor], settings: Settings
) -> Check:
    """Return the check that float32 parameters are where the optimizer's definition leads."""
    penalty = {"l1": L1} if settings.penalty == "l1" else {"l2": L2} if settings.penalty == "l2" else {}
    expected = [
        after_updates(settings.optimizer, start.double(), gradient, NUM_STEPS, **penalty)
        for start, gradient in zip(before, gradients, strict=True)
    ]
    error = _largest_difference(found, expected)
    movement = _largest_difference(expected, before)
    limit = TOLERANCE * movement + FLOAT32_EPSILON * NUM_STEPS * _largest(before)
    limit = limit if math.isfinite(limit) else 0.0
    return Check("float32_parameter_error_against_definition", error, limit=limit, direction="<=")


def _decay_options(settings: Settings) -> dict[str, float]:
    # AdamW decays by itself: nothing is named where the settings ask for nothing.
    return {"weight_decay": L2} if settings.penalty == "l2" else {}


def _largest(tensors: Sequence[Tensor]) -> float:
    return max(float(tensor.abs().max()) for tensor in tensors)


def _largest_difference(left: Sequence[Tensor], right: Sequence[Tensor]) -> float:
    import torch

    # torch's maximum, unlike Python's, passes a NaN on.
    pairs = zip(left, right, strict=True)
    return float(torch.stack([(a.double() - b.double()).abs().max() for a, b in pairs]).max())
