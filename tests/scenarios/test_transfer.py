from __future__ import annotations

import itertools

import pytest
import torch

import scenarios.loop
from benchsuite import CUDA
from scenarios.copying import Copied
from scenarios.feed import Batches
from scenarios.mnist import task
from scenarios.optimizers import make_optimizer
from scenarios.transfer import Settings, transfer, wrong_batches

ON_CPU = [settings for settings in transfer.variants if settings.device == "cpu"]
ON_CUDA = [settings for settings in transfer.variants if settings.device == "cuda"]


def test_every_combination_is_tried_on_a_gpu_and_none_that_makes_no_sense_on_a_cpu():
    assert [settings.data for settings in ON_CPU] == ["host", "resident"]
    assert all(settings == Settings(settings.data) for settings in ON_CPU)
    combinations = itertools.product(
        ["pageable", "pinned", "pinned-in-loop"], [False, True], ["same", "side"], ["eager", "captured"]
    )
    copied = {(s.host_memory, s.non_blocking, s.copy_stream, s.steps) for s in ON_CUDA if s.data == "host"}
    assert copied == set(combinations)
    assert len(ON_CUDA) == len(copied) + 2
    assert all(transfer.requires(settings) == [CUDA] for settings in ON_CUDA)


@pytest.mark.parametrize("settings", ON_CPU, ids=lambda s: s.data)
def test_on_a_cpu_each_check_holds(settings, failing):
    workload = transfer.build(settings, task)
    for _ in range(3):
        workload.step()
    checks = workload.check()
    assert failing(checks) == set()
    assert len(checks) == (4 if settings.data == "host" else 3)


def test_a_batch_that_arrives_changed_fails(failing, monkeypatch):
    copied = Copied._copied

    def one_value_lost(self, tensor):
        tensor = copied(self, tensor)
        tensor.view(-1)[tensor.numel() // 2] += 1
        return tensor if tensor.is_floating_point() else tensor.clamp(max=9)

    workload = transfer.build(Settings(), task)
    monkeypatch.setattr(Copied, "_copied", one_value_lost)
    assert "batches_with_another_checksum" in failing(workload.check())


def batches():
    return [(torch.full((3,), float(i)), torch.tensor([i])) for i in range(4)]


class Late(Batches):
    """Hands out the batch of the step before: what a wait that is left out looks like."""

    def next(self):
        before = self._batches[self._index - 1]
        super().next()
        return before


def test_a_batch_that_comes_late_fails():
    assert wrong_batches(Batches(batches()), batches()).ok
    check = wrong_batches(Late(batches()), batches())
    assert (check.value, check.ok) == (8, False)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_checksum_that_is_no_number_fails(value):
    feed = Batches([(inputs * value, target) for inputs, target in batches()])
    assert not wrong_batches(feed, batches()).ok


def test_memory_of_another_kind_fails(failing, monkeypatch):
    workload = transfer.build(Settings(), task)
    monkeypatch.setattr(torch.Tensor, "is_pinned", lambda _: True)
    assert failing(workload.check()) == {"copied_from_pinned_memory"}


def test_a_loop_that_trains_otherwise_fails(failing, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(scenarios.loop, "make_optimizer", lambda p, *_: make_optimizer(p, lr=0.02))
        workload = transfer.build(Settings("resident"), task)
    assert failing(workload.check()) == {"update_error_against_plain_loop"}


def test_a_loss_that_is_nan_fails(nan_task, failing):
    failed = failing(transfer.build(Settings(), nan_task).check())
    assert failed == {"loss_not_finite", "update_error_against_plain_loop"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("settings", ON_CUDA, ids=str)
def test_on_a_gpu_each_check_holds(settings, failing):
    workload = transfer.build(settings, task)
    for _ in range(3):
        workload.step()
    checks = workload.check()
    assert failing(checks) == set()
    assert len(checks) == (4 if settings.data == "host" else 3)
    workload.close()
