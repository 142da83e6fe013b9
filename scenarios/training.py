"""How long does a whole training take, and how good is the model that it ends with?"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchsuite import Check, Task, Workload, demand, scenario
from scenarios.loop import LoopSettings
from scenarios.optimizers import make_optimizer
from scenarios.parity import finite
from scenarios.steps import inference_call, training_step

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.utils.data import Dataset


RECALL_LIMIT = 0.5
"""A class of which less is found has collapsed."""
EVALUATION_BATCH = 500
MANY_IMAGES = 30_000
"""From so many training images on, 10 epochs are enough."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The reference training, with plain SGD."""

    batch_size: int = 100
    learning_rate: float = 0.01


@scenario(
    question="How long does a whole training take, and how good is the model?",
    variants=[Settings()],
    answer="reached",
    once=True,
    step="epoch",
)
def training(settings: Settings, task: Task) -> Workload:
    """Train a model on the CPU; a step is one epoch over all training images, then a validation."""
    demand(task, "loss", "dataset", "metrics")
    run = _Training(settings, task)
    return Workload(
        run.epoch,
        run.check,
        items_per_step=run.num_images,
        num_steps=num_epochs(run.num_images),
        metrics=run.metrics,
        series=run.series,
    )


def num_epochs(num_images: int) -> int:
    """Return how many epochs make a training: fewer where each has more steps.

    The whole of MNIST has 590 steps an epoch, the embedded subset 90.
    """
    return 10 if num_images >= MANY_IMAGES else 20


class _Training:
    """A training in progress: its curves grow with each epoch, its metrics are complete after `check`."""

    def __init__(self, settings: Settings, task: Task) -> None:
        import torch
        from torch.utils.data import DataLoader

        self.metrics: dict[str, float] = {}
        self.series: dict[str, list[tuple[float, float]]] = {
            "loss": [],
            "validation_accuracy": [],
            "validation_accuracy_over_time": [],
            "epoch_s": [],
        }
        self._task = task
        self._target = task.target_accuracy
        self._seconds = 0.0
        self._loader = DataLoader(
            task.dataset("train"),
            batch_size=settings.batch_size,
            shuffle=True,
            drop_last=True,
            # torch's seed is the trial's: another repetition sees another order.
            generator=torch.Generator().manual_seed(torch.initial_seed()),
        )
        self.num_images = len(self._loader) * settings.batch_size
        self._validation = task.dataset("validation")
        self._model = task.make_model()
        optimizer = make_optimizer(self._model.parameters(), lr=settings.learning_rate)
        self._train = training_step(task, self._model, (optimizer,), LoopSettings())

    def epoch(self) -> None:
        """Train on every batch once, then validate; only the training counts as training time."""
        import torch

        start = time.perf_counter()
        self._model.train()
        total = torch.zeros(())
        for inputs, target in self._loader:
            total += self._train(inputs, target)
        loss = total.item() / len(self._loader)
        seconds = time.perf_counter() - start
        self._seconds += seconds
        output, target = predictions(self._model, self._validation)
        self._keep(seconds, loss, self._accuracy(output, target))

    def check(self) -> list[Check]:
        """Look at the test images, once, and demand what a sound training reaches."""
        import torch

        output, target = predictions(self._model, self._task.dataset("test"))
        accuracy = self._accuracy(output, target)
        recall = recalls(output, target)
        self.metrics["test_accuracy"] = accuracy
        self.metrics |= {f"recall_{label}": value for label, value in recall.items()}
        checks = [finite("loss", torch.tensor([loss for _, loss in self.series["loss"]]))]
        if self._target is None:
            return checks
        checks.append(Check("test_accuracy", accuracy, limit=self._target, direction=">="))
        checks += [
            Check(f"recall_{label}", value, limit=RECALL_LIMIT, direction=">=")
            for label, value in recall.items()
        ]
        return checks

    def _keep(self, seconds: float, loss: float, accuracy: float) -> None:
        epoch = float(len(self.series["loss"]) + 1)
        self.series["loss"].append((epoch, loss))
        self.series["validation_accuracy"].append((epoch, accuracy))
        self.series["validation_accuracy_over_time"].append((self._seconds, accuracy))
        self.series["epoch_s"].append((epoch, seconds))
        if self._target is not None and accuracy >= self._target:
            self.metrics.setdefault(f"time_to_{100 * self._target:.0f}_s", self._seconds)

    def _accuracy(self, output: Tensor, target: Tensor) -> float:
        return self._task.metrics(output, target)["accuracy"]


def predictions(model: nn.Module, dataset: Dataset[tuple[Tensor, int]]) -> tuple[Tensor, Tensor]:
    """Return the model's outputs for a whole data set, and the targets, in the data's order."""
    import torch
    from torch.utils.data import DataLoader

    model.eval()
    infer = inference_call(model, LoopSettings(phase="infer"))
    batches = [(infer(inputs), target) for inputs, target in DataLoader(dataset, EVALUATION_BATCH)]
    return torch.cat([output for output, _ in batches]), torch.cat([target for _, target in batches])


def recalls(output: Tensor, target: Tensor) -> dict[int, float]:
    """Return, for each class, the fraction of its samples that were recognised.

    Args:
        output: logits (N, classes); other outputs have no classes, and no recall.
        target: classes (N,).
    """
    if output.ndim != 2 or target.is_floating_point():  # noqa: PLR2004 - samples and classes
        return {}
    right = output.argmax(1) == target
    classes = sorted(set(target.tolist()))
    return {label: right[target == label].double().mean().item() for label in classes}
