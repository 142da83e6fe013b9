"""What limits a step is found on real work, planted to be limited by one thing each."""

from __future__ import annotations

import time
from time import perf_counter_ns

import pytest
import torch

from benchsuite.record import OperatorRow, Record, Turn
from benchsuite.scenario import Workload
from benchsuite.worker import ceilings, operators, timing
from reports.bottleneck import find_bottleneck
from reports.results import VariantResult
from reports.roofline import place_of

STEPS = 30


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def measured():
    # A fixture of the module comes before the one above: it sets its own number of threads.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    found = {"cpu_operator_ns": ceilings._operator_ns()} | ceilings._cpu("cpu_1_thread")
    torch.set_num_threads(before)
    return found


def record(pass_, **values):
    return Record(
        variant="planted", scenario="planted", settings={}, context={}, baseline=True, pass_=pass_, repetition=0, group="g",
        outcome="completed", started="2026-01-01T00:00:00Z", threads=1, **values,
    )  # fmt: skip


def limit(workload, ceilings_, metrics=None):
    """Time and profile a workload, and say what limits it."""
    return find_bottleneck(observed(workload, metrics), ceilings_)


def observed(workload, metrics=None):
    """Time and profile a workload."""
    timing.run_steps(workload.step, 2)
    if metrics:
        metrics.clear()
    samples = timing.run_steps(workload.step, STEPS)
    turns = tuple(Turn(order, 1, ns) for order, ns in enumerate(samples.step_ns))
    waited = {name: ns / samples.elapsed_ns for name, ns in (metrics or {}).items()}
    profiled = operators.run(lambda: workload, "")
    rows = tuple(OperatorRow(**row) for row in profiled["operators"])
    trials = (
        record("timing", turns=turns, metrics=waited),
        record("operators", operators=rows, metrics=profiled["metrics"]),
    )
    return VariantResult(
        id="planted", label="planted", settings={}, context={}, changes={}, baseline=True, outcome="completed", reason="",
        trials=trials, comparison=None,
    )  # fmt: skip


def test_large_products_are_compute_bound(measured):
    left, right = torch.rand(512, 512), torch.rand(512, 512)
    found = limit(Workload(lambda: left @ right, list), measured)
    assert found.kind == "compute-bound", found
    assert "aten::mm" in found.evidence


def test_tiny_operators_are_launch_bound(measured):
    number = torch.ones(1)

    def step():
        for _ in range(500):
            torch.add(number, number)

    found = limit(Workload(step, list), measured)
    assert found.kind == "launch-bound", found


def test_a_slow_loader_is_input_bound(measured):
    metrics = {"data_wait_share": 0}
    left = torch.rand(64, 64)

    class Slow(torch.utils.data.Dataset):
        def __len__(self):
            return 10_000

        def __getitem__(self, index):
            time.sleep(1e-3)
            return index

    batches = iter(torch.utils.data.DataLoader(Slow(), batch_size=4))

    def step():
        started = perf_counter_ns()
        next(batches)
        metrics["data_wait_share"] = metrics.get("data_wait_share", 0) + perf_counter_ns() - started
        return left @ left

    found = limit(Workload(step, list), measured, metrics)
    assert found.kind == "input-bound", found


def test_copies_are_transfer_bound(measured):
    source, target = torch.rand(2**20), torch.rand(2**20)
    found = limit(Workload(lambda: target.copy_(source), list), measured)
    assert found.kind == "transfer-bound", found


def test_large_products_sit_on_the_arithmetic_side_of_the_ridge(measured):
    left, right = torch.rand(512, 512), torch.rand(512, 512)
    variant = observed(Workload(lambda: left @ right, list))
    place = place_of(variant, measured)
    # 2 n^3 operations on three matrices of 4 n^2 bytes.
    assert place.intensity == pytest.approx(512 / 6)
    assert place.side == "arithmetic", place
    assert 0 < place.share <= 1
    assert "on the arithmetic side of the ridge" in find_bottleneck(variant, measured).evidence


def test_large_sums_of_elements_sit_on_its_memory_side(measured):
    left, right = torch.rand(2**22), torch.rand(2**22)
    variant = observed(Workload(lambda: left + right, list))
    assert variant.metric("moved_bytes") == 3 * 4 * 2**22
    place = place_of(variant, measured)
    assert place.side == "memory", place
    assert place.share is None or 0 < place.share <= 1
    found = find_bottleneck(variant, measured)
    assert found.kind == "compute-bound", found
    assert "on the memory side of the ridge" in found.evidence
