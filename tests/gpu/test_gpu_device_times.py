"""Device times, kernels and peaks against what was planted, and against instruments that are not the engine's."""

from __future__ import annotations

import gzip

import event_timer
import pytest
import torch
from gpu_steps import LARGE_OR_CAPTURED, NUM_KERNELS, STEPS, captured_kernels, kernels, training

from benchsuite.scenario import Check, Workload
from benchsuite.worker import device, operators, timing

pytestmark = pytest.mark.usefixtures("gpu")
SHARE = 0.02
GAP_NS = 1_500
"""What may lie between two kernels, one after the other."""
MIB = 2**20


def engine_ns(step, count):
    """Return the mean time of a step as the engine's events have it."""
    samples = timing.run_steps(step, count)
    assert len(samples.device_ns) == count
    return sum(samples.device_ns) / count


def workload(step):
    return Workload(step, lambda: [Check("a fact", 1.0, 1.0, "<=")])


@pytest.mark.parametrize("name", STEPS)
def test_device_times_are_those_of_independent_events(in_use, name):
    step = in_use(STEPS[name]())
    count = event_timer.steps_in(step)
    ratio = event_timer.median_ratio(
        lambda: engine_ns(step, count), lambda: event_timer.device_ns(step, count)
    )
    assert ratio == pytest.approx(1, abs=SHARE)


@pytest.mark.parametrize("name", STEPS)
def test_a_turns_length_is_that_of_an_independent_clock(in_use, name):
    step = in_use(STEPS[name]())
    count = event_timer.steps_in(step)
    ratio = event_timer.median_ratio(
        lambda: timing.run_steps(step, count).elapsed_ns / count, lambda: event_timer.wall_ns(step, count)
    )
    assert ratio == pytest.approx(1, abs=SHARE)


@pytest.mark.parametrize("name", LARGE_OR_CAPTURED)
def test_device_times_are_the_sum_of_the_kernels_and_the_gaps_between_them(in_use, tmp_path, name):
    step = in_use(STEPS[name]())
    found = event_timer.trace(step, tmp_path)
    measured_ns = engine_ns(step, event_timer.steps_in(step))
    assert measured_ns >= (1 - SHARE) * found.busy_ns
    assert measured_ns <= (1 + SHARE) * found.busy_ns + GAP_NS * found.kernels


@pytest.mark.parametrize(("make", "launches"), [(kernels, NUM_KERNELS), (captured_kernels, 1)])
def test_planted_kernels_and_launches_are_counted(in_use, make, launches):
    found = operators.run(lambda: workload(in_use(make())), "")["metrics"]
    assert found["kernels"] == NUM_KERNELS
    assert found["launches"] == launches
    assert found["synchronisations"] == 0


@pytest.mark.parametrize("name", ["eager training", "ten captured trainings"])
def test_kernels_are_those_of_the_trace_that_is_kept_and_of_another(in_use, tmp_path, name):
    step = in_use(STEPS[name]())
    found = operators.run(lambda: workload(step), str(tmp_path))
    with gzip.open(tmp_path / found["artifacts"]["trace"], "rt", encoding="utf-8") as file:
        kept = event_timer.read_trace(file.read(), operators.PROFILED_STEPS)
    assert found["metrics"]["kernels"] == kept.kernels
    assert found["metrics"]["kernels"] == event_timer.trace(step, tmp_path).kernels


def test_peaks_are_those_of_planted_tensors(in_use):
    held = torch.ones(3 * MIB, dtype=torch.uint8, device="cuda")

    def planted(mebibytes):
        return torch.empty(mebibytes * MIB, dtype=torch.uint8, device="cuda")

    def step():
        first, second = planted(64), planted(32)
        del first
        # The peak is behind it: 32 + 40 MiB are less than 64 + 32.
        return second, planted(40)

    in_use(step, 1)
    assert held.device.type == "cuda"
    device.reset_peaks()
    before = device.allocated_bytes()
    timing.run_steps(step, 3)
    assert device.peaks()["cuda_peak_allocated"] - before == 96 * MIB
    assert device.peaks()["cuda_peak_reserved"] >= device.peaks()["cuda_peak_allocated"]


def test_the_peak_of_a_training_step_repeats_to_the_byte(in_use):
    step = in_use(training())
    found = set()
    for _ in range(3):
        device.reset_peaks()
        timing.run_steps(step, 20)
        found.add(device.peaks()["cuda_peak_allocated"])
    assert len(found) == 1
