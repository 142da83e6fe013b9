"""The one training step and the one inference call that all scenarios share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from scenarios import numerics

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn
    from torch.amp import GradScaler
    from torch.optim import Optimizer

    from benchsuite import Task
    from scenarios.loop import CompileMode, LoopSettings


def training_step(
    task: Task,
    model: nn.Module,
    optimizers: tuple[Optimizer, ...],
    settings: LoopSettings,
    looked: Looked | None = None,
) -> Callable[[Tensor, Tensor], Tensor]:
    """Return a function of inputs and targets that does one optimizer step and returns the loss.

    Forward pass and loss are compiled together, and their backward pass with them; zeroing the
    gradients and the optimizer's step stay eager. `looked` is shown the loss of each step, where the
    settings say that it is looked at.
    """
    scaler = numerics.make_scaler(settings.precision, settings.device)
    compute = _compiled(_objective(task, model, settings), settings.compile_mode)
    backward = _backward(compute, scaler, settings.micro_batches)
    looked = looked or Looked(settings.look_every)
    steps_itself = settings.optimizer_in_backward

    def train(inputs: Tensor, target: Tensor) -> Tensor:
        if not steps_itself:
            for optimizer in optimizers:
                optimizer.zero_grad(set_to_none=settings.set_to_none)
        loss = backward(inputs, target)
        if not steps_itself:
            for optimizer in optimizers:
                _update(optimizer, scaler)
        if settings.look_every:
            looked.at(loss)
        return loss

    return train


def inference_call(
    model: nn.Module,
    settings: LoopSettings,
) -> Callable[[Tensor], Tensor]:
    """Return a function of inputs that returns the model's output; the forward pass is compiled.

    Unless the settings say otherwise no graph for gradients is kept.
    """
    import torch

    def forward(inputs: Tensor) -> Tensor:
        with numerics.autocast(settings.precision, settings.device):
            output: Tensor = model(inputs)
        return output

    compute = _compiled(forward, settings.compile_mode)
    mode = {"grad": torch.enable_grad, "no_grad": torch.no_grad, "inference_mode": torch.inference_mode}
    enter = mode[settings.grad_mode]

    def infer(inputs: Tensor) -> Tensor:
        with enter():
            return compute(inputs)

    return infer


def _objective(task: Task, model: nn.Module, settings: LoopSettings) -> Callable[[Tensor, Tensor], Tensor]:
    def objective(inputs: Tensor, target: Tensor) -> Tensor:
        with numerics.autocast(settings.precision, settings.device):
            return task.loss(model(inputs), target)

    return objective


def _backward(
    compute: Callable[[Tensor, Tensor], Tensor], scaler: GradScaler | None, micro_batches: int
) -> Callable[[Tensor, Tensor], Tensor]:
    """Return a function that adds up the gradients of a batch and returns its loss, detached."""

    def whole(inputs: Tensor, target: Tensor) -> Tensor:
        loss = compute(inputs, target)
        (loss if scaler is None else scaler.scale(loss)).backward()
        return loss.detach()

    def in_parts(inputs: Tensor, target: Tensor) -> Tensor:
        total = None
        for part, wanted in zip(inputs.chunk(micro_batches), target.chunk(micro_batches), strict=True):
            loss = compute(part, wanted) * (len(part) / len(inputs))
            (loss if scaler is None else scaler.scale(loss)).backward()
            total = loss.detach() if total is None else total + loss.detach()
        return cast("Tensor", total)

    return whole if micro_batches == 1 else in_parts


def _update(optimizer: Optimizer, scaler: GradScaler | None) -> None:
    if scaler is None:
        optimizer.step()
    else:
        scaler.step(optimizer)
        scaler.update()


@dataclass(slots=True)
class Looked:
    """Reads the loss as a number now and then, as a loop does that prints it."""

    every: int
    """After so many steps; 0: never."""
    steps: int = 0
    reads: int = 0
    last: float = math.nan
    """The number that was read last."""

    def at(self, loss: Tensor) -> None:
        """Count a step; wait for its loss if it is this step's turn."""
        self.steps += 1
        if self.steps % self.every == 0:
            self.last = loss.item()
            self.reads += 1


def _compiled(function: Callable[..., Tensor], mode: CompileMode) -> Callable[..., Tensor]:
    if mode == "eager":
        return function
    import torch

    # One batch size for the whole loop: shapes are constants, and nothing is compiled twice.
    compiled: Callable[..., Tensor] = torch.compile(function, mode=mode, dynamic=False)
    return compiled
