from __future__ import annotations

import pytest
import torch

from benchsuite.worker import device, timing


@pytest.fixture
def gpus(monkeypatch):
    """Return the bytes that this process holds on each of two GPUs; change them as a workload would."""
    held = {0: 0, 1: 0}
    monkeypatch.setattr(device._Use, "devices", ())
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(held))
    monkeypatch.setattr(torch.cuda, "memory_reserved", held.__getitem__)
    return held


def test_cuda_that_is_merely_initialised_is_not_in_use(gpus):
    device.note_use()
    assert not device.cuda_in_use()


def test_a_workload_that_goes_to_a_gpu_in_its_first_step_only_is_found_and_waited_for(gpus, monkeypatch):
    waited = []
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    timing.time_first_step(lambda: gpus.update({1: 2**20}))
    assert device.cuda_in_use()
    assert waited == [1]


def test_waiting_does_not_ask_the_allocator_again(gpus, monkeypatch):
    gpus[1] = 2**20
    device.note_use()
    monkeypatch.setattr(torch.cuda, "synchronize", waited := [].append)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: pytest.fail("asked within a turn"))
    device.synchronize()
    assert waited.__self__ == [1]


def test_without_a_gpu_nothing_is_asked_of_one():
    assert device.peaks() == device.clocks() == device.describe() == {}
