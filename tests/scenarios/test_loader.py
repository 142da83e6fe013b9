from __future__ import annotations

import dataclasses
import multiprocessing

import pytest
import torch

import scenarios.loop
from benchsuite import Skip, Task
from scenarios.cnn import CNN
from scenarios.loader import Settings, loader
from scenarios.loading import Loaded
from scenarios.optimizers import make_optimizer
from scenarios.sources import Order

ON_CPU = [settings for settings in loader.variants if settings.device == "cpu"]
PIPELINES = ["images", "batched", "memory"]
CONTENT = {"input_error_against_dataset", "update_error_against_plain_loop"}


@pytest.fixture
def built(small_task):
    """Return a function that builds a workload over few images, and close what it built."""
    workloads = []

    def build(settings, task=small_task):
        workloads.append(loader.build(settings, task))
        return workloads[-1]

    yield build
    for workload in workloads:
        workload.close()


@pytest.mark.parametrize("settings", ON_CPU, ids=lambda s: f"{s.pipeline}-{s.workers}-{s.augment}")
def test_each_variant_steps_and_its_check_holds(settings, built, failing):
    workload = built(settings)
    workload.resume()
    for _ in range(4):  # two epochs of two batches
        workload.step()
    workload.pause()
    workload.resume()
    checks = workload.check()
    assert failing(checks) == set()
    assert len(checks) == (7 if settings.augment else 6)
    assert 0 < workload.metrics["data_wait_share"] < 1
    assert workload.metrics["epoch_start_time"] > 0
    assert workload.metrics["epoch_steps"] == 2
    assert (workload.metrics["worker_memory"] > 0) == (settings.workers > 0)
    assert workload.items_per_step == 100


def test_axes_are_varied_one_at_a_time():
    for variant in loader.described():
        plain = Settings(augment=variant.context["augment"], device=variant.context["device"])
        changed = {key for key, value in variant.settings.items() if value != getattr(plain, key)}
        # What concerns workers needs some.
        assert len(changed - {"workers"}) <= 1
        assert "pipeline" not in changed or "workers" not in changed
    assert len(ON_CPU) == 12


def test_workers_start_in_the_first_step_and_in_no_later_one(built):
    before = len(multiprocessing.active_children())
    workload = built(Settings(workers=2, persistent_workers=True))
    assert len(multiprocessing.active_children()) == before
    workload.step()
    started = {child.pid for child in multiprocessing.active_children()}
    assert len(started) == before + 2
    for _ in range(5):
        workload.step()
    assert {child.pid for child in multiprocessing.active_children()} == started


@pytest.mark.parametrize("pipeline", ["batched", "memory"])
def test_a_transform_that_scales_otherwise_fails(pipeline, small_task, built, failing, monkeypatch):
    transform = small_task.transform
    monkeypatch.setattr(small_task, "transform", lambda s, *, augment: transform(s, augment=augment) * 1.01)
    assert failing(built(Settings(pipeline)).check()) == CONTENT


@pytest.mark.parametrize("augment", [False, True])
def test_targets_of_other_samples_fail(augment, small_task, built, failing, monkeypatch):
    stored, targets = small_task.tensors("train")
    monkeypatch.setattr(small_task, "tensors", lambda _: (stored, targets.roll(1)))
    assert "target_error_against_dataset" in failing(built(Settings("memory", augment=augment)).check())


def test_a_sample_drawn_twice_fails(built, failing, monkeypatch):
    def draw(number, generator):
        return torch.randint(number, (number,), generator=generator)

    monkeypatch.setattr(torch, "randperm", draw)
    assert failing(built(Settings()).check()) == {"repeated_samples"}


def test_another_epochs_order_fails(built, failing, monkeypatch):
    workload = built(Settings("batched"))
    workload.step()

    def goes_on(self, num_batches=0):
        """Leave the order where it is."""

    monkeypatch.setattr(Order, "restart", goes_on)
    assert failing(workload.check()) == {*CONTENT, "target_error_against_dataset"}


@pytest.mark.parametrize("augment", [False, True])
def test_a_ragged_batch_fails(augment, built, failing, monkeypatch):
    whole = Loaded.next
    calls = []

    def ragged(self):
        calls.append(self)
        inputs, target = whole(self)
        return (inputs[:50], target[:50]) if len(calls) % 3 == 0 else (inputs, target)

    monkeypatch.setattr(Loaded, "next", ragged)
    failed = failing(built(Settings(augment=augment)).check())
    assert "batches_of_another_shape" in failed


def test_a_loop_that_trains_otherwise_fails(built, failing, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(scenarios.loop, "make_optimizer", lambda p, *_: make_optimizer(p, lr=0.02))
        workload = built(Settings())
    assert failing(workload.check()) == {"update_error_against_plain_loop"}


def test_an_augmentation_that_does_nothing_fails(small_task, built, failing, monkeypatch):
    monkeypatch.setattr(small_task, "augmented", small_task.dataset)
    failed = failing(built(Settings(augment=True)).check())
    assert failed == {"unchanged_samples", "repeated_augmentations"}


def test_an_augmentation_that_happens_once_fails(small_task, built, failing, monkeypatch):
    stored, _ = small_task.tensors("train")
    once = small_task.transform(stored, augment=True)
    places = {row.numpy().tobytes(): index for index, row in enumerate(stored)}

    def kept(batch, *, augment):
        return once[[places[row.numpy().tobytes()] for row in batch]]

    monkeypatch.setattr(small_task, "transform", kept)
    assert failing(built(Settings("memory", augment=True)).check()) == {"repeated_augmentations"}


def test_augmented_bytes_that_nobody_normalised_fail(small_task, built, failing, monkeypatch):
    transform = small_task.transform
    monkeypatch.setattr(small_task, "transform", lambda s, *, augment: transform(s, augment=augment) * 255)
    assert failing(built(Settings("batched", augment=True)).check()) == {"values_beyond_range"}


def test_a_loss_that_is_nan_fails(nan_task, built, failing):
    failed = failing(built(Settings("memory"), nan_task).check())
    assert failed == {"loss_not_finite", "update_error_against_plain_loop"}


def test_dropout_is_no_fault(small_task, built, failing, monkeypatch):
    monkeypatch.setattr(small_task, "make_model", lambda: torch.nn.Sequential(CNN(), torch.nn.Dropout()))
    for pipeline in PIPELINES:
        assert failing(built(Settings(pipeline, workers=int(pipeline == "images"))).check()) == set()


class DatasetOnly(Task):
    """A user's task: vectors, and a data set of them."""

    name = "data set only"

    def make_model(self):
        return torch.nn.Linear(4, 3)

    def example_batch(self, size):
        return torch.randn(size, 4), torch.randint(0, 3, (size,))

    def loss(self, output, target):
        return torch.nn.functional.cross_entropy(output, target)

    def dataset(self, _split):
        return [(torch.full((4,), index / 1000), index % 3) for index in range(400)]


def test_a_task_with_a_data_set_alone_gets_what_that_allows(built, failing):
    workload = built(Settings(workers=1), DatasetOnly())
    workload.step()
    assert failing(workload.check()) == set()
    for settings, missing in (
        (Settings("batched"), "tensors"),
        (Settings("memory"), "tensors"),
        (Settings(augment=True), "augmented"),
    ):
        with pytest.raises(Skip, match=f"'data set only' has no {missing}"):
            loader.build(settings, DatasetOnly())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("settings", ON_CPU, ids=lambda s: f"{s.pipeline}-{s.workers}-{s.augment}")
def test_on_a_gpu_each_check_holds(settings, built, failing):
    workload = built(dataclasses.replace(settings, device="cuda"))
    for _ in range(4):
        workload.step()
    assert failing(workload.check()) == set()
