"""Faults that a timer of GPU work can have, planted: each is seen by what the engine's times are held against here."""

from __future__ import annotations

import event_timer
import pytest
import torch
from gpu_steps import product, training

from benchsuite.scenario import Check, Workload
from benchsuite.worker import device, operators, timing

pytestmark = pytest.mark.usefixtures("gpu")
SHARE = 0.05
COUNT = 10
SIDE_CYCLES = 20_000_000
"""About ten milliseconds."""
SETTINGS = {
    "plain": {},
    "captured": {"graph_steps": 1},
    "copied ahead": {"data": "host", "host_memory": "pinned", "non_blocking": True, "copy_stream": "side"},
    "bf16": {"precision": "bf16-autocast"},
    "micro-batches": {"micro_batches": 4},
    "optimizer in backward": {"optimizer_in_backward": True},
}


@pytest.fixture
def step(in_use):
    """Return a step of about a millisecond that is launched in microseconds."""
    return in_use(product())


def agrees(step, true_ns):
    """Whether the engine's device times and its turn's length are those of a step of so many ns."""
    try:
        samples = timing.run_steps(step, COUNT)
    except RuntimeError:
        # Events were read before the GPU was there.
        return False
    finally:
        torch.cuda.synchronize()
    on_device = sum(samples.device_ns) / COUNT
    whole = samples.elapsed_ns / COUNT
    return abs(on_device / true_ns - 1) < SHARE and whole > (1 - SHARE) * true_ns


def test_the_engine_as_it_is_agrees(step):
    assert agrees(step, event_timer.device_ns(step, COUNT))


def test_a_missing_synchronisation_is_seen(step, monkeypatch):
    true_ns = event_timer.device_ns(step, COUNT)
    monkeypatch.setattr(device, "synchronize", lambda: None)
    assert not agrees(step, true_ns)


def test_events_on_another_stream_are_seen(step, monkeypatch):
    true_ns = event_timer.device_ns(step, COUNT)
    side = torch.cuda.Stream()

    class Elsewhere(torch.cuda.Event):
        def record(self, stream=None):  # noqa: ARG002 - torch's signature
            super().record(side)

    monkeypatch.setattr(torch.cuda, "Event", Elsewhere)
    assert not agrees(step, true_ns)


def test_work_on_a_stream_that_nobody_waits_for_is_part_of_the_turn(in_use):
    side = torch.cuda.Stream()
    held = torch.zeros(1, device="cuda")

    def step():
        with torch.cuda.stream(side):
            torch.cuda._sleep(SIDE_CYCLES)
        held.add_(1)

    in_use(step, 2)

    def side_ns():
        before, after = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        with torch.cuda.stream(side):
            before.record()
            torch.cuda._sleep(SIDE_CYCLES)
            after.record()
        torch.cuda.synchronize()
        return 1e6 * before.elapsed_time(after)

    ratio = event_timer.median_ratio(lambda: timing.run_steps(step, 3).elapsed_ns / 3, side_ns)
    assert ratio == pytest.approx(1, abs=SHARE)


@pytest.mark.parametrize(("look_every", "waits"), [(0, False), (1, True)])
def test_an_item_in_the_loop_is_a_synchronisation(in_use, look_every, waits):
    step = in_use(training(look_every=look_every))
    workload = Workload(step, lambda: [Check("a fact", 1.0, 1.0, "<=")])
    found = operators.run(lambda: workload, "")["metrics"]["synchronisations"]
    assert (found >= 1) == waits
    assert waits or found == 0


@pytest.fixture
def forbidden(gpu):
    """Have torch raise where an operation makes the host wait."""

    def forbid():
        torch.cuda.synchronize()
        torch.cuda.set_sync_debug_mode("error")

    yield forbid
    torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("name", SETTINGS)
def test_no_step_makes_the_host_wait_unless_that_is_the_question(in_use, forbidden, name):
    step = in_use(training(**SETTINGS[name]))
    forbidden()
    for _ in range(20):
        step()


def test_a_step_that_makes_the_host_wait_is_caught(in_use, forbidden):
    step = in_use(training(look_every=1))
    forbidden()
    with pytest.raises(RuntimeError, match="synchroniz"):
        step()
