"""The one training step and the one inference call that all scenarios share.

The batch lies on the device before the first step, gradients are freed in each step, and no step
asks for a number: nothing but the work itself is in the loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from benchsuite import Skip, Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn
    from torch.optim import Optimizer

    from benchsuite import Device, Phase

CompileMode: TypeAlias = Literal["default", "reduce-overhead", "max-autotune"]
LEARNING_RATE = 0.01


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """What a loop runs, where, and on how much."""

    phase: Phase = "train"
    device: Device = "cpu"
    batch_size: int = 100
    compile_mode: CompileMode | None = None
    """None: eager."""


@dataclass(frozen=True, slots=True)
class Loop:
    """A model with its batch on the device, ready for the first step."""

    step: Callable[[], Tensor]
    """Works through the batch once; returns the loss (train) or the output (infer), on the device."""
    model: nn.Module
    """The eager module; a compiled loop shares its parameters."""
    inputs: Tensor
    target: Tensor
    optimizer: Optimizer | None
    """None: an inference loop."""


def make_loop(settings: LoopSettings, task: Task) -> Loop:
    """Build the model, place it and a batch on the device, and return the loop over them.

    Raises:
        Skip: training was asked for, and the task has no loss.
    """
    import torch

    if settings.device == "cuda":
        # float32 is what the label says; cuDNN would round convolutions to TF32 by default.
        torch.backends.cudnn.allow_tf32 = False
    training = settings.phase == "train"
    if training:
        demand(task, "loss")
    model = task.make_model().to(settings.device).train(training)
    inputs, target = (tensor.to(settings.device) for tensor in task.example_batch(settings.batch_size))
    if not training:
        infer = inference_call(model, settings.compile_mode)
        return Loop(lambda: infer(inputs), model, inputs, target, optimizer=None)
    optimizer = make_optimizer(model)
    train = training_step(task, model, optimizer, settings.compile_mode)
    return Loop(lambda: train(inputs, target), model, inputs, target, optimizer)


def make_optimizer(model: nn.Module, learning_rate: float = LEARNING_RATE) -> Optimizer:
    """Return plain SGD over the model's parameters: it keeps no state between steps."""
    import torch

    return torch.optim.SGD(model.parameters(), lr=learning_rate)


def training_step(
    task: Task, model: nn.Module, optimizer: Optimizer, compile_mode: CompileMode | None = None
) -> Callable[[Tensor, Tensor], Tensor]:
    """Return a function of inputs and targets that does one optimizer step and returns the loss.

    Forward pass and loss are compiled together, and their backward pass with them; zeroing the
    gradients and the optimizer's step stay eager.
    """

    def objective(inputs: Tensor, target: Tensor) -> Tensor:
        return task.loss(model(inputs), target)

    compute = _compiled(objective, compile_mode)

    def train(inputs: Tensor, target: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = compute(inputs, target)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return train


def inference_call(model: nn.Module, compile_mode: CompileMode | None = None) -> Callable[[Tensor], Tensor]:
    """Return a function of inputs that returns the model's output, without a graph for gradients.

    The forward pass is compiled. The model must be in evaluation mode when it is called.
    """
    import torch

    def forward(inputs: Tensor) -> Tensor:
        output: Tensor = model(inputs)
        return output

    compute = _compiled(forward, compile_mode)

    def infer(inputs: Tensor) -> Tensor:
        with torch.inference_mode():
            return compute(inputs)

    return infer


def demand(task: Task, *methods: Literal["loss", "dataset", "metrics"]) -> None:
    """Skip the variant if the task lacks a method that it needs, before any work is done.

    Raises:
        Skip: names the task and the method.
    """
    for method in methods:
        if getattr(type(task), method, None) in (None, getattr(Task, method)):
            raise Skip(f"task {task.name!r} has no {method}")


def _compiled(function: Callable[..., Tensor], mode: CompileMode | None) -> Callable[..., Tensor]:
    if mode is None:
        return function
    import torch

    # One batch size for the whole loop: shapes are constants, and nothing is compiled twice.
    compiled: Callable[..., Tensor] = torch.compile(function, mode=mode, dynamic=False)
    return compiled
