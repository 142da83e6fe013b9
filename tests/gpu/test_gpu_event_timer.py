"""The timer that the engine is held against, with a GPU whose times are known."""

from __future__ import annotations

import json

import pytest
from event_timer import device_ns, median_ratio, read_trace, steps_in, wall_ns
from fake_gpu import FakeGpu

LAUNCH_NS = 4_000


@pytest.mark.parametrize(("kernel_ns", "expected_ns"), [(100_000, 100_000), (1_000, LAUNCH_NS)])
def test_a_step_takes_as_long_as_the_slower_of_launch_and_kernel(kernel_ns, expected_ns):
    gpu = FakeGpu(LAUNCH_NS)

    def step():
        gpu.launch(kernel_ns)

    assert device_ns(step, 1000, gpu) == pytest.approx(expected_ns, rel=0.01)
    assert wall_ns(step, 1000, gpu, gpu) == pytest.approx(expected_ns, rel=0.01)
    assert steps_in(step, 20_000_000, gpu) == pytest.approx(20_000_000 / expected_ns, rel=0.5)


def test_what_moves_both_moves_no_ratio():
    level = iter(range(1, 100))
    held = {}

    def at_level(factor):
        # Both of a round see the same level.
        place = held.setdefault("calls", 0) // 2
        held["calls"] += 1
        while held.get("place") != place:
            held["place"], held["level"] = place, next(level)
        return factor * held["level"]

    assert median_ratio(lambda: at_level(3.0), lambda: at_level(2.0)) == pytest.approx(1.5)


def test_a_trace_is_read_a_step():
    events = [
        {"cat": "kernel", "dur": 10},
        {"cat": "kernel", "dur": 20},
        {"cat": "gpu_memcpy", "dur": 4},
        {"cat": "cpu_op", "dur": 99},
        {"ph": "M"},
    ]
    found = read_trace(json.dumps({"traceEvents": events}), 2)
    assert (found.kernels, found.busy_ns) == (1.0, 17_000.0)
