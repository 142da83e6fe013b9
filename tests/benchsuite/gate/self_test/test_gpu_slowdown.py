"""What is planted in a step on a GPU: with a host and a GPU whose times are known."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchsuite.gate.self_test.project import TEMPLATE

sys.path.append(str(Path(__file__).parents[3] / "gpu"))
from fake_gpu import FakeGpu

LAUNCH_NS, KERNEL_NS, CYCLE_NS, LOOP_NS = 4_000, 1_500, 0.5, 20


def load():
    spec = importlib.util.spec_from_file_location(
        "planted_gpu_slowdown", TEMPLATE.with_name("gpu_slowdown.py")
    )
    module = importlib.util.module_from_spec(spec)
    # A dataclass looks its module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


gpu_slowdown = load()


@pytest.fixture
def gpu(monkeypatch):
    fake = FakeGpu(LAUNCH_NS, KERNEL_NS, CYCLE_NS)
    monkeypatch.setattr(gpu_slowdown, "time", fake)
    monkeypatch.setattr(gpu_slowdown, "_spin", lambda loops: spin(fake, loops))
    return fake


def spin(gpu, loops):
    gpu.host_ns += loops * LOOP_NS


def launch_bound(gpu):
    """Return a step that waits for 45 launches of short kernels, of 180 us."""
    return lambda: [gpu.launch(1_000) for _ in range(45)]


def gpu_bound(gpu):
    """Return a step of ten launches that keeps the GPU busy for 1 ms."""
    return lambda: [gpu.launch(100_000) for _ in range(10)]


STEPS = pytest.mark.parametrize("make", [launch_bound, gpu_bound])


@STEPS
def test_all_costs_are_found(gpu, make):
    costs = gpu_slowdown.measure(make(gpu), gpu)
    expected_ns = {launch_bound: 45 * LAUNCH_NS, gpu_bound: 1_000_000}[make]
    assert costs.step_ns == pytest.approx(expected_ns, rel=0.01)
    assert costs.loop_ns == pytest.approx(LOOP_NS)
    assert costs.launch_ns == pytest.approx(LAUNCH_NS)
    assert costs.kernel_ns == pytest.approx(KERNEL_NS, rel=0.01)
    assert costs.cycle_ns == pytest.approx(CYCLE_NS, rel=0.01)


@STEPS
@pytest.mark.parametrize("share", [0.03, 0.05, 0.5])
def test_a_step_becomes_slower_by_the_share_whatever_it_waits_for(gpu, make, share):
    step = make(gpu)
    wanted = gpu_slowdown.plan(gpu_slowdown.measure(step, gpu), share)

    def slower():
        step()
        gpu._sleep(wanted.cycles)
        spin(gpu, wanted.loops)

    before, after = (gpu_slowdown._block_ns(one, 200, gpu.synchronize) for one in (step, slower))
    assert after / before - 1 == pytest.approx(share, rel=0.03)


@given(st.floats(0, 1), st.floats(1e4, 1e8))
def test_a_plan_never_asks_for_less_than_a_launch_nor_for_more_than_the_share(share, step_ns):
    costs = gpu_slowdown.Costs(step_ns, LOOP_NS, LAUNCH_NS, KERNEL_NS, CYCLE_NS)
    wanted = gpu_slowdown.plan(costs, share)
    assert wanted.cycles >= 1
    assert wanted.loops >= 0
    assert wanted.loops * LOOP_NS + LAUNCH_NS <= max(share * step_ns, LAUNCH_NS) + LOOP_NS
    assert wanted.cycles * CYCLE_NS + KERNEL_NS <= max(share * step_ns, KERNEL_NS) + CYCLE_NS
