"""The pass that counts calls: on functions whose calls are known, and in a real worker."""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchsuite import Check, Workload
from benchsuite.launcher import Zygote, can_fork
from benchsuite.scenario import Skip
from benchsuite.worker import calls
from benchsuite.worker.authorship import Authorship, native_name
from benchsuite.worker.call_counter import CallCounter, Tally, WatchCost, measure_cost
from benchsuite.worker.protocol import TrialSpec

HERE = Path(__file__).parent
FILE = Path(__file__).name
PATIENCE_S = 120


def watch(step, *, steps=3):
    """Return the rows of a step, its files told from this folder."""
    authorship = Authorship([str(HERE)])
    counters = [CallCounter(authorship) for _ in range(steps)]
    for counter in counters:
        counter.watch(step)
    return calls.call_rows(counters, authorship, WatchCost(0.0, 0.0), plain_step_ns=1e12)


def by_function(rows):
    found = {}
    for row in rows:
        key = re.sub(r":\d+\)", ")", row.function), re.sub(r":\d+\)", ")", row.caller)
        found[key] = found.get(key, 0) + row.calls
    return found


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Conv2d(1, 2, 3)
        self.second = torch.nn.Conv2d(2, 2, 3)

    def forward(self, inputs):
        return self.second(self.first(inputs)).relu()


def test_what_a_library_calls_is_booked_to_the_line_that_led_to_it():
    net, inputs = Net(), torch.ones(1, 1, 8, 8)

    def step():
        net(inputs)

    rows = watch(step)
    found = by_function(rows)
    assert found["torch.conv2d", f"Net.forward ({FILE})"] == 2
    assert found["Tensor.relu", f"Net.forward ({FILE})"] == 1
    assert found[f"Net.forward ({FILE})", f"step ({FILE})"] == 1
    assert found[f"step ({FILE})", ""] == 1
    line = Net.forward.__code__.co_firstlineno
    assert any(row.caller == f"Net.forward ({FILE}:{line + 1})" for row in rows)
    assert any(row.function == f"Net.forward ({FILE}:{line})" for row in rows)
    # Python's own functions, called by torch.nn, would only say how torch works.
    assert not any(function in {"len", "isinstance"} for function, _ in found)


def test_own_times_are_told_apart_and_add_up():
    def slow():
        return [value for value in range(200_000) if value % 3]

    def step():
        time.sleep(0.02)
        slow()

    rows = {row.function: row for row in watch(step)}
    assert rows["time.sleep"].self_ns >= 19e6
    slow_ns = rows[f"slow ({FILE}:{slow.__code__.co_firstlineno})"].self_ns
    assert slow_ns > 2 * rows[f"step ({FILE}:{step.__code__.co_firstlineno})"].self_ns


def test_comprehensions_and_generators_are_part_of_their_function():
    def step():
        sum(value for value in range(5))
        [time.time() for _ in range(7)]
        return {value: value for value in range(3)}

    rows = watch(step)
    assert not any("<" in row.function or "<" in row.caller for row in rows)
    assert by_function(rows)["time.time", f"step ({FILE})"] == 7


def test_an_exception_leaves_the_stack_in_order():
    def fails():
        int("no number")

    def step():
        for _ in range(3):
            try:
                fails()
            except ValueError:
                time.time()

    found = by_function(watch(step))
    assert found[f"fails ({FILE})", f"step ({FILE})"] == 3
    assert found["time.time", f"step ({FILE})"] == 3


def test_a_generator_that_is_closed_early_leaves_the_stack_in_order():
    def endless():
        try:
            while True:
                yield 1
        finally:
            time.time()

    def step():
        numbers = endless()
        next(numbers)
        numbers.close()
        del numbers
        time.monotonic()

    found = by_function(watch(step))
    assert found["time.time", f"endless ({FILE})"] == 1
    assert found["time.monotonic", f"step ({FILE})"] == 1


def test_a_watched_tensor_is_not_kept_alive():
    import weakref

    kept = []

    def step():
        tensor = torch.ones(3)
        kept.append(weakref.ref(tensor))
        tensor.sum().item()

    counter = CallCounter(Authorship([str(HERE)]))
    counter.watch(step)
    assert kept[0]() is None


def test_nothing_is_watched_afterwards_even_where_the_step_fails():
    def step():
        raise KeyError("planted")

    with pytest.raises(KeyError):
        CallCounter(Authorship()).watch(step)
    assert sys.getprofile() is None


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (torch.conv2d, "torch.conv2d"),
        (torch.ones(1).item, "Tensor.item"),
        (torch.nn.Parameter(torch.ones(1)).item, "Tensor.item"),
        (torch._C._nn.linear, "torch._C._nn.linear"),
        (time.sleep, "time.sleep"),
        ([].append, "list.append"),
        (len, "len"),
        (dict.fromkeys, "dict.fromkeys"),
    ],
)
def test_native_code_has_a_readable_name(function, name):
    assert native_name(function) == name


def test_files_are_told_from_the_root_and_libraries_are_not_the_authors_own():
    here = test_an_exception_leaves_the_stack_in_order.__code__
    inside = Authorship([str(HERE.parent)])
    assert inside.is_own(here)
    assert inside.spell(here, 7) == f"test_an_exception_leaves_the_stack_in_order ({HERE.name}/{FILE}:7)"
    everything = Authorship([str(Path("/"))])
    for foreign in (json.dumps, torch.nn.Module.__call__, Workload.__init__, calls.run, pytest.approx):
        assert not everything.is_own(foreign.__code__)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 10**6), st.integers(0, 50)), min_size=1),
    st.floats(1, 1e7),
)
def test_what_watching_costs_is_taken_off_but_no_more_than_a_step_takes(tallies, plain_step_ns):
    def step():
        pass

    counter = CallCounter(Authorship())
    code = step.__code__
    counter._tallies = {((code, 2 * i), code): Tally(*one) for i, one in enumerate(tallies)}
    cost = WatchCost(call_ns=1.0, extra_ns=30.0)
    rows = calls.call_rows([counter], Authorship([str(HERE)]), cost, plain_step_ns)
    seen_ns = sum(ns for _, ns, _ in tallies)
    total_ns = sum(row.self_ns for row in rows)
    assert all(row.self_ns >= 0 for row in rows)
    assert total_ns <= seen_ns + 50 * len(tallies) + 1
    assert total_ns >= min(plain_step_ns, seen_ns) * (1 - 1e-9) - 1


def test_watching_a_call_costs_something_and_that_is_known():
    cost = measure_cost()
    assert cost.call_ns > 0
    assert cost.extra_ns > 0


def test_a_step_that_is_watched_by_another_is_refused():
    sys.setprofile(lambda *_: None)
    try:
        with pytest.raises(Skip, match=r"a profiler .* is active"):
            calls.run(lambda: Workload(lambda: None, lambda: [Check("a fact", 1.0, 1.0, "<=")]))
    finally:
        sys.setprofile(None)


def test_a_long_watch_ends_early(monkeypatch):
    monkeypatch.setattr(calls, "LONGEST_WATCH_NS", 1)
    taken = []
    calls.run(lambda: Workload(lambda: taken.append(1), lambda: [Check("a fact", 1.0, 1.0, "<=")]))
    assert len(taken) == 1 + 1 + calls.PLAIN_STEPS + 1


@pytest.mark.skipif(not can_fork(), reason="no safe fork here")
def test_the_pass_runs_in_a_worker_and_counts_repeat_exactly(workloads):
    zygote = Zygote({})

    def result(scenario):
        spec = TrialSpec(
            scenario=scenario, module="benchsuite_user_workloads", file=str(workloads), settings={}, pass_="calls",
            task_module="benchsuite_user_workloads", task_file=str(workloads), task_attribute="task",
            paths=(str(workloads.parent),),
        )  # fmt: skip
        worker = zygote.start()
        worker.send(spec.to_json())
        message = worker.receive(PATIENCE_S)
        worker.end()
        return message

    try:
        found = [result("trained") for _ in range(2)]
        counts = [{(row["function"], row["caller"]): row["calls"] for row in one["calls"]} for one in found]
        assert counts[0] == counts[1]
        assert found[0]["metrics"]["calls"] == found[1]["metrics"]["calls"] > 100
        assert any(function == "torch._C._nn.linear" for function, _ in counts[0])
        assert all(function.startswith("step (workloads.py:") or caller for function, caller in counts[0])
        assert result("fixed_length")["event"] == "skipped"
    finally:
        zygote.stop()
