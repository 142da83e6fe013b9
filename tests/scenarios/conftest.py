from __future__ import annotations

import os
from pathlib import Path
from types import MappingProxyType

import pytest
import torch

from scenarios import mnist_data
from scenarios.mnist import MnistTask


@pytest.fixture(scope="session", autouse=True)
def _shared_cache(tmp_path_factory):
    """Unpack into a folder of this session's, never into the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCHSUITE_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Return an empty cache folder of this test's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("BENCHSUITE_CACHE_DIR", str(folder))
    return folder


@pytest.fixture
def whole_mnist():
    """Return the folder with the whole data set, if this machine has one."""
    folder = os.environ.get("BENCHSUITE_MNIST_DIR")
    if not folder:
        pytest.skip("BENCHSUITE_MNIST_DIR names no folder with the whole MNIST")
    return Path(folder)


@pytest.fixture
def embedded():
    return mnist_data.EMBEDDED


class SmallTask(MnistTask):
    """The MNIST task over its first few images, so that an epoch takes a moment."""

    sizes = MappingProxyType({"train": 250, "validation": 50, "test": 100})

    def dataset(self, split):
        return torch.utils.data.Subset(super().dataset(split), range(self.sizes[split]))

    def augmented(self, split):
        return torch.utils.data.Subset(super().augmented(split), range(self.sizes[split]))

    def tensors(self, split):
        stored, targets = super().tensors(split)
        return stored[: self.sizes[split]], targets[: self.sizes[split]]


@pytest.fixture
def small_task():
    return SmallTask()


class NanLoss(SmallTask):
    """A task whose training has diverged."""

    def loss(self, output, target):
        return super().loss(output, target) * float("nan")


@pytest.fixture
def nan_task():
    return NanLoss()


@pytest.fixture
def failing():
    """Return a function that names the checks that do not hold."""
    return lambda checks: {check.name for check in checks if not check.ok}
