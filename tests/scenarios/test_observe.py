from __future__ import annotations

import pytest
import torch

from scenarios.observe import operators_of, outputs_of


def test_operators_of_the_backward_pass_count_too():
    layer = torch.nn.Linear(3, 2)

    def step():
        layer(torch.ones(4, 3)).relu().sum().backward()

    counts = operators_of(step)
    assert counts["aten.addmm.default"] == 1
    assert counts["aten.threshold_backward.default"] == 1
    assert layer.weight.grad is not None


def test_a_step_is_run_once_and_nothing_is_seen_after_it():
    runs = []
    counts = operators_of(lambda: runs.append(torch.ones(2) + 1))
    torch.ones(2) * 2
    assert len(runs) == 1
    assert "aten.mul.Tensor" not in counts


def test_outputs_come_in_the_order_of_the_calls_and_leave_no_hook_behind():
    first, second = torch.nn.Linear(2, 3), torch.nn.Linear(3, 1)
    outputs = outputs_of([second, first], lambda: second(first(torch.ones(4, 2))))
    assert [output.shape for output in outputs] == [(4, 3), (4, 1)]
    assert not any(output.requires_grad for output in outputs)
    assert not first._forward_hooks
    assert not second._forward_hooks


def test_a_step_that_fails_leaves_no_hook_behind():
    layer = torch.nn.Linear(2, 3)
    with pytest.raises(RuntimeError):
        outputs_of([layer], lambda: layer(torch.ones(4, 5)))
    assert not layer._forward_hooks
