from __future__ import annotations

import pytest
import torch

from scenarios.optimizers import CLASSES, make_optimizer, reset, step_in_backward

FORMS = ["default", "loop", "foreach", "fused"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", CLASSES)
def test_reset_forgets_all_steps_and_nothing_else(name, form):
    def parameter():
        made = torch.linspace(-1, 1, 5).requires_grad_()
        made.grad = torch.tensor([1.0, -2.0, 0.5, 0.0, 3.0])
        return made

    used, fresh = parameter(), parameter()
    optimizer = make_optimizer([used], name, form, lr=0.1, weight_decay=0.3)
    for _ in range(3):
        optimizer.step()
    with torch.no_grad():
        used.copy_(fresh)
    reset(optimizer)
    again = make_optimizer([fresh], name, form, lr=0.1, weight_decay=0.3)
    for _ in range(2):
        optimizer.step()
        again.step()
    assert torch.equal(used, fresh)


def test_stepping_in_the_backward_pass_leaves_out_frozen_parameters():
    model = torch.nn.Linear(2, 1)
    model.bias.requires_grad_(requires_grad=False)
    weight, bias = model.weight.detach().clone(), model.bias.detach().clone()
    made = step_in_backward(model, lambda parameters: make_optimizer(parameters, lr=0.5))
    model(torch.tensor([[1.0, 2.0]])).sum().backward()
    assert len(made) == 1
    assert model.weight.grad is None
    torch.testing.assert_close(model.weight.detach(), weight - 0.5 * torch.tensor([[1.0, 2.0]]))
    assert torch.equal(model.bias, bias)
