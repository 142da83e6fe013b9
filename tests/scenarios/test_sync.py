from __future__ import annotations

import dataclasses

import pytest
import torch

from benchsuite import ProcessSpec
from scenarios.loop import LoopSettings, make_loop
from scenarios.mnist import task
from scenarios.steps import Looked
from scenarios.sync import Settings, changes, loop_settings, sync

LOOKS = ["never", "each-100-steps", "each-step"]


@pytest.fixture
def numbers(monkeypatch):
    """Return the list of all numbers that somebody has waited for."""
    read, item = [], torch.Tensor.item

    def record(tensor):
        read.append(item(tensor))
        return read[-1]

    monkeypatch.setattr(torch.Tensor, "item", record)
    return read


@pytest.mark.parametrize("look", LOOKS)
def test_looking_changes_no_loss(look, failing):
    workload = sync.build(Settings(look), task)
    for _ in range(4):
        workload.step()
    checks = workload.check()
    assert len(checks) == (3 if look == "never" else 4)
    assert failing(checks) == set()


@pytest.mark.parametrize(("every", "reads"), [(0, 0), (1, 5), (2, 2), (100, 0)])
def test_the_loss_is_read_in_its_turn_and_never_else(every, reads, numbers):
    loop = make_loop(LoopSettings(look_every=every), task)
    losses = [loop.step() for _ in range(5)]
    assert numbers == [float(losses[i].numpy()) for i in range(5) if every and (i + 1) % every == 0]
    assert len(numbers) == reads


@pytest.mark.parametrize("look", LOOKS[1:])
def test_a_loop_that_does_not_look_fails(look, failing, monkeypatch):
    monkeypatch.setattr(Looked, "at", lambda self, loss: None)
    workload = sync.build(Settings(look), task)
    assert failing(workload.check()) == {"reads_too_many_or_too_few", "number_is_not_the_loss"}


def test_a_loop_that_looks_at_something_else_fails(failing, monkeypatch):
    look = Looked.at
    monkeypatch.setattr(Looked, "at", lambda self, loss: look(self, loss + 1))
    workload = sync.build(Settings("each-step"), task)
    assert failing(workload.check()) == {"number_is_not_the_loss"}


def test_a_plain_loop_that_looks_fails(failing, monkeypatch):
    def look_anyway(settings):
        return LoopSettings(device=settings.device, look_every=1)

    monkeypatch.setattr("scenarios.sync.loop_settings", look_anyway)
    assert failing(sync.build(Settings(), task).check()) == {"reads_too_many_or_too_few"}


def test_a_loop_that_trains_differently_fails(failing, monkeypatch):
    def faster(settings):
        return dataclasses.replace(loop_settings(settings), optimizer="momentum")

    monkeypatch.setattr("scenarios.sync.loop_settings", faster)
    assert failing(sync.build(Settings("each-step"), task).check()) == {"loss_error_against_plain_loop"}


def test_a_loss_that_is_nan_fails(nan_task, failing):
    failed = failing(sync.build(Settings("each-step"), nan_task).check())
    assert failed == {"loss_not_finite", "loss_error_against_plain_loop", "number_is_not_the_loss"}


def test_looking_is_all_that_is_changed():
    for settings in sync.variants:
        plain = LoopSettings(device=settings.device)
        assert loop_settings(settings) == plain.changed(changes(settings))
        assert sync.process(settings) == ProcessSpec()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("look", LOOKS)
def test_looking_on_a_gpu_changes_no_loss(look, failing):
    workload = sync.build(Settings(look, "cuda"), task)
    for _ in range(4):
        workload.step()
    assert failing(workload.check()) == set()
