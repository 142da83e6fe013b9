from __future__ import annotations

import pytest
import torch

from benchsuite import Skip, Task
from scenarios.cnn import CNN
from scenarios.feed import NUM_BATCHES, Batches, make_feed
from scenarios.loop import LoopSettings
from scenarios.mnist import task

SIZE = 20


@pytest.fixture
def opened():
    """Return a function that makes a feed, and close what it made."""
    feeds = []

    def make(**settings):
        feeds.append(make_feed(LoopSettings(batch_size=SIZE, **settings), task))
        return feeds[-1]

    yield make
    for feed in feeds:
        feed.close()


def take(feed, number):
    return [tuple(tensor.clone() for tensor in feed.next()) for _ in range(number)]


def same(found, expected):
    return all(
        torch.equal(a, b) for x, y in zip(found, expected, strict=True) for a, b in zip(x, y, strict=True)
    )


@pytest.mark.parametrize("data", ["host", "resident"])
def test_lists_start_over_and_hold_different_batches(data, opened):
    feed = opened(data=data)
    first = take(feed, NUM_BATCHES)
    assert same(take(feed, NUM_BATCHES), first)
    assert not same(first[:1], first[1:2])
    inputs, target = task.example_batch(NUM_BATCHES * SIZE)
    assert torch.equal(torch.cat([inputs for inputs, _ in first]), inputs)
    assert torch.equal(torch.cat([target for _, target in first]), target)
    feed.next()
    feed.restart()
    assert same(take(feed, 1), first[:1])


def test_a_copy_on_a_cpu_is_fresh_memory(opened):
    for data in ("host", "resident"):
        feed = opened(data=data)
        for _ in range(NUM_BATCHES):
            feed.next()[0].zero_()
        assert bool(feed.next()[0].any()) == (data == "host")


@pytest.mark.parametrize("data", ["fixed", "host", "resident", "images", "batched", "memory"])
def test_an_example_is_like_the_batches_and_moves_nothing_on(data, opened):
    feed = opened(data=data)
    shapes = [tensor.shape for tensor in feed.example]
    (first,) = take(feed, 1)
    feed.restart()
    assert [tensor.shape for tensor in feed.example] == shapes == [tensor.shape for tensor in first]
    assert [tensor.dtype for tensor in feed.example] == [tensor.dtype for tensor in first]
    assert same(take(feed, 1), [first])


@pytest.mark.parametrize("data", ["host", "resident", "memory"])
def test_batches_come_in_the_models_format(data, opened):
    feed = opened(data=data, precision="bf16-weights", channels_last=True)
    inputs, target = feed.next()
    assert inputs.dtype == torch.bfloat16
    assert target.dtype == torch.int64


class ModelOnly(Task):
    name = "model only"

    def make_model(self):
        return CNN()

    def example_batch(self, size):
        return torch.zeros(size, 1, 28, 28), torch.zeros(size, dtype=torch.int64)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"data": "images"}, "'model only' has no dataset"),
        ({"data": "images", "augment": True}, "'model only' has no augmented"),
        ({"data": "batched"}, "'model only' has no tensors"),
        ({"data": "memory"}, "'model only' has no tensors"),
        ({"data": "images", "persistent_workers": True}, "no workers"),
        ({"data": "host", "host_memory": "pinned"}, "serve copies to a GPU"),
        ({"data": "host", "copy_stream": "side"}, "serve copies to a GPU"),
    ],
)
def test_what_cannot_be_fed_is_skipped(settings, reason):
    with pytest.raises(Skip, match=reason):
        make_feed(LoopSettings(**settings), ModelOnly())


def test_a_part_of_a_list_can_be_an_epoch():
    batches = [(torch.full((1,), float(i)), torch.tensor([i])) for i in range(3)]
    feed = Batches(batches)
    feed.restart(2)
    assert [feed.next()[1].item() for _ in range(4)] == [0, 1, 0, 1]
