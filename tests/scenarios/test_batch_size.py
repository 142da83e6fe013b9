from __future__ import annotations

import pytest
import torch

from scenarios.batch_size import Settings, batch_size
from scenarios.cnn import CNN
from scenarios.mnist import MnistTask, task

PHASES = ["train", "infer"]


class MixesTheBatch(CNN):
    """What one image gets depends on the others of its batch: a fault that no shape shows."""

    def forward(self, images):
        logits = super().forward(images)
        return logits - 0.01 * logits.sum(0, keepdim=True)


class MixingTask(MnistTask):
    def make_model(self):
        return MixesTheBatch()


class SummedLoss(MnistTask):
    """A sum where the mean belongs: gradients grow with the batch."""

    def loss(self, output, target):
        return super().loss(output, target) * len(target)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("size", [1, 2, 8, 100])
def test_a_batch_equals_its_parts(phase, size, failing):
    workload = batch_size.build(Settings(size, phase), task)
    assert workload.items_per_step == size
    for _ in range(5):
        workload.step()
    checks = workload.check()
    assert len(checks) == 2
    assert failing(checks) == set()


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("size", [1, 8])
def test_images_that_depend_on_their_batch_fail(phase, size, failing):
    workload = batch_size.build(Settings(size, phase), MixingTask())
    assert any(name.endswith("error_against_parts") for name in failing(workload.check()))


@pytest.mark.parametrize("size", [1, 8])
def test_a_loss_that_is_no_mean_fails(size, failing):
    workload = batch_size.build(Settings(size), SummedLoss())
    assert failing(workload.check()) == {"gradient_error_against_parts"}


def test_a_loss_that_is_nan_fails(nan_task, failing):
    workload = batch_size.build(Settings(8), nan_task)
    assert failing(workload.check()) == {"loss_not_finite", "gradient_error_against_parts"}


def test_dropout_is_no_fault(failing):
    class Dropout(MnistTask):
        def make_model(self):
            return torch.nn.Sequential(CNN(), torch.nn.Dropout())

    workload = batch_size.build(Settings(8), Dropout())
    workload.step()
    assert failing(workload.check()) == set()
