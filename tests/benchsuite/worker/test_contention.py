from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchsuite.origin import PROJECT_ROOT
from benchsuite.worker.contention import (
    Counters,
    Reading,
    own_wait_ns,
    parse_pressure_ns,
    parse_schedstat_wait_ns,
    parse_stolen_ns,
    read_counters,
)

COUNTS = st.integers(0, 2**63)
COUNTERS = st.builds(Counters, COUNTS, COUNTS, COUNTS, COUNTS)
TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


@pytest.fixture
def proc(tmp_path):
    """Return a function that writes a /proc tree with these waits by thread, and returns its folder."""

    def write(waits, some_us=0, steal=0):
        tasks = tmp_path / "self" / "task"
        for old in tasks.glob("*/schedstat"):
            old.unlink()
            old.parent.rmdir()
        for thread, wait in waits.items():
            (tasks / thread).mkdir(parents=True)
            (tasks / thread / "schedstat").write_text(f"123456 {wait} 78\n")
        (tmp_path / "pressure").mkdir(exist_ok=True)
        (tmp_path / "pressure" / "cpu").write_text(pressure(some_us))
        (tmp_path / "stat").write_text(stat(steal))
        return tmp_path

    return write


def pressure(some_us, full_us=99):
    averages = "avg10=1.25 avg60=0.50 avg300=0.00"
    return f"some {averages} total={some_us}\nfull {averages} total={full_us}\n"


def stat(steal):
    return f"cpu  11 12 13 14 15 16 17 {steal} 19 20\ncpu0 1 2 3 4 5 6 7 9999 9 10\nintr 5\n"


@given(st.text())
def test_parsers_take_any_text(text):
    for parse in (parse_schedstat_wait_ns, parse_pressure_ns, parse_stolen_ns):
        assert parse(text) >= 0


@given(COUNTS, COUNTS, COUNTS)
def test_the_wait_is_the_second_field(ran, waited, slices):
    assert parse_schedstat_wait_ns(f"{ran} {waited} {slices}\n") == waited


@given(COUNTS, COUNTS)
def test_pressure_is_the_total_of_some_in_ns(some_us, full_us):
    assert parse_pressure_ns(pressure(some_us, full_us)) == some_us * 1000
    assert parse_pressure_ns(pressure(some_us, full_us).partition("\n")[2]) == 0


@given(st.integers(0, 2**40))
def test_steal_is_the_eighth_column_of_all_cores(ticks):
    assert parse_stolen_ns(stat(ticks)) == ticks * TICK_NS


@pytest.mark.parametrize(
    "text", ["", "cpu", "cpu  1 2 3 4 5 6 7\n", "cpu0 1 2 3 4 5 6 7 8 9\n", "intr 1 2 3 4 5 6 7 8 9"]
)
def test_a_kernel_that_counts_no_steal(text):
    assert parse_stolen_ns(text) == 0


def test_counters_are_what_came_between_two_readings(proc):
    before = read_counters(proc({"1": 100, "2": 900}, some_us=5, steal=2))
    found = read_counters(proc({"1": 150, "2": 1000}, some_us=9, steal=5)) - before
    assert (found.waited_ns, found.pressure_ns, found.stolen_ns) == (150, 4000, 3 * TICK_NS)
    assert found.involuntary_switches >= 0


def test_a_thread_that_ends_takes_nothing_from_the_others(proc):
    before = read_counters(proc({"1": 100, "2": 900}))
    assert (read_counters(proc({"1": 150})) - before).waited_ns == 50


def test_of_several_ranks_the_mean_wait_of_main_threads_counts(tmp_path):
    def write(waits):
        for (process, thread), wait in waits.items():
            folder = tmp_path / process / "task" / thread
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "schedstat").write_text(f"1 {wait} 1")

    write({("7", "7"): 100, ("7", "70"): 100, ("8", "8"): 300})
    before = read_counters(tmp_path, ranks=(7, 8))
    write({("7", "7"): 140, ("7", "70"): 900, ("8", "8"): 320})
    assert (read_counters(tmp_path, ranks=(7, 8)) - before).waited_ns == 30


def test_a_new_threads_whole_wait_counts(proc):
    before = read_counters(proc({"1": 100}))
    assert (read_counters(proc({"1": 150, "7": 30})) - before).waited_ns == 80


def test_what_the_system_does_not_offer_is_zero(tmp_path):
    found = read_counters(tmp_path)
    assert (found.waited_ns, found.pressure_ns, found.stolen_ns) == ({}, 0, 0)


def test_this_threads_wait_is_that_of_this_thread_alone(proc):
    root = proc({"1": 100, "2": 900})
    (root / "thread-self").symlink_to(root / "self" / "task" / "2")
    assert own_wait_ns(root) == 900


def test_where_nobody_counts_waiting_it_is_zero(tmp_path):
    assert own_wait_ns(tmp_path) == 0


def test_a_thread_that_ends_while_it_is_read(proc, tmp_path):
    root = proc({"1": 100, "2": 900})
    (tmp_path / "self" / "task" / "2" / "schedstat").unlink()
    assert read_counters(root).waited_ns == {"1": 100, "2": 0}


@given(
    st.dictionaries(st.text(max_size=3), COUNTS, max_size=5),
    st.dictionaries(st.text(max_size=3), COUNTS, max_size=5),
)
def test_counters_never_fall(before, grown):
    after = {thread: before.get(thread, 0) + growth for thread, growth in grown.items()}
    assert (Reading(after, 0, 0, 0) - Reading(before, 0, 0, 0)).waited_ns == sum(grown.values())


@given(COUNTERS, COUNTERS)
def test_turns_add_up(first, second):
    total = first + second
    for name in Counters.__slots__:
        assert getattr(total, name) == getattr(first, name) + getattr(second, name)


def test_shares_are_relative_to_the_time_that_was_measured(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    shares = Counters(50, 3, 20, 80).shares(200)
    assert shares == {
        "wait_share": 0.25,
        "involuntary_switches": 3.0,
        "pressure_share": 0.1,
        "steal_share": 0.1,
    }


@pytest.mark.parametrize("elapsed_ns", [0, -1])
def test_no_time_no_shares(elapsed_ns):
    assert Counters(1, 1, 1, 1).shares(elapsed_ns) == {}


BUSY = """
import os, signal, sys, time
from benchsuite.worker.contention import own_wait_ns

os.sched_setaffinity(0, {int(sys.argv[1])})
parent = os.getpid()
neighbour = os.fork()
while not neighbour and os.getppid() == parent:
    pass
if not neighbour:
    os._exit(0)

def waited():
    before, end = own_wait_ns(), time.perf_counter() + 0.1
    while time.perf_counter() < end:
        pass
    return own_wait_ns() - before

waits = {signal.SIGSTOP: 0, signal.SIGCONT: 0}
for _ in range(5):
    for told in waits:
        os.kill(neighbour, told)
        waits[told] += waited()
os.kill(neighbour, signal.SIGKILL)
print(*waits.values())
"""


@pytest.mark.skipif(not Path("/proc/thread-self/schedstat").exists(), reason="nobody counts waiting here")
def test_a_busy_neighbour_on_the_same_core_makes_a_thread_wait():
    core = min(os.sched_getaffinity(0))
    done = subprocess.run(
        [sys.executable, "-P", "-c", BUSY, str(core)], capture_output=True, text=True, check=True, timeout=60,
        env=os.environ | {"PYTHONPATH": str(PROJECT_ROOT)},
    )  # fmt: skip
    beside_one_that_rests, beside_one_that_works = map(int, done.stdout.split())
    assert beside_one_that_works > beside_one_that_rests


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="no /proc is here")
def test_this_process():
    before = read_counters()
    thread = threading.Thread(target=sum, args=(range(100_000),))
    thread.start()
    thread.join()
    found = read_counters() - before
    assert before.waited_ns
    assert all(getattr(found, name) >= 0 for name in Counters.__slots__)
