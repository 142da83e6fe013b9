from __future__ import annotations

from types import SimpleNamespace

import pytest

from scenarios.waiting import Watch


class Feed:
    """Stands for a feed over a clock that is set by hand."""

    waited_ns = 0

    def __init__(self):
        self.said = []

    def pause(self):
        self.said.append("pause")

    def resume(self):
        self.said.append("resume")


@pytest.fixture
def clock(monkeypatch):
    made = SimpleNamespace(ns=0)
    monkeypatch.setattr("scenarios.waiting.perf_counter_ns", lambda: made.ns)
    return made


@pytest.fixture
def step(clock):
    """Return a function that lets a loop wait for its batch and then work."""

    def taken(feed, waited_ns, worked_ns):
        feed.waited_ns += waited_ns
        clock.ns += waited_ns + worked_ns

    return taken


def test_the_share_is_that_of_the_turns(clock, step):
    feed = Feed()
    watch = Watch(feed)
    step(feed, 9_000, 600)  # workers start
    watch.pause()
    assert watch.data_wait_share == 0
    for waited_ns in (100, 300):
        clock.ns += 50_000  # the others' turns
        watch.resume()
        step(feed, waited_ns, 600)
        watch.pause()
    assert watch.data_wait_share == pytest.approx(400 / 1600)
    watch.resume()
    step(feed, 9_000, 0)  # the check
    assert watch.data_wait_share == pytest.approx(400 / 1600)
    assert feed.said == ["pause", "resume", "pause", "resume", "pause", "resume"]


def test_a_wait_for_the_device_at_the_end_of_a_turn_is_part_of_its_time(clock, step):
    feed = Feed()
    watch = Watch(feed)
    watch.resume()
    for _ in range(10):
        step(feed, 600, 300)  # the host runs ahead
    clock.ns += 10 * 10_000 - 10 * 900  # synchronisation
    watch.pause()
    assert watch.data_wait_share == pytest.approx(0.06)
