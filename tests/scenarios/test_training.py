from __future__ import annotations

import pytest
import torch

from benchsuite import Skip, Task
from scenarios.mnist import task
from scenarios.training import Settings, num_epochs, recalls, training


def train(a_task, epochs=2, seed=0):
    torch.manual_seed(seed)
    workload = training.build(Settings(), a_task)
    for _ in range(epochs):
        workload.step()
    return workload


def test_an_epoch_is_a_step_and_leaves_a_point_on_each_curve(small_task):
    workload = train(small_task)
    assert workload.items_per_step == 200, "250 images are two whole batches"
    assert workload.num_steps == 20
    assert {
        name: [x for x, _ in points] for name, points in workload.series.items() if "time" not in name
    } == {
        "loss": [1, 2],
        "validation_accuracy": [1, 2],
        "epoch_s": [1, 2],
    }
    assert all(0 <= accuracy <= 1 for _, accuracy in workload.series["validation_accuracy"])


def test_validation_does_not_count_as_training_time(small_task):
    workload = train(small_task, epochs=3)
    seconds = [y for _, y in workload.series["epoch_s"]]
    over_time = [x for x, _ in workload.series["validation_accuracy_over_time"]]
    assert over_time == pytest.approx([seconds[0], sum(seconds[:2]), sum(seconds)])


def test_the_seed_decides_the_curve(small_task):
    first, again, other = (train(small_task, seed=seed).series["loss"] for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_test_images_are_looked_at_once_and_only_by_the_check(small_task, monkeypatch):
    asked = []
    dataset = type(small_task).dataset
    monkeypatch.setattr(
        type(small_task), "dataset", lambda self, split: asked.append(split) or dataset(self, split)
    )
    workload = train(small_task)
    assert "test" not in asked
    workload.check()
    assert asked.count("test") == 1


def test_a_training_that_learned_nothing_fails(small_task, failing):
    workload = train(small_task)
    failed = failing(workload.check())
    assert "test_accuracy" in failed
    assert any(name.startswith("recall_") for name in failed), "some class is never predicted"
    assert "loss_not_finite" not in failed
    assert "time_to_90_s" not in workload.metrics
    assert {f"recall_{label}" for label in range(10)} < set(workload.metrics)


def test_a_loss_that_is_nan_fails(nan_task, failing):
    assert "loss_not_finite" in failing(train(nan_task, epochs=1).check())


def test_one_collapsed_class_fails_though_the_accuracy_holds(small_task, failing, monkeypatch):
    def blind_to_sevens(_model, dataset):
        target = torch.tensor([label for _, label in dataset])
        guess = torch.where(target == 7, 1, target)
        return torch.nn.functional.one_hot(guess, 10).float(), target

    workload = train(small_task, epochs=0)
    monkeypatch.setattr("scenarios.training.predictions", blind_to_sevens)
    small_task.target_accuracy = 0.8
    assert failing(workload.check()) == {"recall_7"}


def test_time_to_the_target_is_the_first_time(small_task):
    small_task.target_accuracy = 0.01
    workload = train(small_task, epochs=3)
    reached = [x for x, y in workload.series["validation_accuracy_over_time"] if y >= 0.01]
    assert workload.metrics["time_to_1_s"] == reached[0]


def test_a_task_without_a_target_is_measured_but_not_judged(small_task):
    small_task.target_accuracy = None
    workload = train(small_task, epochs=1)
    assert [check.name for check in workload.check()] == ["loss_not_finite"]
    assert "test_accuracy" in workload.metrics


def test_a_task_without_data_is_skipped():
    class LossOnly(Task):
        name = "loss only"
        make_model = example_batch = None

        def loss(self, output, target):
            raise NotImplementedError

    with pytest.raises(Skip, match="has no dataset"):
        training.build(Settings(), LossOnly())


def test_recall_is_the_fraction_found_of_each_class():
    output = torch.eye(3)[[0, 0, 1, 2]]
    assert recalls(output, torch.tensor([0, 1, 1, 2])) == {0: 1.0, 1: 0.5, 2: 1.0}
    assert recalls(torch.rand(4, 1), torch.rand(4)) == {}


def test_fewer_images_take_more_epochs():
    assert (num_epochs(9_000), num_epochs(59_000)) == (20, 10)


@pytest.mark.slow
def test_the_embedded_images_train_to_ninety_percent():
    torch.manual_seed(0)
    workload = training.build(Settings(), task)
    for _ in range(workload.num_steps):
        workload.step()
    assert all(check.ok for check in workload.check())
    assert workload.metrics["time_to_90_s"] < sum(y for _, y in workload.series["epoch_s"])
