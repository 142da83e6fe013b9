"""What is trained: the class that a user's own model derives from to go through every scenario."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from benchsuite.demands import demand_text, shown
from benchsuite.scenario import Skip

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn
    from torch.utils.data import Dataset

Split: TypeAlias = Literal["train", "validation", "test"]


class Task(Protocol):
    """A model, its data, its loss and its metrics.

    Derive from it: `name`, `make_model` and `example_batch` are compulsory. A scenario that needs
    more skips its variants of a task that lacks it, with the reason.
    """

    name: str
    """Shown in the report and kept in the run's fingerprint."""
    target_accuracy: float | None = None
    """A trained model must reach it, as a fraction, for `training`'s check to hold; None: any accuracy will do."""

    @abstractmethod
    def make_model(self) -> nn.Module:
        """Build the model on the CPU in float32. The engine has seeded torch before."""

    @abstractmethod
    def example_batch(self, size: int) -> tuple[Tensor, Tensor]:
        """Return `size` inputs (first dimension: the batch) and their targets, on the CPU."""

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the scalar that training lowers, the mean over the batch."""
        raise Skip(f"task {self.name!r} has no loss")

    def dataset(self, split: Split) -> Dataset[tuple[Tensor, int]]:
        """Return a map-style dataset of (input, target) for a DataLoader."""
        raise Skip(f"task {self.name!r} has no dataset")

    def augmented(self, split: Split) -> Dataset[tuple[Tensor, int]]:
        """Return `dataset` with each input varied at random, anew whenever it is asked for."""
        raise Skip(f"task {self.name!r} has no augmented")

    def tensors(self, split: Split) -> tuple[Tensor, Tensor]:
        """Return a whole split as it is stored, all inputs (N, ...) and all targets (N,), on the CPU."""
        raise Skip(f"task {self.name!r} has no tensors")

    def transform(self, stored: Tensor, *, augment: bool) -> Tensor:
        """Turn a batch of `tensors`' inputs into what the model takes, all at once and wherever they lie.

        Args:
            stored: some of the inputs, on any device.
            augment: whether to vary them at random, in the way of `augmented`.
        """
        raise Skip(f"task {self.name!r} has no transform")

    def metrics(self, output: Tensor, target: Tensor) -> Mapping[str, float]:
        """Return named figures of one batch of outputs; `accuracy` is a fraction from 0 to 1."""
        raise Skip(f"task {self.name!r} has no metrics")

    def with_data(self, dataset: str, data_dir: Path | None) -> Task:
        """Return this task over another data set, for `--dataset` and `--data-dir`.

        Raises:
            UsageError: the task knows no such data set.
        """
        from benchsuite.errors import UsageError

        where = f" in {data_dir}" if data_dir else ""
        raise UsageError(
            f"task {self.name!r} offers no choice of data: --dataset {dataset}{where} cannot be used"
        )

    def prepare(self) -> None:
        """Unpack or download the data; called once in a run, before anything is measured.

        Raises:
            UsageError: the data is missing or corrupt; the message names file and remedy.
        """

    def data_fingerprint(self) -> Mapping[str, str]:
        """Say which data this is: runs whose answers differ here are not comparable."""
        return {"dataset": "example batches"}


def demand(task: Task, *methods: str) -> None:
    """Skip the variant if the task lacks a method that it needs, before any work is done.

    Raises:
        Skip: names the task and the method.
    """
    for method in methods:
        if getattr(type(task), method, None) in {None, getattr(Task, method)}:
            raise Skip(f"task {task.name!r} has no {method}")


def identity(task: Task) -> dict[str, Any]:
    """Return a task's name and its data's fingerprint, as a run's header holds them.

    Raises:
        TypeError: one is of another type than it should be.
        ValueError: the name is empty, or does not fit on a line.
    """
    demand_text("the task's name", task.name)
    if not task.name.strip() or not task.name.isprintable():
        raise ValueError(f"the task's name is {shown(task.name)}: one line of plain text is needed")
    data = task.data_fingerprint()
    if not isinstance(data, Mapping):
        raise TypeError(
            f"the task's data_fingerprint returned {shown(data)}: a dictionary of strings is needed"
        )
    for key, value in data.items():
        demand_text("a key of the task's data_fingerprint", key)
        demand_text(f"{shown(key)} in the task's data_fingerprint", value)
    return {"task_name": task.name, "data": dict(data)}
