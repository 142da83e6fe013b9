from __future__ import annotations

import pytest
import torch

from benchsuite import Task
from scenarios import short_training
from scenarios.cnn import CNN
from scenarios.loop import LoopSettings
from scenarios.mnist import MnistTask, task
from scenarios.short_training import accuracy_of, examples, train_shortly


class Stored(Task):
    """Hands out views of what it holds: whoever writes into them spoils its data."""

    name = "stored"

    def __init__(self):
        self.inputs, self.target = task.example_batch(2000)

    def make_model(self):
        return CNN()

    def example_batch(self, size):
        return self.inputs[:size], self.target[:size]

    def loss(self, output, target):
        return task.loss(output, target)

    def metrics(self, output, target):
        return task.metrics(output, target)


class WithoutMetrics(Stored):
    metrics = Task.metrics


class RandomModel(MnistTask):
    def make_model(self):
        return torch.nn.Sequential(CNN(), torch.nn.BatchNorm1d(10), torch.nn.Dropout())


@pytest.fixture
def _one_epoch(monkeypatch):
    monkeypatch.setattr(short_training, "NUM_EPOCHS", 1)


def test_no_example_is_both_trained_on_and_held_out():
    found = examples(task)
    inputs, target = task.example_batch(2000)
    assert torch.equal(torch.cat([batch for batch, _ in found.training]), inputs[:1000])
    assert torch.equal(torch.cat([batch for batch, _ in found.held_out]), inputs[1000:])
    assert torch.equal(torch.cat([classes for _, classes in found.held_out]), target[1000:])


def test_a_task_without_metrics_has_no_accuracy():
    assert examples(WithoutMetrics()) is None


@pytest.mark.usefixtures("_one_epoch")
def test_training_writes_into_none_of_the_tasks_tensors():
    stored = Stored()
    before = stored.inputs.clone(), stored.target.clone()
    train_shortly(LoopSettings(), stored, examples(stored))
    assert torch.equal(stored.inputs, before[0])
    assert torch.equal(stored.target, before[1])


@pytest.mark.usefixtures("_one_epoch")
def test_random_layers_rest_and_normalisation_is_trained():
    batches = examples(task)
    models = [train_shortly(LoopSettings(), RandomModel(), batches) for _ in range(2)]
    for one, other in zip(models[0].parameters(), models[1].parameters(), strict=True):
        torch.testing.assert_close(one, other)
    assert models[0][1].num_batches_tracked == len(batches.training)


def test_accuracy_is_the_share_of_held_out_examples():
    class Constant(torch.nn.Module):
        def forward(self, images):
            return torch.eye(10)[3].expand(len(images), 10)

    batches = examples(task)
    share = torch.cat([target for _, target in batches.held_out]).eq(3).double().mean().item()
    assert accuracy_of(Constant(), LoopSettings(phase="infer"), task, batches) == pytest.approx(share)
