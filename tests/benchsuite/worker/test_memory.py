"""What becomes of a memory pass where not everything can be looked at."""

from __future__ import annotations

import time

import pytest
import torch

from benchsuite.scenario import Workload
from benchsuite.worker import memory

readings = pytest.importorskip("benchsuite.worker.readings")
from benchsuite.worker import captures  # noqa: E402 - memray is asked for first

METRICS = {"peak_heap", "allocations", "temporary_allocations", "leak", "memray_overhead"}


def build(wait_s=0.001):
    """Build a workload whose 20 steps are long enough for the heap's curve, or not."""
    work = torch.ones(1000)

    def step():
        work.add_(1)
        time.sleep(wait_s)

    return Workload(step, tuple)


@pytest.fixture
def run(tmp_path):
    return lambda: memory.run(build, str(tmp_path))


def cut_off(monkeypatch, name):
    """Cut one capture off before it is read, as a full disk does."""
    opened = captures.Capture.__init__

    def cut(self, path):
        if path.name == name:
            path.write_bytes(path.read_bytes()[:-100])
        opened(self, path)

    monkeypatch.setattr(captures.Capture, "__init__", cut)


def test_all_is_measured(run):
    found = run()
    assert set(found["metrics"]) == METRICS
    assert found["series"]["heap_over_time"]
    assert found["problems"] == ()


@pytest.mark.parametrize(
    ("name", "lost"),
    [
        ("peak.bin", {"peak_heap"}),
        ("steps.bin", {"allocations", "temporary_allocations"}),
        ("leaks.bin", {"leak"}),
    ],
)
def test_a_capture_that_is_cut_off_is_named_and_the_rest_is_told(run, monkeypatch, name, lost):
    cut_off(monkeypatch, name)
    found = run()
    assert set(found["metrics"]) == METRICS - lost
    (problem,) = found["problems"]
    assert name in problem


def test_a_long_step_is_not_searched_for_leaks_and_says_so(run, monkeypatch):
    monkeypatch.setattr(memory, "LONGEST_STEP_NS", 0)
    found = run()
    assert set(found["metrics"]) == METRICS - {"leak"}
    assert found["problems"] == ("a step takes 0.0 s, too long to look for leaks",)


def test_steps_that_are_too_short_for_the_heaps_curve_say_so(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "PEAK_STEPS", 2)
    found = memory.run(lambda: build(wait_s=0), str(tmp_path))
    (problem,) = found["problems"]
    assert problem.startswith("2 steps take less than the 10 ms from one point")
    assert set(found["metrics"]) == METRICS


def test_a_fault_of_this_program_is_not_taken_for_a_broken_capture():
    with pytest.raises(ZeroDivisionError):
        readings.attempt(lambda: 1 // 0)
