from __future__ import annotations

import time

import pytest
import torch

from benchsuite.worker import device, timing

WAIT_S = 0.02


@pytest.mark.parametrize("count", [1, 2, 50])
def test_every_step_is_a_sample_and_they_add_up_to_the_turn(count):
    done = []
    samples = timing.run_steps(lambda: done.append(1), count)
    assert len(done) == len(samples.step_ns) == len(samples.cpu_ns) == count
    assert sum(samples.step_ns) == samples.elapsed_ns
    assert min(samples.step_ns) >= 0
    assert samples.device_ns == []


def test_waiting_takes_host_time_and_no_processor_time():
    samples = timing.run_steps(lambda: time.sleep(WAIT_S), 3)
    assert min(samples.step_ns) >= WAIT_S * 1e9
    assert sum(samples.cpu_ns) < samples.elapsed_ns / 2


def test_a_step_that_raises_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        timing.run_steps(lambda: 1 / 0, 3)


class FakeDevice:
    """A device that works through what it is given only while the host waits for it."""

    def __init__(self, monkeypatch):
        self.log = []
        fake = self

        class Event:
            def __init__(self, *, enable_timing):
                assert enable_timing
                self.place = None

            def record(self):
                self.place = len([entry for entry in fake.log if entry == "step"])
                fake.log.append("event")

            def elapsed_time(self, later):
                assert fake.log[-1] == "wait", "read before the device was done"
                return 1.5 * (later.place - self.place)

        monkeypatch.setattr(torch.cuda, "Event", Event)
        monkeypatch.setattr(device, "cuda_in_use", lambda: True)
        monkeypatch.setattr(device, "synchronize", self.synchronize)

    def step(self):
        self.log.append("step")

    def synchronize(self):
        time.sleep(WAIT_S)
        self.log.append("wait")


def test_on_a_device_the_turn_includes_the_wait_for_all_its_work(monkeypatch):
    fake = FakeDevice(monkeypatch)
    samples = timing.run_steps(fake.step, 4)
    assert samples.elapsed_ns >= WAIT_S * 1e9
    assert samples.step_ns[-1] >= WAIT_S * 1e9
    assert sum(samples.step_ns) == samples.elapsed_ns
    # Idle before the clock starts: that wait is not measured.
    assert samples.elapsed_ns < 2 * WAIT_S * 1e9 + 1e9 * WAIT_S


def test_on_a_device_an_event_stands_between_any_two_steps_and_one_wait_at_the_end(monkeypatch):
    fake = FakeDevice(monkeypatch)
    samples = timing.run_steps(fake.step, 3)
    assert fake.log == ["wait", "event", "step", "event", "step", "event", "step", "event", "wait"]
    assert samples.device_ns == [1_500_000] * 3


def test_the_first_step_waits_for_the_device(monkeypatch):
    fake = FakeDevice(monkeypatch)
    assert timing.time_first_step(fake.step) >= WAIT_S * 1e9
    assert fake.log == ["step", "wait"]
