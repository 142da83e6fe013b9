from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scenarios.mnist import task
from scenarios.parity import finite, fresh_weights, relative_error, results


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
