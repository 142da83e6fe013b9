"""The search for leaks, on growth that was made up and on leaks that were planted."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.multiprocessing import reductions

leaks = pytest.importorskip("benchsuite.worker.leaks")
from benchsuite.stacks import holder  # noqa: E402 - memray is asked for first
from benchsuite.worker import device  # noqa: E402
from benchsuite.worker.captures import Held  # noqa: E402

CLEAN_BYTES = 64
STACKS = [(f"step (train.py:{line})",) for line in range(5)]
held = st.dictionaries(
    st.sampled_from(STACKS), st.builds(Held, st.integers(0, 10**9), st.integers(0, 1000)), max_size=5
)


@given(held)
def test_what_is_there_after_few_and_after_many_steps_is_no_leak(steady):
    assert leaks.growth([steady] * 3) == {}


@given(held, st.sampled_from(STACKS), st.integers(1, 10**6))
def test_what_each_step_keeps_grows_by_the_steps_between(steady, stack, size):
    def after(steps):
        base = steady.get(stack, Held())
        return {**steady, stack: Held(base.size_bytes + steps * size, base.blocks + steps)}

    grown = leaks.growth([after(3), after(6), after(9)])
    assert grown == {stack: Held(3 * size, 3)}


@given(held, held)
def test_what_grows_once_is_no_leak(few, many):
    assert leaks.growth([few, many, many]) == leaks.growth([few, few, many]) == {}


@given(st.lists(st.integers(-(10**9), 10**9), min_size=3, max_size=3))
def test_a_steady_change_is_no_more_than_any_of_its_parts(values):
    steps = [values[1] - values[0], values[2] - values[1]]
    found = leaks.steady(values)
    assert abs(found) <= min(map(abs, steps))
    assert found == 0 or all(found * one > 0 for one in steps)


@pytest.fixture
def searched(tmp_path):
    """Return what is found of a step that has run some times before."""

    def search(step):
        for _ in range(3):
            step()
        return leaks.watch(step, tmp_path).read()

    return search


def line_in(function, offset):
    return f"tests/benchsuite/worker/test_leaks.py:{function.__code__.co_firstlineno + offset}"


def main_line(reading):
    return holder(reading.sites[0].stack)


def make_training(optimizer=torch.optim.SGD):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
    updates = optimizer(model.parameters(), lr=0.01)
    inputs, target = torch.ones(20, 64), torch.zeros(20, dtype=torch.long)

    def loss():
        updates.zero_grad()
        value = torch.nn.functional.cross_entropy(model(inputs), target)
        value.backward()
        updates.step()
        return value

    return model, inputs, loss


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam])
def test_training_leaves_nothing_behind(searched, optimizer):
    _model, _inputs, train = make_training(optimizer)
    assert abs(searched(train).metrics["leak"]) <= CLEAN_BYTES


def test_inference_leaves_nothing_behind(searched):
    model, inputs, _train = make_training()
    with torch.inference_mode():
        assert abs(searched(lambda: model(inputs)).metrics["leak"]) <= CLEAN_BYTES


def test_an_output_that_is_appended_to_a_list_is_found_with_its_line(searched):
    kept = []

    def step():
        kept.append(torch.ones(1000))

    found = searched(step)
    assert 4000 <= found.metrics["leak"] <= 5500
    assert main_line(found) == line_in(step, 1)
    assert found.sites[0].kind == "leak"
    assert found.sites[0].allocations >= 1


def test_a_loss_that_keeps_its_graph_is_found(searched):
    model, inputs, _train = make_training()
    kept = []

    def step():
        kept.append(model(inputs).square().mean())

    found = searched(step)
    # Among what the graph holds: the 20 times 32 activations.
    assert found.metrics["leak"] >= 20 * 32 * 4
    assert main_line(found) == line_in(step, 1)


def test_python_objects_that_are_kept_are_found(searched):
    kept = []

    def step():
        kept.append({"step": len(kept), "text": "x" * (500 + len(kept))})

    found = searched(step)
    assert 500 <= found.metrics["leak"] <= 1500
    assert main_line(found) == line_in(step, 1)


def test_a_block_that_grows_in_each_step_is_found(searched):
    kept = {"all": torch.ones(1000)}

    def step():
        kept["all"] = torch.cat([kept["all"], torch.ones(1000)])

    found = searched(step)
    assert found.metrics["leak"] == pytest.approx(4000, abs=CLEAN_BYTES)
    assert main_line(found) == line_in(step, 1)


def test_what_is_replaced_is_no_leak(searched):
    kept = {}

    def step():
        kept["last"] = torch.ones(1000)

    assert abs(searched(step).metrics["leak"]) <= CLEAN_BYTES


def test_what_data_loaders_have_let_go_of_is_no_leak(searched):
    def step():
        storage = torch.ones(10).untyped_storage()
        reductions.shared_cache[object()] = reductions.StorageWeakRef(storage)

    assert abs(searched(step).metrics["leak"]) <= CLEAN_BYTES


def test_a_cycle_that_the_collector_can_free_is_no_leak(searched):
    def step():
        ring = [torch.ones(1000)]
        ring.append(ring)

    assert abs(searched(step).metrics["leak"]) <= CLEAN_BYTES


def test_without_a_gpu_nothing_is_said_of_one(searched):
    assert "cuda_leak" not in searched(lambda: None).metrics


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA here")
def test_a_tensor_that_is_kept_on_a_gpu_is_found_with_its_line(searched):
    kept = []

    def step():
        kept.append(torch.ones(1000, device="cuda"))

    step()
    device.note_use()
    found = searched(step)
    # The allocator rounds up to 512 bytes.
    assert 4000 <= found.metrics["cuda_leak"] <= 4096
    assert main_line(found) == line_in(step, 1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA here")
def test_a_tensor_that_is_replaced_on_a_gpu_is_no_leak(searched):
    kept = {}

    def step():
        kept["last"] = torch.ones(1000, device="cuda")

    step()
    device.note_use()
    assert searched(step).metrics["cuda_leak"] == 0
