from __future__ import annotations

import pytest
import torch

from benchsuite import Skip, Task
from benchsuite.errors import UsageError
from scenarios import checkpoint
from scenarios.checkpoint import first_items, trained_weights
from scenarios.cnn import CNN

CORRUPT = [b"", b"no checkpoint", b"PK\x03\x04 half of one"]


class Separable(Task):
    """Two classes that a line tells apart: trained in a moment."""

    name = "separable"
    target_accuracy = 0.9

    def make_model(self):
        return torch.nn.Linear(2, 2)

    def example_batch(self, size):
        inputs = torch.linspace(-1, 1, 2 * size).reshape(size, 2)
        return inputs, (inputs.sum(1) > 0).long()

    def loss(self, output, target):
        return torch.nn.functional.cross_entropy(output, target)

    def dataset(self, split):
        generator = torch.Generator().manual_seed(len(split))
        inputs = torch.randn(500, 2, generator=generator)
        return torch.utils.data.TensorDataset(inputs, (inputs.sum(1) > 0).long())

    def metrics(self, output, target):
        return {"accuracy": (output.argmax(1) == target).double().mean().item()}


task = Separable()


def accuracy(task, weights):
    model = task.make_model()
    model.load_state_dict(weights)
    inputs, target = first_items(task, "test", 500)
    return task.metrics(model(inputs), target)["accuracy"]


@pytest.fixture(autouse=True)
def new_process(cache):
    """Return a function that forgets what this process has read, as a new one would not know it."""
    checkpoint._IN_PROCESS.clear()
    yield checkpoint._IN_PROCESS.clear
    checkpoint._IN_PROCESS.clear()


@pytest.fixture
def trainings(monkeypatch):
    """Return a list that grows with each training."""
    counted = []
    train = checkpoint._trained
    monkeypatch.setattr(checkpoint, "_trained", lambda *args: counted.append(args) or train(*args))
    return counted


def kept(cache):
    (path,) = (cache / "checkpoints").iterdir()
    return path


def test_the_first_trains_and_all_others_read(cache, trainings, new_process):
    first = trained_weights(task)
    assert accuracy(task, first) >= 0.9
    new_process()
    second = trained_weights(task)
    assert len(trainings) == 1
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert kept(cache).suffix == ".pt", "nothing half written lies beside it"


@pytest.mark.parametrize("content", CORRUPT)
def test_a_corrupt_file_is_made_again(content, cache, trainings, new_process):
    first = trained_weights(task)
    whole = kept(cache).read_bytes()
    kept(cache).write_bytes(content)
    new_process()
    again = trained_weights(task)
    assert len(trainings) == 2
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert len(kept(cache).read_bytes()) == len(whole)


def test_a_file_that_would_run_code_is_not_run(cache, tmp_path, trainings, new_process):
    class Harmful:
        def __reduce__(self):
            return (open, (str(tmp_path / "harm"), "w"))

    trained_weights(task)
    torch.save({"weights": Harmful(), "probe": Harmful()}, kept(cache))
    new_process()
    assert accuracy(task, trained_weights(task)) >= 0.9
    assert not (tmp_path / "harm").exists()


def test_the_same_layers_with_another_forward_pass_are_another_model(trainings, new_process):
    class Negated(torch.nn.Linear):
        def forward(self, inputs):
            return -super().forward(inputs)

        def _get_name(self):
            return "Linear"

    trained_weights(task)
    changed = Separable()
    changed.make_model = lambda: Negated(2, 2)
    new_process()
    model = Negated(2, 2)
    model.load_state_dict(trained_weights(changed))
    inputs, target = first_items(task, "test", 500)
    assert task.metrics(model(inputs), target)["accuracy"] >= 0.9
    assert len(trainings) == 2


def test_a_derived_task_has_a_checkpoint_of_its_own(trainings):
    class Inverted(Separable):
        def dataset(self, split):
            inputs, target = super().dataset(split).tensors
            return torch.utils.data.TensorDataset(inputs, 1 - target)

    assert accuracy(task, trained_weights(Inverted())) <= 0.1
    assert accuracy(task, trained_weights(task)) >= 0.9
    assert len(trainings) == 2


def test_training_leaves_the_trials_own_random_numbers_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    trained_weights(task)
    assert torch.equal(torch.rand(3), expected)


def test_a_task_that_cannot_be_judged_is_skipped():
    class ModelOnly(Task):
        name = "model only"

        def make_model(self):
            return CNN()

        def example_batch(self, size):
            return torch.zeros(size, 1, 28, 28), torch.zeros(size, dtype=torch.int64)

    with pytest.raises(Skip, match="has no loss"):
        trained_weights(ModelOnly())


def test_a_folder_that_cannot_be_written_is_named(cache):
    cache.mkdir()
    (cache / "checkpoints").write_text("a file where a folder belongs")
    with pytest.raises(UsageError, match="BENCHSUITE_CACHE_DIR"):
        trained_weights(task)


def test_a_short_data_set_is_taken_whole():
    inputs, target = first_items(task, "test", 10_000)
    assert (len(inputs), len(target)) == (500, 500)
    assert len(first_items(task, "test", 7)[0]) == 7
