from __future__ import annotations

from types import SimpleNamespace

import pytest

from scenarios.waiting import Watch


def test_the_wait_for_the_start_is_no_part_of_the_share(monkeypatch):
    clock = SimpleNamespace(ns=0)
    feed = SimpleNamespace(waited_ns=0)
    waits = iter([9_000, 100, 300])

    def step():
        wait = next(waits)
        feed.waited_ns += wait
        clock.ns += wait + 600

    monkeypatch.setattr("scenarios.waiting.perf_counter_ns", lambda: clock.ns)
    watch = Watch(SimpleNamespace(step=step, feed=feed))
    assert watch.data_wait_share == 0
    watch.step()
    assert watch.data_wait_share == 0
    for _ in range(2):
        clock.ns += 50_000  # the others' turns
        watch.step()
    assert watch.data_wait_share == pytest.approx(400 / 1600)
