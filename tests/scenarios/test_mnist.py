from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.functional import affine, hflip

from benchsuite.errors import UsageError
from scenarios import mnist_data
from scenarios.mnist import MnistTask, task, varied

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


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_transformed_tensors_equal_the_images_one_by_one(split):
    stored, targets = task.tensors(split)
    dataset = task.dataset(split)
    assert (stored.dtype, targets.dtype) == (torch.uint8, torch.int64)
    assert len(stored) == len(targets) == len(dataset)
    places = [0, 7, len(dataset) - 1]
    inputs = task.transform(stored[places], augment=False)
    assert torch.equal(inputs, torch.stack([dataset[place][0] for place in places]))
    assert targets[places].tolist() == [dataset[place][1] for place in places]


def test_a_transform_leaves_what_is_stored_as_it_was():
    stored, _ = task.tensors("test")
    before = stored[:5].clone()
    task.transform(stored[:5], augment=True)
    assert torch.equal(stored[:5], before)


@pytest.mark.parametrize(
    ("degrees", "scale", "mirrored"), [(0, 1, False), (0, 1, True), (15, 1.1, False), (-90, 0.9, True)]
)
def test_an_image_is_varied_as_torchvision_does_it(degrees, scale, mirrored):
    images = torch.rand(2, 1, 28, 28)
    # The second of two is left alone: each has parameters of its own.
    found = varied(
        images,
        torch.tensor([float(degrees), 0.0]),
        torch.tensor([float(scale), 1.0]),
        torch.tensor([mirrored, False]),
    )
    expected = affine(images[0], degrees, [0, 0], scale, [0, 0], InterpolationMode.BILINEAR)
    torch.testing.assert_close(found[0], hflip(expected) if mirrored else expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(found[1], images[1], atol=1e-5, rtol=0)


def test_each_image_of_a_batch_is_varied_in_its_own_way_and_on_black():
    torch.manual_seed(0)
    stored, _ = task.tensors("train")
    batch = task.transform(stored[:1].repeat(50, 1, 1, 1), augment=True)
    assert len({tuple(image.flatten().tolist()) for image in batch}) == 50
    dataset = task.augmented("train")
    singly = torch.stack([dataset[0][0] for _ in range(50)])
    assert len({tuple(image.flatten().tolist()) for image in singly}) == 50
    for images in (batch, singly):
        assert (images.shape, images.dtype) == ((50, 1, 28, 28), torch.float32)
        assert images.min() >= -1
        assert 0.5 < images.max() <= 1.001
        assert images[:, :, 0, 0].eq(-1).all()
    # Drawn from the same distributions: the mean images of both are alike, half of each mirrored.
    assert (batch.mean(0) - singly.mean(0)).abs().mean() < 0.1


def test_augmented_images_keep_their_classes_and_the_data_set_its_images():
    plain, augmented = task.dataset("validation"), task.augmented("validation")
    before = plain[3][0]
    assert len(augmented) == len(plain)
    assert [augmented[i][1] for i in range(5)] == [plain[i][1] for i in range(5)]
    assert not torch.equal(augmented[3][0], before)
    assert torch.equal(plain[3][0], before)


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
