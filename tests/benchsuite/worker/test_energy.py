from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchsuite.scenario import Workload
from benchsuite.worker import device, energy


class NotSupportedError(Exception):
    """What NVML's bindings raise where a GPU has no counter."""


class Machine:
    """GPUs that draw constant powers and count them now and then, and a clock that only steps move."""

    def __init__(self, step_s=0.001, watts=(300.0,), tick_s=0.1, stops_at_s=float("inf")):
        self.step_s, self.watts, self.tick_s, self.stops_at_s = step_s, watts, tick_s, stops_at_s
        self.now_s = 0.0
        self.steps = 0
        self.uuids = [f"uuid-{index}" for index in range(len(watts))]
        self.asked: list[str] = []

    def step(self):
        self.steps += 1
        self.now_s += self.step_s

    def clock_ns(self):
        return round(self.now_s * 1e9)

    def nvmlInit(self):  # noqa: N802 - NVML's name
        pass

    def nvmlDeviceGetHandleByUUID(self, uuid):  # noqa: N802 - NVML's name
        self.asked.append(uuid)
        return self.uuids.index(uuid.removeprefix("GPU-"))

    def nvmlDeviceGetTotalEnergyConsumption(self, handle):  # noqa: N802 - NVML's name
        """Each counter ticks at times of its own."""
        offset_s = 0.3 * self.tick_s * handle
        ticks = (min(self.now_s, self.stops_at_s) + offset_s) // self.tick_s
        return 10**9 + int(1000 * self.watts[handle] * ticks * self.tick_s)

    def measure(self, monkeypatch, **options):
        with monkeypatch.context() as patch:
            patch.setattr(device._Use, "devices", tuple(range(len(self.watts))))
            patch.setattr(torch.cuda, "synchronize", lambda _: None)
            patch.setattr(
                torch.cuda, "get_device_properties", lambda index: SimpleNamespace(uuid=self.uuids[index])
            )
            patch.setitem(sys.modules, "pynvml", self)
            patch.setattr(energy, "perf_counter_ns", self.clock_ns)
            return energy.measure(Workload(self.step, list, **options))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(
    step_s=st.floats(1e-4, 3.0),
    watts=st.lists(st.floats(50, 700), min_size=1, max_size=3),
    tick_s=st.floats(0.02, 0.1),
)
def test_energy_is_power_times_time_up_to_one_look_or_tick_in_a_second(monkeypatch, step_s, watts, tick_s):
    machine = Machine(step_s, watts, tick_s)
    (joules,) = machine.measure(monkeypatch).values()
    blurred_s = min(max(step_s, 0.005), tick_s)
    assert joules == pytest.approx(sum(watts) * step_s, rel=1.1 * blurred_s / 1.0)
    assert 1.0 <= machine.now_s <= 1.0 + 2 * max(step_s, 0.005) + 2 * tick_s + step_s


def test_a_short_step_is_measured_within_a_percent(monkeypatch):
    machine = Machine(step_s=0.001, watts=(300.0, 100.0))
    assert machine.measure(monkeypatch) == {"energy": pytest.approx(0.4, rel=0.01)}
    assert machine.asked == ["GPU-uuid-0", "GPU-uuid-1"]


def test_what_was_drawn_before_the_first_edge_does_not_count(monkeypatch):
    machine = Machine(step_s=0.001, watts=(300.0,))
    machine.now_s = 0.01
    idle = machine.nvmlDeviceGetTotalEnergyConsumption

    def with_a_jump(handle):
        return idle(handle) + (500_000 if machine.now_s > 0.05 else 0)

    machine.nvmlDeviceGetTotalEnergyConsumption = with_a_jump
    assert machine.measure(monkeypatch) == {"energy": pytest.approx(0.3, rel=0.06)}


def test_a_counter_that_never_moves_is_given_up(monkeypatch):
    machine = Machine(watts=(300.0, 0.0))
    assert machine.measure(monkeypatch) == {}
    assert machine.now_s == pytest.approx(2, rel=0.01)


def test_a_counter_that_stops_is_given_up(monkeypatch):
    machine = Machine(stops_at_s=0.55)
    assert machine.measure(monkeypatch) == {}
    assert machine.now_s == pytest.approx(2.5, rel=0.01)


@pytest.mark.parametrize("fails_after_s", [0.0, 0.5])
def test_a_counter_that_is_refused_is_no_error(fails_after_s, monkeypatch):
    machine = Machine()
    count = machine.nvmlDeviceGetTotalEnergyConsumption

    def refuse(handle):
        if machine.now_s >= fails_after_s:
            raise NotSupportedError
        return count(handle)

    machine.nvmlDeviceGetTotalEnergyConsumption = refuse
    assert machine.measure(monkeypatch) == {}
    assert machine.now_s <= fails_after_s + 0.01


def test_a_step_that_fails_is_an_error(monkeypatch):
    machine = Machine()

    def fail():
        raise ValueError("planted")

    machine.step = fail
    with pytest.raises(ValueError, match="planted"):
        machine.measure(monkeypatch)


def test_without_the_bindings_no_step_is_run(monkeypatch):
    monkeypatch.setattr(device, "cuda_in_use", lambda: True)
    monkeypatch.setitem(sys.modules, "pynvml", None)
    machine = Machine()
    assert energy.measure(Workload(machine.step, list)) == {}
    assert machine.steps == 0


def test_devices_without_memory_of_the_workload_are_left_alone(monkeypatch):
    machine = Machine(watts=())
    assert machine.measure(monkeypatch) == {}
    assert machine.steps == 0


def test_work_of_fixed_length_is_left_alone(monkeypatch):
    machine = Machine()
    assert machine.measure(monkeypatch, num_steps=5) == {}
    assert machine.steps == 0


def test_work_on_the_cpu_is_left_alone():
    machine = Machine()
    assert energy.measure(Workload(machine.step, list)) == {}
    assert machine.steps == 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_draws_power(monkeypatch):
    pynvml = pytest.importorskip("pynvml")
    monkeypatch.setattr(device._Use, "devices", (0,))
    left = torch.ones(2048, 2048, device="cuda")
    try:
        pynvml, (handle, *_) = device.nvml()
        pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except pynvml.NVMLError as error:
        pytest.skip(f"this GPU's counter cannot be read: {error}")
    assert energy.measure(Workload(lambda: left @ left, list))["energy"] > 0
