from __future__ import annotations

import pytest
import torch

from scenarios.capture import Graph, capture


class Recorded:
    """Stands for a graph: keeps what its buffers held when it was replayed."""

    def __init__(self, inputs, targets):
        self.buffers = (*inputs, *targets)
        self.seen = []

    def replay(self):
        self.seen.append([buffer.clone() for buffer in self.buffers])


def batches():
    number = 0
    while True:
        yield torch.full((2, 3), float(number)), torch.full((2,), number)
        number += 1


@pytest.mark.parametrize("num_steps", [1, 3])
def test_every_buffer_gets_a_fresh_batch_before_each_replay(num_steps):
    inputs = tuple(torch.full((2, 3), -1.0) for _ in range(num_steps))
    targets = tuple(torch.full((2,), -1) for _ in range(num_steps))
    recorded = Recorded(inputs, targets)
    graph = Graph(recorded, inputs, targets, loss=torch.tensor(0.5))
    feed = batches()
    for _ in range(2):
        assert graph.step(lambda: next(feed)) is graph.loss
    first, second = [[int(buffer.flatten()[0]) for buffer in seen] for seen in recorded.seen]
    assert first == [*range(num_steps)] * 2
    assert second == [*range(num_steps, 2 * num_steps)] * 2


def test_the_batches_themselves_are_left_alone():
    held = (torch.ones(2, 3), torch.ones(2, dtype=torch.long))
    inputs, targets = (torch.zeros(2, 3),), (torch.zeros(2, dtype=torch.long),)
    graph = Graph(Recorded(inputs, targets), inputs, targets, loss=torch.tensor(0.0))
    graph.step(lambda: held)
    inputs[0].zero_()
    assert held[0].sum() == 6


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("num_steps", [1, 4])
def test_replays_do_the_steps_that_were_captured_on_the_data_of_the_moment(num_steps):
    weight = torch.nn.Parameter(torch.zeros(3, device="cuda"))
    optimizer = torch.optim.SGD([weight], lr=0.5)

    def train(inputs, target):
        optimizer.zero_grad(set_to_none=True)
        loss = ((inputs * weight).sum(1) - target).square().mean()
        loss.backward()
        optimizer.step()
        return loss.detach()

    graph = capture(train, torch.ones(2, 3, device="cuda"), torch.ones(2, device="cuda"), num_steps)
    assert weight.detach().abs().sum() > 0, "the warm-up moves the parameters"
    by_hand = torch.nn.Parameter(weight.detach().clone())
    feed, again = batches(), batches()
    for _ in range(2):
        graph.step(lambda: tuple(tensor.cuda().float() / 10 for tensor in next(feed)))
        for _ in range(num_steps):
            inputs, target = (tensor.cuda().float() / 10 for tensor in next(again))
            loss = ((inputs * by_hand).sum(1) - target).square().mean()
            (gradient,) = torch.autograd.grad(loss, [by_hand])
            by_hand.data.sub_(0.5 * gradient)
    torch.testing.assert_close(weight, by_hand)
    torch.testing.assert_close(graph.loss, loss.detach())
