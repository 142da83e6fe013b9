"""The default task: handwritten digits, classified by a small convolutional network."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Literal, TypeAlias, cast, get_args

from benchsuite.errors import UsageError
from benchsuite.task import Task
from scenarios import mnist_data

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn
    from torch.utils.data import Dataset
    from torchvision.datasets import MNIST

    from benchsuite.task import Split

DataSetName: TypeAlias = Literal["bundled", "mnist"]

NUM_VALIDATION = 1_000
"""The last so many training images are held out; both data sets are in mixed order."""
NUM_IMAGES: Mapping[DataSetName, tuple[int, int]] = {"bundled": (10_000, 2_000), "mnist": (60_000, 10_000)}
"""Training images, validation included, and test images."""
MEAN = 0.5
STD = 0.5


class MnistTask(Task):
    """The MNIST CNN, over the embedded subset or the whole data set."""

    name = "MNIST CNN"
    target_accuracy = 0.90
    """Fraction of the test images that a training must get right to count."""

    def __init__(self, dataset: DataSetName = "bundled", data_dir: Path | None = None) -> None:
        """Choose the data; nothing is read yet.

        Args:
            dataset: `bundled`, the embedded subset, or `mnist`, the whole set.
            data_dir: where the whole set lies or is downloaded to; None: the cache folder.
        """
        self._dataset = dataset
        self._data_dir = data_dir

    def make_model(self) -> nn.Module:
        """Build the network; see `scenarios.cnn`."""
        from scenarios.cnn import CNN

        return CNN()

    def example_batch(self, size: int) -> tuple[Tensor, Tensor]:
        """Return the first `size` training images, starting over where there are fewer.

        They are decoded together, from the bytes to tensors, and equal what `dataset` gives one by one.

        Returns:
            (size, 1, 28, 28) float32, normalised, and (size,) int64.
        """
        import torch

        images = _read(self._root(), train=True)
        indices = torch.arange(size) % (len(images) - NUM_VALIDATION)
        pixels = images.data[indices].unsqueeze(1).to(torch.float32)
        return pixels.div_(255).sub_(MEAN).div_(STD), images.targets[indices]

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the cross-entropy of logits (N, 10) and classes (N,), the mean over the batch."""
        from torch.nn.functional import cross_entropy

        return cross_entropy(output, target)

    def dataset(self, split: Split) -> Dataset[tuple[Tensor, int]]:
        """Return images (1, 28, 28), normalised, with their classes."""
        from torch.utils.data import Subset

        images = _read(self._root(), train=split != "test")
        if split == "test":
            return cast("Dataset[tuple[Tensor, int]]", images)
        num_training = len(images) - NUM_VALIDATION
        chosen = range(num_training) if split == "train" else range(num_training, len(images))
        return Subset(cast("Dataset[tuple[Tensor, int]]", images), chosen)

    def metrics(self, output: Tensor, target: Tensor) -> Mapping[str, float]:
        """Return the accuracy of logits (N, 10) against classes (N,)."""
        return {"accuracy": (output.argmax(1) == target).double().mean().item()}

    def with_data(self, dataset: str, data_dir: Path | None) -> MnistTask:
        """Return this task over `bundled` or `mnist`.

        Raises:
            UsageError: there is no such data set, or a folder was given for the embedded one.
        """
        if dataset not in get_args(DataSetName):
            raise UsageError(
                f"--dataset {dataset}: unknown, choose one of {', '.join(get_args(DataSetName))}"
            )
        if dataset == "bundled" and data_dir is not None:
            raise UsageError(
                f"--data-dir {data_dir}: the bundled data is embedded, add --dataset mnist to use the whole set"
            )
        return MnistTask(cast("DataSetName", dataset), data_dir)

    def prepare(self) -> None:
        """Unpack or download what is missing and verify every file.

        Raises:
            UsageError: the data is missing or corrupt; the message names file and remedy.
        """
        self._root()

    def data_fingerprint(self) -> Mapping[str, str]:
        """Return the data set's name, its counts and one checksum of its four unpacked files."""
        if self._dataset == "bundled":
            every = mnist_data.bundled_checksums()
            sums = {name: every[name] for name in mnist_data.FILES}
        else:
            sums = mnist_data.PUBLISHED_MD5
        num_training, num_test = NUM_IMAGES[self._dataset]
        return {
            "dataset": {"bundled": "MNIST, embedded subset", "mnist": "MNIST, whole"}[self._dataset],
            "training_images": str(num_training - NUM_VALIDATION),
            "validation_images": str(NUM_VALIDATION),
            "test_images": str(num_test),
            "content": mnist_data.fingerprint(sums)[:16],
        }

    def _root(self) -> Path:
        if self._dataset == "bundled":
            return mnist_data.bundled_root()
        return mnist_data.whole_root(self._data_dir)


@functools.cache
def _read(root: Path, *, train: bool) -> MNIST:
    """Read one part into memory, once in a process: a trial's memory is not its data's."""
    from torchvision.datasets import MNIST
    from torchvision.transforms import Compose, Normalize, ToTensor

    return MNIST(root, train=train, transform=Compose([ToTensor(), Normalize((MEAN,), (STD,))]))


task = MnistTask()
