from __future__ import annotations

import dataclasses
import importlib
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scenarios.cnn import CNN
from scenarios.loop import LoopSettings, make_loop
from scenarios.mnist import MnistTask, task
from scenarios.parity import (
    LARGEST_LIMIT,
    finite,
    fresh_weights,
    relative_error,
    results,
    same_progress,
    widened,
)

SCENARIOS = ["compile", "layout", "loader", "transfer", "cuda_graphs", "memory_saving", "parallel", "stack"]
TOLERANCE = 1e-5


class DropoutTask(MnistTask):
    def make_model(self):
        model = CNN()
        model.block1 = torch.nn.Sequential(model.block1, torch.nn.Dropout(0.5))
        return torch.nn.Sequential(model, torch.nn.Dropout(0.5))


class NoisyTask(MnistTask):
    """Draws random numbers at rest too, and so many that two runs have little in common."""

    def loss(self, output, target):
        return super().loss(output * (torch.rand_like(output) > 0.5), target)


def moved_by(factor):
    """Return a function that makes of a loop one whose parameters move by so many times as much."""

    def planted(loop):
        def step():
            before = [parameter.detach().clone() for parameter in loop.model.parameters()]
            loss = loop.step()
            with torch.no_grad():
                for parameter, old in zip(loop.model.parameters(), before, strict=True):
                    parameter.copy_(old + factor * (parameter - old))
            return loss

        return step

    return planted


AS_IT_SHOULD, NEVER, THE_WRONG_WAY = (moved_by(factor) for factor in (1, 0, -1))
FAULTS = [NEVER, THE_WRONG_WAY]
each_motion = pytest.mark.parametrize(
    "planted", [AS_IT_SHOULD, *FAULTS], ids=["as it should", "never", "the wrong way"]
)


def test_equal_values_have_no_error():
    values = [torch.randn(3), torch.randn(2, 2)]
    assert relative_error(values, values) == 0
    assert relative_error([torch.zeros(2)], [torch.zeros(2)]) == 0


def test_the_error_is_relative_to_the_largest_value_of_all():
    expected = [torch.tensor([10.0]), torch.tensor([0.1])]
    assert relative_error([torch.tensor([10.0]), torch.tensor([1.1])], expected) == pytest.approx(0.1)


@given(st.floats(1e-6, 1e6), st.floats(1e-3, 1e3))
def test_the_error_does_not_depend_on_the_scale(value, factor):
    found, expected = torch.tensor([1.01 * value, value]).double(), torch.tensor([value, value]).double()
    scaled = relative_error([found * factor], [expected * factor])
    assert scaled == pytest.approx(relative_error([found], [expected]))


@pytest.mark.parametrize("nan_first", [True, False])
def test_nan_on_either_side_is_nan(nan_first):
    sides = [[torch.tensor([1.0]), torch.tensor([math.nan])], [torch.tensor([1.0]), torch.tensor([1.0])]]
    assert math.isnan(relative_error(*(sides if nan_first else sides[::-1])))


def test_something_where_nothing_was_expected_is_infinite():
    assert relative_error([torch.ones(1)], [torch.zeros(1)]) == math.inf


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_fails(value):
    assert finite("loss", torch.tensor(1.0)).ok
    check = finite("loss", torch.tensor([1.0, value]))
    assert (check.name, check.value, check.ok) == ("loss_not_finite", 1, False)


def test_fresh_weights_repeat_and_leave_the_seed_alone():
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    first, second = fresh_weights(task), fresh_weights(task)
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_results_are_outputs_or_gradients():
    model = task.make_model()
    inputs, target = task.example_batch(4)
    (output,) = results(task, model, inputs, target, "infer")
    assert output.shape == (4, 10)
    gradients = results(task, model, inputs, target, "train")
    assert [gradient.shape for gradient in gradients] == [p.shape for p in model.parameters()]
    assert all(parameter.grad is None for parameter in model.parameters())


def test_frozen_parameters_have_no_gradient():
    model = task.make_model()
    model.block1.requires_grad_(requires_grad=False)
    assert len(results(task, model, *task.example_batch(4), "train")) == 6


@pytest.mark.parametrize("name", SCENARIOS)
@each_motion
def test_no_dropout_hides_a_loop_that_learns_nothing(name, planted, monkeypatch, failing):
    module = importlib.import_module(f"scenarios.{name}")
    made = []

    def make(settings, task):
        loop = make_loop(settings, task)
        made.append(loop)
        return dataclasses.replace(loop, step=planted(loop)) if len(made) == 1 else loop

    monkeypatch.setattr(module, "make_loop", make)
    settings = module.Settings(device="cpu") if name == "cuda_graphs" else module.Settings()
    workload = getattr(module, name).build(settings, DropoutTask())
    try:
        failed = {check for check in failing(workload.check()) if check.startswith("update_error_against_")}
    finally:
        if workload.close:
            workload.close()
    assert bool(failed) == (planted in FAULTS)


@each_motion
def test_what_is_random_at_rest_too_may_be_further_off_but_never_without_bounds(planted):
    loop, plain = (make_loop(LoopSettings(), NoisyTask()) for _ in range(2))
    check = same_progress(
        "error", dataclasses.replace(loop, step=planted(loop)), plain, NoisyTask(), TOLERANCE
    )
    assert TOLERANCE < check.limit <= LARGEST_LIMIT
    assert check.ok == (planted not in FAULTS)


def test_a_spread_widens_a_limit_up_to_a_bound():
    assert widened(0.1, 0) == 0.1
    assert widened(0.1, 0.1) == pytest.approx(0.4)
    assert widened(0.1, 2) == LARGEST_LIMIT
    assert widened(0.1, math.nan) == widened(0.1, math.inf) == 0.1


def test_a_loop_that_holds_its_model_as_it_was_is_made_again_for_the_comparison():
    made = []

    def make_again():
        made.append(loop.model.training)
        return loop

    loop, plain = (make_loop(LoopSettings(), DropoutTask()) for _ in range(2))
    captured = dataclasses.replace(loop, step=lambda: torch.zeros(()), make_again=make_again)
    assert same_progress("error", captured, plain, DropoutTask(), TOLERANCE).ok
    assert made == [False]
    assert loop.model.training


def test_a_model_without_random_layers_is_compared_as_it_was_measured():
    loop, plain = (make_loop(LoopSettings(), task) for _ in range(2))
    check = same_progress("error", dataclasses.replace(loop, make_again=None), plain, task, TOLERANCE)
    assert (check.value, check.limit) == (0, TOLERANCE)
