"""A short training, by which checks tell what a setting takes from a model's accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchsuite import Skip, Task, demand
from scenarios import numerics
from scenarios.feed import example_of, placed
from scenarios.loop import LoopSettings, make_loop
from scenarios.parity import fresh_weights
from scenarios.resting import resting
from scenarios.steps import inference_call, training_step

if TYPE_CHECKING:
    from torch import Tensor, nn

BATCH_SIZE = 50
NUM_BATCHES = 20
NUM_EPOCHS = 3
NUM_HELD_OUT = 1000


@dataclass(frozen=True, slots=True)
class Examples:
    """Batches in host memory: what is trained on, and what was held out."""

    training: tuple[tuple[Tensor, Tensor], ...]
    held_out: tuple[tuple[Tensor, Tensor], ...]


def examples(task: Task) -> Examples | None:
    """Return examples of the task, the same in each call; None: it lacks a loss or metrics."""
    try:
        demand(task, "loss", "metrics")
    except Skip:
        return None
    inputs, target = example_of(task, NUM_BATCHES * BATCH_SIZE + NUM_HELD_OUT)
    batches = tuple(zip(inputs.split(BATCH_SIZE), target.split(BATCH_SIZE), strict=True))
    return Examples(batches[:NUM_BATCHES], batches[NUM_BATCHES:])


def train_shortly(settings: LoopSettings, task: Task, batches: Examples) -> nn.Module:
    """Return the task's model after 60 steps of Adam under these settings, from the fresh weights.

    Random layers rest, so that two trainings differ by what the settings do alone.
    """
    changed = settings.changed({"phase": "train", "batch_size": BATCH_SIZE, "optimizer": "adam"})
    loop = make_loop(changed, task)
    loop.restart(fresh_weights(task))
    train = training_step(task, loop.model, loop.optimizers, changed)
    with resting(loop.model):
        for inputs, target in batches.training * NUM_EPOCHS:
            train(placed(inputs.to(settings.device), settings), target.to(settings.device))
    return loop.model


def accuracy_of(model: nn.Module, settings: LoopSettings, task: Task, batches: Examples) -> float | None:
    """Return the share of the held-out examples that the model gets right under these settings; None: not defined."""
    import torch

    if settings.device == "cuda":
        numerics.set_tf32(settings.precision)
    model.eval()
    infer = inference_call(model, settings)
    outputs = [
        infer(placed(inputs.to(settings.device), settings)).float().cpu() for inputs, _ in batches.held_out
    ]
    targets = [target for _, target in batches.held_out]
    return task.metrics(torch.cat(outputs), torch.cat(targets)).get("accuracy")
