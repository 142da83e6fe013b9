from __future__ import annotations

import pytest
import torch

from scenarios.update_rules import after_updates

CLASSES = {
    "sgd": (torch.optim.SGD, {"lr": 0.01}),
    "momentum": (torch.optim.SGD, {"lr": 0.01, "momentum": 0.9}),
    "adam": (torch.optim.Adam, {"lr": 0.001}),
    "adamw": (torch.optim.AdamW, {"lr": 0.001, "weight_decay": 0.01}),
    "adagrad": (torch.optim.Adagrad, {"lr": 0.01}),
}


@pytest.mark.parametrize("name", CLASSES)
def test_they_are_what_torch_does_in_float64(name):
    weights = torch.linspace(-2, 2, 7, dtype=torch.float64)
    gradient = torch.tensor([0.0, -1e-9, 1e-4, -0.3, 2.0, 50.0, -1.0], dtype=torch.float64)
    parameter = weights.clone().requires_grad_()
    parameter.grad = gradient.clone()
    make, options = CLASSES[name]
    optimizer = make([parameter], **options)
    for _ in range(20):
        optimizer.step()
    torch.testing.assert_close(
        after_updates(name, weights, gradient, 20), parameter.detach(), rtol=1e-12, atol=0
    )


@pytest.mark.parametrize("penalty", ["l1", "l2"])
def test_a_penalty_has_the_gradient_of_its_term(penalty):
    weights = torch.linspace(-2, 2, 7, dtype=torch.float64)
    parameter = weights.clone().requires_grad_()
    term = {"l1": lambda w: w.abs().sum(), "l2": lambda w: 0.5 * (w**2).sum()}[penalty]
    for _ in range(5):
        (gradient,) = torch.autograd.grad(3 * parameter.sum() + 0.5 * term(parameter), parameter)
        with torch.no_grad():
            parameter -= 0.01 * gradient
    found = after_updates("sgd", weights, torch.full_like(weights, 3), 5, **{penalty: 0.5})
    torch.testing.assert_close(found, parameter.detach(), rtol=1e-12, atol=0)


def test_weights_stay_as_they_are():
    weights = torch.ones(3, dtype=torch.float64)
    after_updates("adam", weights, torch.ones(3), 3)
    assert torch.equal(weights, torch.ones(3, dtype=torch.float64))
