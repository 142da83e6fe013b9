"""What operators move is counted exactly: views nothing, expanded tensors once, buffers by what is done to them."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from benchsuite.worker.operands import MovedBytes, _num_bytes

SIDE = 100
WHOLE = 4 * SIDE**2
"""Bytes of one of the matrices below."""


def square():
    return torch.ones(SIDE, SIDE)


def moved(work, device_type="cpu"):
    counter = MovedBytes(device_type)
    with counter, FlopCounterMode(display=False):
        work()
    return counter.total


A, B, ROW = square(), square(), torch.ones(SIDE)
TABLE, CHOSEN = torch.ones(1000, 64), torch.tensor([1, 2, 3])


@pytest.mark.parametrize(
    ("work", "num_bytes"),
    [
        (lambda: A + B, 3 * WHOLE),
        (lambda: A + A, 2 * WHOLE),
        (lambda: A + A.t(), 3 * WHOLE),
        (lambda: A + ROW.expand(SIDE, SIDE), 2 * WHOLE + 4 * SIDE),
        (lambda: A[::2] + A[1::2], 3 * WHOLE // 2),
        (lambda: A.unfold(0, 3, 1) + 0, WHOLE + 4 * 98 * 100 * 3),
        (lambda: A @ B, 3 * WHOLE),
        (lambda: torch.inference_mode()(functional.linear)(A, B), 3 * WHOLE),
        (lambda: A.reshape(1, SIDE, SIDE) @ B, 3 * WHOLE),
        (lambda: A.to(torch.bfloat16), WHOLE + WHOLE // 2),
        (lambda: torch.cat([A, B]), 4 * WHOLE),
        (lambda: square().add_(B), WHOLE + 3 * WHOLE),
        (lambda: torch.add(A, B, out=torch.empty(0)), 3 * WHOLE),
        (lambda: torch.empty_like(A).copy_(B), 2 * WHOLE),
        (lambda: torch.empty_like(A).zero_(), WHOLE),
        (lambda: torch.empty_like(A).normal_(), WHOLE),
        (lambda: torch.zeros_like(A), WHOLE),
        (lambda: A.new_zeros(SIDE), 4 * SIDE),
        (lambda: torch._foreach_add([A, B], [B, A]), 4 * WHOLE),
        (lambda: torch._foreach_zero_([torch.empty(SIDE), torch.empty(SIDE)]), 8 * SIDE),
        (lambda: A.t().contiguous(), 2 * WHOLE),
        (lambda: functional.embedding(CHOSEN, TABLE), 3 * 8 + 2 * 3 * 64 * 4),
        (lambda: TABLE[CHOSEN], 3 * 8 + 2 * 3 * 64 * 4),
        (lambda: TABLE.index_add_(0, CHOSEN, torch.zeros(3, 64)), 3 * 8 + 4 * 3 * 64 * 4),
        (lambda: functional.embedding_bag(CHOSEN, TABLE, torch.tensor([0])), 1096),
        (A[0, 0].item, 4),
        (lambda: torch.equal(A, B), 2 * WHOLE),
    ],
)
def test_an_operator_moves_what_it_reads_and_writes(work, num_bytes):
    assert moved(work) == num_bytes


@pytest.mark.parametrize(
    "work",
    [
        lambda: A.t()[3].expand(4, SIDE).view(4, 10, 10),
        lambda: torch.empty(SIDE).resize_(2 * SIDE).t_(),
        lambda: (A.split(10), A.unbind(), A.detach(), A.reshape(-1)),
        lambda: torch.ops.aten._unsafe_view(A, [SIDE**2]),
        lambda: (A.is_pinned(), A.is_contiguous(), A.size()),
        lambda: torch.empty_like(A),
    ],
)
def test_views_and_questions_about_a_shape_move_nothing(work):
    assert moved(work) == 0


def optimized(optimizer_class, **options):
    weights = [torch.ones(SIDE, requires_grad=True) for _ in range(3)]
    for weight in weights:
        weight.grad = torch.ones(SIDE)
    optimizer = optimizer_class(weights, lr=0.1, **options)
    optimizer.step()
    return moved(optimizer.step) / (3 * 4 * SIDE)


def test_optimizers_move_weights_gradients_and_states():
    for options in ({"foreach": False}, {"foreach": True}, {"fused": True}):
        assert optimized(torch.optim.SGD, **options) == 3
    # Read: weights, gradients, both moments; written: all but the gradients; each parameter has a step count too.
    assert optimized(torch.optim.Adam, fused=True) == pytest.approx(7, abs=0.1)


def test_a_backward_pass_is_counted_too():
    weights = square().requires_grad_()

    def step():
        weights.grad = None
        (A @ weights).sum().backward()

    # Forward: the product and its sum. Backward: what begins it, once read as one number, and the gradient's product.
    assert moved(step) == 3 * WHOLE + (WHOLE + 4) + 4 + (WHOLE + 4 + WHOLE)


def test_what_lies_elsewhere_does_not_count():
    assert moved(lambda: A + B, "cuda") == 0
    assert moved(lambda: torch.ones(3, device="meta") + 1) == 0


def test_flops_are_those_that_are_counted_without_it():
    with FlopCounterMode(display=False) as alone:
        functional.linear(A, B)
    with MovedBytes("cpu"), FlopCounterMode(display=False) as beside:
        functional.linear(A, B)
    assert beside.get_total_flops() == alone.get_total_flops() == 2 * SIDE**3


def test_tensors_of_other_kinds_leave_the_whole_count_out():
    nested = torch.nested.nested_tensor([torch.ones(2, 3), torch.ones(4, 3)], layout=torch.jagged)
    assert moved(lambda: (A + B, nested + 1)) is None
    assert moved(lambda: (A + B, A.to_sparse())) is None


@given(
    sizes=st.lists(st.integers(0, 4), min_size=1, max_size=4),
    steps=st.lists(st.integers(1, 3), min_size=4, max_size=4),
    repeated=st.integers(1, 3),
    data=st.data(),
)
def test_an_operand_is_as_large_as_the_places_it_has_in_memory(sizes, steps, repeated, data):
    tensor = torch.empty(sizes)[tuple(slice(None, None, step) for step in steps[: len(sizes)])]
    tensor = tensor.permute(data.draw(st.permutations(range(len(sizes))))).expand(
        repeated, *[-1] * len(sizes)
    )
    numbers = torch.arange(tensor.untyped_storage().nbytes() // 4)
    places = numbers.as_strided(tensor.shape, tensor.stride()).unique()
    assert _num_bytes(tensor) == 4 * len(places)


@given(
    sizes=st.lists(st.integers(1, 4), min_size=2, max_size=2),
    strides=st.lists(st.integers(0, 4), min_size=2, max_size=2),
)
def test_of_places_that_overlap_none_is_left_out(sizes, strides):
    tensor = torch.arange(100).as_strided(sizes, strides)
    assert 8 * len(tensor.unique()) <= _num_bytes(tensor) <= 8 * tensor.numel()
