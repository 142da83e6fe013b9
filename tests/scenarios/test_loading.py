from __future__ import annotations

import gc
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from benchsuite import Skip, Task
from scenarios.feed import make_feed
from scenarios.loading import Whole
from scenarios.loop import LoopSettings, make_loop
from scenarios.sources import Order

HERE = Path(__file__).parent
NUM_SAMPLES = 250
SIZE = 20
PER_EPOCH = NUM_SAMPLES // SIZE
PIPELINES = ["images", "batched", "memory"]
WAYS = [
    *({"data": data} for data in PIPELINES),
    *({"data": data, "workers": 2} for data in PIPELINES[:2]),
    {"data": "images", "workers": 2, "persistent_workers": True},
    {"data": "images", "workers": 3, "prefetch_factor": 4},
]
on_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


class Reporting(Task):
    """Every input is its process's number of threads and of cores, every target the process's id."""

    name = "reporting"

    def make_model(self):
        return torch.nn.Identity()

    def example_batch(self, size):
        return torch.zeros(size, 2), torch.zeros(size, dtype=torch.int64)

    def dataset(self, _split):
        return self

    def __len__(self):
        return NUM_SAMPLES

    def __getitem__(self, _index):
        square = torch.rand(200, 200)
        square @ square  # would wait for ever for threads that the fork has left behind
        counts = [float(torch.get_num_threads()), float(len(os.sched_getaffinity(0)))]
        return torch.tensor(counts), os.getpid()


@pytest.fixture
def opened(small_task):
    """Return a function that makes a feed over few images, and close what it made."""
    feeds = []

    def make(task=small_task, **settings):
        feeds.append(make_feed(LoopSettings(batch_size=SIZE, **settings), task))
        return feeds[-1]

    yield make
    for feed in feeds:
        feed.close()


@pytest.fixture
def samples(small_task):
    """Return a function that puts the batches of an order's next epoch together by hand."""
    dataset = small_task.dataset("train")

    def drawn(order):
        return [
            (torch.stack([dataset[i][0] for i in row]), torch.tensor([dataset[i][1] for i in row]))
            for row in order
        ]

    return drawn


def take(feed, number):
    return [tuple(tensor.clone() for tensor in feed.next()) for _ in range(number)]


def same(found, expected):
    return all(
        torch.equal(a, b) for x, y in zip(found, expected, strict=True) for a, b in zip(x, y, strict=True)
    )


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_two_epochs_hold_the_samples_in_the_seeds_order(way, opened, samples):
    torch.manual_seed(5)
    order = Order(NUM_SAMPLES, SIZE)
    feed = opened(**way)
    torch.manual_seed(6)
    first, second = samples(order), samples(order)
    assert not same(first, second)
    assert same(take(feed, 2 * PER_EPOCH), first + second), "no ragged batch between them"
    feed.restart()
    assert same(take(feed, 2), first[:2])


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_augmented_batches_keep_order_and_shape_and_vary_anew(way, opened, samples):
    feed = opened(augment=True, **way)
    plain = samples(Order(NUM_SAMPLES, SIZE))
    found = take(feed, 3)
    feed.restart()
    again = take(feed, 3)
    for (inputs, target), (anew, _), (original, expected) in zip(found, again, plain, strict=False):
        assert torch.equal(target, expected)
        assert inputs.shape == original.shape
        for one, other in ((inputs, original), (anew, original), (inputs, anew)):
            assert (one != other).flatten(1).any(1).double().mean() > 0.9


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_the_first_batch_waits_for_the_start_and_nothing_starts_before(way, opened):
    before = len(multiprocessing.active_children())
    feed = opened(**way)
    assert len(multiprocessing.active_children()) == before
    assert feed.waited_ns == 0
    feed.next()
    assert len(multiprocessing.active_children()) == before + way.get("workers", 0)
    started_ns = feed.waited_ns
    feed.next()
    assert len(multiprocessing.active_children()) == before + way.get("workers", 0)
    assert feed.waited_ns > started_ns > 0
    feed.close()
    assert len(multiprocessing.active_children()) == before


def test_a_short_epoch_is_followed_by_the_next_order(opened, samples):
    feed = opened(data="images", workers=2, persistent_workers=True)
    feed.restart(2)
    order = Order(NUM_SAMPLES, SIZE)
    order.restart(2)
    assert same(take(feed, 4), samples(order) + samples(order))


@pytest.mark.parametrize("num_threads", [1, 2])
def test_workers_compute_on_one_thread_and_on_every_core_of_their_loop(num_threads, opened):
    before = torch.get_num_threads()
    torch.set_num_threads(num_threads)
    try:
        square = torch.randn(500, 500)
        square @ square  # OpenMP's threads exist when the workers are forked
        feed = opened(Reporting(), data="images", workers=2)
        batches = take(feed, 4)
    finally:
        torch.set_num_threads(before)
    for inputs, process_ids in batches:
        assert inputs[:, 0].unique().tolist() == [1]
        assert inputs[:, 1].unique().tolist() == [len(os.sched_getaffinity(0))]
        assert os.getpid() not in process_ids.tolist()


CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
PINNED = """
import os, sys
from benchsuite.worker import process
process.run_on([CORES[0]], CORES)
sys.path.insert(0, FOLDER)
from test_loading import LoopSettings, Reporting, make_feed
feed = make_feed(LoopSettings(batch_size=20, data="images", workers=2), Reporting())
inputs, _process_ids = feed.next()
feed.close()
print(len(os.sched_getaffinity(0)), *inputs[:, 1].int().unique().tolist())
"""


@pytest.mark.skipif(len(CORES) < 2, reason="needs two cores that can be chosen")
def test_workers_of_a_loop_that_is_pinned_to_a_core_run_on_any():
    code = PINNED.replace("CORES", str(CORES)).replace("FOLDER", repr(str(HERE)))
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=HERE.parents[1]
    )
    assert list(map(int, done.stdout.split())) == [1, len(CORES)]


def test_workers_rest_while_others_have_their_turns(small_task):
    loop = make_loop(LoopSettings(batch_size=SIZE, data="images", workers=2, prefetch_factor=4), small_task)
    try:
        loop.step()
        loop.feed.pause()
        assert all_stopped(expected=True)
        loop.feed.resume()
        assert not all_stopped(expected=False)
        loop.step()
        loop.feed.pause()
        loop.feed.restart()
        loop.step()
    finally:
        loop.feed.close()


@pytest.mark.parametrize("persistent_workers", [False, True])
def test_workers_that_nobody_closes_end_with_their_loop(persistent_workers, small_task):
    before = len(multiprocessing.active_children())
    settings = LoopSettings(batch_size=SIZE, data="images", workers=2, persistent_workers=persistent_workers)
    loop = make_loop(settings, small_task)
    loop.step()
    assert len(multiprocessing.active_children()) == before + 2
    del loop
    gc.collect()
    assert len(multiprocessing.active_children()) == before


def all_stopped(*, expected):
    """Return whether the loader's workers are stopped, once that is as expected: a signal takes a moment to arrive."""
    deadline = time.monotonic() + 5
    while True:
        texts = [Path(f"/proc/{child.pid}/stat").read_text() for child in multiprocessing.active_children()]
        found = {text.rpartition(") ")[2][0] for text in texts} == {"T"}
        if found == expected or time.monotonic() > deadline:
            return found


def test_more_workers_than_cores_are_no_reason_to_warn(opened, recwarn):
    feed = opened(data="batched", workers=1 + len(os.sched_getaffinity(0)))
    feed.next()
    assert not [warning for warning in recwarn if "worker" in str(warning.message)]


def test_seeds_of_workers_are_not_drawn_from_the_models(opened):
    feed = opened(data="images", workers=1)
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    feed.next()
    assert torch.equal(torch.rand(1), expected)


def test_less_data_than_a_batch_is_skipped_and_does_not_loop_for_ever(small_task):
    with pytest.raises(Skip, match="250 training samples, less than one batch of 300"):
        make_feed(LoopSettings(batch_size=300, data="images"), small_task)


def test_a_whole_batch_is_asked_for_at_once(small_task, samples, monkeypatch):
    asked = []
    transform = small_task.transform

    def count(stored, *, augment):
        asked.append(len(stored))
        return transform(stored, augment=augment)

    monkeypatch.setattr(small_task, "transform", count)
    batch = Whole(*small_task.tensors("train"), small_task, augment=False)[[3, 1, 2]]
    assert asked == [3]
    assert same([batch], samples([[3, 1, 2]]))


@on_cuda
@pytest.mark.parametrize("host_memory", ["pageable", "pinned", "pinned-in-loop"])
@pytest.mark.parametrize("copy_stream", ["same", "side"])
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_batches_reach_a_gpu_whole(way, copy_stream, host_memory, opened, samples):
    feed = opened(device="cuda", host_memory=host_memory, copy_stream=copy_stream, non_blocking=True, **way)
    found = [(inputs.cpu(), target.cpu()) for inputs, target in take(feed, PER_EPOCH + 2)]
    order = Order(NUM_SAMPLES, SIZE)
    expected = samples(order) + samples(order)
    assert same(found, expected[: len(found)])
    pinned = [tensor.is_pinned() for tensor in feed.in_host_memory()]
    assert pinned == [host_memory != "pageable"] * 2
