from __future__ import annotations

import os
import subprocess
import sys
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


@pytest.fixture
def idle_helpers(monkeypatch):
    """No thread but the step's own works."""
    for name in ("process_time_ns", "thread_time_ns"):
        monkeypatch.setattr(timing, name, lambda: 0)


@pytest.mark.usefixtures("idle_helpers")
@pytest.mark.parametrize("on_device", [False, True])
def test_what_the_turn_waited_is_that_between_its_ends(monkeypatch, on_device):
    waited = {"ns": 1000}
    monkeypatch.setattr(timing, "own_wait_ns", lambda: waited["ns"])
    if on_device:
        FakeDevice(monkeypatch)
    samples = timing.run_steps(lambda: waited.update(ns=waited["ns"] + 50), 3)
    assert samples.waited_ns == 150


class FakeDevice:
    """A device that works through what it is given only while the host waits for it."""

    def __init__(self, monkeypatch):
        self.log = []
        fake = self

        class Event:
            def __init__(self, *, enable_timing):
                assert enable_timing
                self.place = None

            def record(self, stream):
                assert stream == "the current one"
                self.place = len([entry for entry in fake.log if entry == "step"])
                fake.log.append("event")

            def elapsed_time(self, later):
                assert fake.log[-1] == "wait", "read before the device was done"
                return 1.5 * (later.place - self.place)

        monkeypatch.setattr(torch.cuda, "Event", Event)
        monkeypatch.setattr(torch.cuda, "current_stream", lambda: "the current one")
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
    # Each is made first, by being recorded once.
    assert fake.log[:4] == ["event"] * 4
    assert fake.log[4:] == ["wait", "event", "step", "event", "step", "event", "step", "event", "wait"]
    assert samples.device_ns == [1_500_000] * 3


def test_the_first_step_waits_for_the_device(monkeypatch):
    fake = FakeDevice(monkeypatch)
    assert timing.time_first_step(fake.step) >= WAIT_S * 1e9
    assert fake.log == ["step", "wait"]


def test_waiting_for_a_thread_of_its_own_is_part_of_the_step(monkeypatch):
    waited, helpers = {"ns": 0}, {"ns": 0}
    monkeypatch.setattr(timing, "own_wait_ns", lambda: waited["ns"])
    monkeypatch.setattr(timing, "thread_time_ns", lambda: 0)
    monkeypatch.setattr(timing, "process_time_ns", lambda: helpers["ns"])

    def step():
        waited["ns"] += 50
        helpers["ns"] += 30

    assert timing.run_steps(step, 3).waited_ns == 60


@pytest.mark.usefixtures("idle_helpers")
def test_waiting_counts_as_the_steps_where_the_process_has_children(monkeypatch):
    waited = {"ns": 0}
    monkeypatch.setattr(timing, "own_wait_ns", lambda: waited["ns"])
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert timing.run_steps(lambda: waited.update(ns=waited["ns"] + 50), 3).waited_ns == 0
    finally:
        child.communicate(b"")
    assert timing.run_steps(lambda: waited.update(ns=waited["ns"] + 50), 3).waited_ns == 150


BUSY_STEP = """
import os, time
os.sched_setaffinity(0, {int(os.environ["CORE"])})
from benchsuite.worker import timing

def step():
    for _ in range(80):  # about 2 ms, in which no clock is asked
        sum(range(2000))

CLOCKS = timing.perf_counter_ns, timing.process_time_ns
wrong = [0, 0]
for index in range(160):
    time.sleep(0.01)  # as a worker that waits for its turn
    swapped = index % 2  # processor time is asked for between the wall clock's last reading and the wait's
    timing.perf_counter_ns, timing.process_time_ns = reversed(CLOCKS) if swapped else CLOCKS
    turn = timing._run_cpu_steps(step, 3)
    lengths = turn.elapsed_ns, sum(turn.cpu_ns)
    wall_ns, cpu_ns = reversed(lengths) if swapped else lengths
    # What is not waited for is at least the time that the processor worked.
    wrong[swapped] += cpu_ns - (wall_ns - turn.waited_ns) > 500_000
print(*wrong)
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be chosen here")
def test_no_wait_is_taken_off_that_the_turn_did_not_have():
    core = min(os.sched_getaffinity(0))
    busy = subprocess.Popen(
        [sys.executable, "-c", f"import os\nos.sched_setaffinity(0, {{{core}}})\nwhile True: pass"]
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", BUSY_STEP], capture_output=True, text=True, check=True, env=os.environ | {"CORE": str(core)}
        )  # fmt: skip
    finally:
        busy.kill()
        busy.wait()
    wrong, wrong_if_swapped = map(int, done.stdout.split())
    assert wrong_if_swapped > 10, "the neighbour took the core from many turns"
    assert wrong * 4 <= wrong_if_swapped
