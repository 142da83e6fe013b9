"""Copies on a stream of their own: with a stand-in that knows what is ordered, and on a GPU that is late on purpose."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace

import pytest
import torch

from scenarios.copying import Copied, CopiedAhead, make
from scenarios.feed import Batches
from scenarios.loop import LoopSettings, make_loop
from scenarios.mnist import task
from scenarios.parity import progress, relative_error

NUM_STEPS = 8
LATE_CYCLES = 50_000_000
"""Tens of milliseconds: far more than a copy and a step of these sizes take."""
on_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


class NoWaitForCopy(CopiedAhead):
    def _work_waits_for_copy(self, buffer):
        """Leave the wait out: a fault."""


class NoWaitForWork(CopiedAhead):
    def _copy_waits_for_work(self):
        """Leave the wait out: a fault."""


class FakeStream:
    """Knows which operations are sure to be over when its next one begins."""

    def __init__(self):
        self.over = set()

    def run(self, operation):
        self.over.add(operation)

    def wait_event(self, event):
        self.over |= event.over

    def wait_stream(self, other):
        self.over |= other.over


class FakeEvent:
    over = frozenset()

    def record(self, stream):
        self.over = frozenset(stream.over)


class FakeCuda:
    """Stands in for torch.cuda."""

    Stream = FakeStream
    Event = FakeEvent

    def __init__(self):
        self.work = self.current = FakeStream()

    def current_stream(self):
        return self.current

    @contextlib.contextmanager
    def stream(self, stream):
        before, self.current = self.current, stream
        yield
        self.current = before


def faults(kind, num_steps=NUM_STEPS):
    """Run a feed whose copies and steps are noted, and say which were not kept apart."""
    found, readers = set(), {}
    cuda = FakeCuda()

    class Noting(kind):
        def _copy(self, inputs, target, buffer):
            assert cuda.current is self._side
            place = buffer.inputs.data_ptr()
            if not readers.get(place, set()) <= cuda.current.over:
                found.add("overwrites what is still read")
            cuda.current.run(("copy", int(target)))
            super()._copy(inputs, target, buffer)

    batches = [(torch.full((2,), float(i)), torch.tensor(i)) for i in range(num_steps + 2)]
    feed = Noting(Batches(batches), LoopSettings(data="host"), batches[0], cuda)
    for index in range(num_steps):
        inputs, target = feed.next()
        assert (inputs.tolist(), int(target)) == ([index, index], index)
        if ("copy", index) not in cuda.work.over:
            found.add("reads what is not there yet")
        cuda.work.run(("step", index))
        readers.setdefault(inputs.data_ptr(), set()).add(("step", index))
    assert len(readers) == 2, "two buffers in turn"
    return found


def test_copies_and_steps_are_kept_apart():
    assert faults(CopiedAhead) == set()


def test_each_wait_is_needed():
    assert faults(NoWaitForCopy) == {"reads what is not there yet"}
    assert faults(NoWaitForWork) == {"overwrites what is still read"}


def test_a_copy_does_not_wait_for_the_step_that_it_is_hidden_behind():
    cuda = FakeCuda()
    batches = [(torch.zeros(2), torch.tensor(i)) for i in range(4)]
    feed = CopiedAhead(Batches(batches), LoopSettings(data="host"), batches[0], cuda)
    for index in range(3):
        feed.next()
        assert ("step", index) not in feed._side.over
        cuda.work.run(("step", index))
        assert ("step", index - 1) in feed._side.over or index == 0


def test_a_restart_drops_what_was_copied_ahead():
    batches = [(torch.zeros(2), torch.tensor(i)) for i in range(4)]
    feed = CopiedAhead(Batches(batches), LoopSettings(data="host"), batches[0], FakeCuda())
    assert [int(feed.next()[1]) for _ in range(2)] == [0, 1]
    feed.restart()
    assert [int(feed.next()[1]) for _ in range(5)] == [0, 1, 2, 3, 0]


def test_buffers_are_given_back_only_after_the_last_copy():
    cuda = FakeCuda()
    batches = [(torch.zeros(2), torch.tensor(0))]
    feed = CopiedAhead(Batches(batches), LoopSettings(data="host"), batches[0], cuda)
    feed.next()
    feed._side.run("last copy")
    feed.close()
    assert "last copy" in cuda.work.over
    assert feed._buffers == []


@pytest.mark.parametrize("host_memory", ["pageable", "pinned", "pinned-in-loop"])
@pytest.mark.parametrize("non_blocking", [False, True])
def test_the_settings_reach_torch(host_memory, non_blocking):
    asked = []

    def to(device, **options):
        asked.append((device, options))
        return torch.zeros(2)

    tensor = SimpleNamespace(to=to, pin_memory=lambda: asked.append("pin") or tensor)
    settings = LoopSettings(device="cuda", data="host", host_memory=host_memory, non_blocking=non_blocking)
    make(Batches([(tensor, tensor)]), settings, (tensor, tensor)).next()
    pinned_in_loop = ["pin"] * 2 if host_memory == "pinned-in-loop" else []
    assert asked == [*pinned_in_loop, *[("cuda", {"non_blocking": non_blocking, "copy": True})] * 2]


def late_copies(kind):
    """Return a kind of feed whose copies begin long after they were asked for."""

    class Late(kind):
        def _copy(self, inputs, target, buffer):
            torch.cuda._sleep(LATE_CYCLES)
            super()._copy(inputs, target, buffer)

    return Late


def sums(kind, late_work):
    """Return the sums of eight batches on a GPU, none read before all were asked for, and what they should be."""
    settings = LoopSettings(
        device="cuda", data="host", host_memory="pinned", non_blocking=True, copy_stream="side"
    )
    batches = [
        (torch.full((1000,), float(i + 1)).pin_memory(), torch.tensor([i]).pin_memory())
        for i in range(NUM_STEPS + 2)
    ]
    feed = kind(Batches(batches), settings, tuple(tensor.cuda() for tensor in batches[0]))
    torch.cuda.synchronize()
    found = []
    for _ in range(NUM_STEPS):
        inputs, _ = feed.next()
        if late_work:
            torch.cuda._sleep(LATE_CYCLES)
        found.append(inputs.sum())
    torch.cuda.synchronize()
    feed.close()
    return [total.item() for total in found], [1000.0 * (i + 1) for i in range(NUM_STEPS)]


@on_cuda
@pytest.mark.parametrize("late_work", [False, True])
def test_a_late_stream_changes_nothing(late_work):
    found, expected = sums(CopiedAhead if late_work else late_copies(CopiedAhead), late_work)
    assert found == expected


@on_cuda
@pytest.mark.parametrize("attempt", range(3))
def test_a_wait_left_out_is_seen_each_time(attempt):
    found, expected = sums(late_copies(NoWaitForCopy), late_work=False)
    assert found != expected
    found, expected = sums(NoWaitForWork, late_work=True)
    assert found != expected


@on_cuda
@pytest.mark.parametrize("graph_steps", [0, 1])
@pytest.mark.parametrize(("kind", "right"), [(CopiedAhead, True), (NoWaitForCopy, False)])
def test_late_copies_train_as_the_plain_loop_does(kind, right, graph_steps):
    plain = make_loop(LoopSettings(device="cuda", data="host"), task)
    expected = progress(plain, task, NUM_STEPS)
    settings = LoopSettings(
        device="cuda",
        data="host",
        host_memory="pinned",
        non_blocking=True,
        copy_stream="side",
        graph_steps=graph_steps,
    )
    loop = make_loop(settings, task)
    for _ in range(3):
        loop.step()
    # Both buffers hold classes by now: what nobody has written yet might be none, and end the process.
    torch.cuda.synchronize()
    loop.feed.__class__ = late_copies(kind)
    assert (relative_error(progress(loop, task, NUM_STEPS), expected) < 1e-4) == right


def test_the_same_stream_needs_no_waits():
    assert not issubclass(Copied, CopiedAhead)
    batches = [(torch.ones(2), torch.tensor(i)) for i in range(2)]
    feed = Copied(Batches(batches), LoopSettings(data="host"), batches[0])
    assert [int(feed.next()[1]) for _ in range(3)] == [0, 1, 0]
    assert feed.waited_ns > 0
