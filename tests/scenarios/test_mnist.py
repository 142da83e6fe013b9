from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchsuite.errors import UsageError
from scenarios import mnist_data
from scenarios.mnist import MnistTask, task

REPOSITORY = Path(__file__).parents[2]


def test_the_splits_have_their_sizes():
    assert [len(task.dataset(split)) for split in ("train", "validation", "test")] == [9_000, 1_000, 2_000]


def test_validation_images_are_the_last_training_images():
    both = [*task.dataset("train").indices, *task.dataset("validation").indices]
    assert both == list(range(10_000))


def test_an_example_batch_equals_the_images_one_by_one():
    inputs, target = task.example_batch(20)
    singly = [task.dataset("train")[i] for i in range(20)]
    assert torch.equal(inputs, torch.stack([image for image, _ in singly]))
    assert target.tolist() == [label for _, label in singly]
    assert (inputs.shape, inputs.dtype) == ((20, 1, 28, 28), torch.float32)
    assert target.dtype == torch.int64
    assert inputs.is_contiguous()
    assert (inputs.min(), inputs.max()) == (-1, 1)


def test_an_example_batch_larger_than_the_data_starts_over():
    inputs, target = task.example_batch(9_002)
    assert torch.equal(inputs[9_000:], inputs[:2])
    assert torch.equal(target[9_000:], target[:2])


def test_an_example_batch_leaves_the_data_as_it_was():
    first, _ = task.example_batch(2)
    first.zero_()
    again, _ = task.example_batch(2)
    assert again.max() == 1


def test_accuracy_is_the_fraction_of_right_classes():
    logits = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
    assert task.metrics(logits, torch.tensor([0, 1, 1, 0])) == {"accuracy": 0.75}


def test_the_loss_is_the_mean_cross_entropy():
    logits, target = torch.randn(4, 10), torch.tensor([1, 2, 3, 4])
    expected = -logits.log_softmax(1)[range(4), target].mean()
    torch.testing.assert_close(task.loss(logits, target), expected)


def test_the_fingerprint_tells_data_sets_apart(tmp_path):
    bundled, whole = task.data_fingerprint(), task.with_data("mnist", tmp_path).data_fingerprint()
    assert bundled["training_images"] == "9000"
    assert (whole["training_images"], whole["test_images"]) == ("59000", "10000")
    assert bundled["content"] != whole["content"]
    assert bundled == task.with_data("bundled", None).data_fingerprint()
    assert all(isinstance(value, str) for value in bundled.values())


def test_unknown_data_is_refused(tmp_path):
    with pytest.raises(UsageError, match="choose one of bundled, mnist"):
        task.with_data("cifar", None)
    with pytest.raises(UsageError, match="add --dataset mnist"):
        task.with_data("bundled", tmp_path)


def test_prepare_reports_what_the_data_lacks(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="it is a file"):
        MnistTask("mnist", tmp_path / "file").prepare()


def test_prepare_unpacks_the_embedded_data(cache):
    MnistTask().prepare()
    assert len(list(cache.glob("*/MNIST/raw/*-ubyte"))) == len(mnist_data.FILES)


def test_the_whole_set_is_split_the_same_way(whole_mnist):
    whole = task.with_data("mnist", whole_mnist)
    assert [len(whole.dataset(split)) for split in ("train", "validation", "test")] == [59_000, 1_000, 10_000]


def test_listing_imports_no_torch():
    script = """
import importlib, sys
import scenarios, scenarios.mnist
for name in scenarios.BUILT_IN:
    importlib.import_module(f"scenarios.{name}")
scenarios.mnist.task.with_data("bundled", None).prepare()
scenarios.mnist.task.data_fingerprint()
sys.exit("torch" in sys.modules or "numpy" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=False).returncode == 0
