"""The default task: handwritten digits, classified by a small convolutional network."""

from __future__ import annotations

import copy
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
MAX_DEGREES = 15.0
MAX_SCALING = 0.1
"""Augmented images are turned by up to so many degrees either way and scaled by up to this fraction."""
MIRRORED = 0.5
"""Share of the augmented images that are mirrored."""


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
        return _part(_read(self._root(), train=split != "test"), split)

    def augmented(self, split: Split) -> Dataset[tuple[Tensor, int]]:
        """Return `dataset` with each image turned, scaled and, at random, mirrored.

        What a mirrored digit teaches is not asked: it is there for what it costs.
        """
        from torchvision.transforms import Compose, InterpolationMode, RandomAffine, RandomHorizontalFlip

        images = copy.copy(_read(self._root(), train=split != "test"))
        scales = (1 - MAX_SCALING, 1 + MAX_SCALING)
        affine = RandomAffine(MAX_DEGREES, scale=scales, interpolation=InterpolationMode.BILINEAR)
        images.transform = Compose([affine, RandomHorizontalFlip(MIRRORED), images.transform])
        return _part(images, split)

    def tensors(self, split: Split) -> tuple[Tensor, Tensor]:
        """Return the images as bytes (N, 1, 28, 28) and their classes (N,), int64."""
        images = _read(self._root(), train=split != "test")
        chosen = _range(images, split)
        part = slice(chosen.start, chosen.stop)
        return images.data[part].unsqueeze(1), images.targets[part]

    def transform(self, stored: Tensor, *, augment: bool) -> Tensor:
        """Return bytes (N, 1, 28, 28) as normalised float32, turned, scaled and mirrored if asked for.

        Without augmentation they equal what `dataset` gives one by one; with it, each image is varied
        in its own way.
        """
        import torch

        pixels = stored.to(torch.float32).div_(255)
        if augment:
            drawn = torch.rand(3, len(pixels), device=pixels.device)
            degrees = (2 * drawn[0] - 1) * MAX_DEGREES
            scale = 1 + (2 * drawn[1] - 1) * MAX_SCALING
            pixels = varied(pixels, degrees, scale, mirrored=drawn[2] < MIRRORED)
        return pixels.sub_(MEAN).div_(STD)

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


def varied(images: Tensor, degrees: Tensor, scale: Tensor, mirrored: Tensor) -> Tensor:
    """Turn each image clockwise about its centre, scale it and mirror it left to right, with black around it.

    Args:
        images: (N, C, H, W), black is 0.
        degrees: (N,).
        scale: (N,), above 1 enlarges.
        mirrored: (N,) of bool.
    """
    import torch
    from torch.nn.functional import affine_grid, grid_sample

    # The matrix leads from a place in the new image to the one in the old image that it shows.
    cosine = torch.cos(torch.deg2rad(degrees)) / scale
    sine = torch.sin(torch.deg2rad(degrees)) / scale
    sign = torch.where(mirrored, -1.0, 1.0)
    nothing = torch.zeros_like(scale)
    rows = [sign * cosine, sine, nothing, -sign * sine, cosine, nothing]
    grid = affine_grid(torch.stack(rows, 1).view(-1, 2, 3), list(images.shape), align_corners=False)
    return grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _range(images: MNIST, split: Split) -> range:
    """Return which images of the file that holds it make a split."""
    if split == "test":
        return range(len(images))
    num_training = len(images) - NUM_VALIDATION
    return range(num_training) if split == "train" else range(num_training, len(images))


def _part(images: MNIST, split: Split) -> Dataset[tuple[Tensor, int]]:
    from torch.utils.data import Subset

    whole = cast("Dataset[tuple[Tensor, int]]", images)
    return whole if split == "test" else Subset(whole, _range(images, split))


@functools.cache
def _read(root: Path, *, train: bool) -> MNIST:
    """Read one part into memory, once in a process: a trial's memory is not its data's."""
    from torchvision.datasets import MNIST
    from torchvision.transforms import Compose, Normalize, ToTensor

    return MNIST(root, train=train, transform=Compose([ToTensor(), Normalize((MEAN,), (STD,))]))


task = MnistTask()
