"""The pass that counts calls: what each line of the author's code calls in a step, and how long that works by itself."""

from __future__ import annotations

import dataclasses
import statistics
from collections import defaultdict
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from benchsuite.record import CallRow
from benchsuite.scenario import Skip
from benchsuite.worker import device, instruments, ranks, timing
from benchsuite.worker.authorship import Authorship
from benchsuite.worker.call_counter import CallCounter, Tally, WatchCost, measure_cost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from benchsuite.scenario import Workload

PLAIN_STEPS = 5
WATCHED_STEPS = 5
LONGEST_STEP_NS = 10_000_000_000
LONGEST_WATCH_NS = 10_000_000_000
"""No further step is watched after so long: code that only calls takes many times as long while it is watched."""
KEPT_ROWS = 300


def run(build: Callable[[], Workload], roots: Sequence[str] = ()) -> dict[str, Any]:
    """Watch the calls of five steps, in the thread that takes them.

    Calls within libraries are booked to the author's line that led to them. Not seen are other threads and processes, such as
    autograd's for a GPU and a data loader's workers; what an operator sign (`+`, `@`) does is part of the function that
    holds it.

    Args:
        build: makes the workload.
        roots: folders whose code is the author's own, and that its files are told from.

    Returns:
        `calls`: rows of what the author's code calls and of its own functions, figures of one step; the 300 with the
        most own time. Own times are the steps' least, freed of what watching costs;
        `metrics`: `calls` (a step, all that were seen), `calls_overhead` (the fastest watched step's time over the
        fastest plain one's, less 1), `call_rows_dropped` where there were more than 300 rows;
        `step_ns`: the plain steps before.

    Raises:
        Skip: the work has a fixed length, a step takes too long, or another profiler is active.
    """
    instruments.demand_none()
    started = perf_counter_ns()
    workload = build()
    if workload.num_steps is not None:
        raise Skip("its work has a fixed length: calls are counted on the scenarios that repeat a step")
    timing.time_first_step(workload.step)
    if (once := timing.run_steps(workload.step, 1)).elapsed_ns > LONGEST_STEP_NS:
        raise Skip(f"a step takes {once.elapsed_ns / 1e9:.0f} s: calls are counted on shorter ones")
    plain = timing.run_steps(workload.step, PLAIN_STEPS)
    authorship = Authorship(roots)
    watched = _watch(workload.step, authorship)
    cost = measure_cost()
    working_ns = perf_counter_ns() - started
    if workload.close is not None:
        workload.close()
    fastest_ns = min(plain.step_ns)
    rows = call_rows([counter for _, counter in watched], authorship, cost, fastest_ns)
    metrics = {
        "calls": sum(counter.calls for _, counter in watched) / len(watched),
        "calls_overhead": min(ns for ns, _ in watched) / max(1, fastest_ns) - 1,
    }
    if len(rows) > KEPT_ROWS:
        metrics["call_rows_dropped"] = float(len(rows) - KEPT_ROWS)
    return {
        "items_per_step": workload.items_per_step,
        "calls": [dataclasses.asdict(row) for row in rows[:KEPT_ROWS]],
        "metrics": metrics,
        "step_ns": plain.step_ns,
        "working_ns": working_ns,
    }


def call_rows(
    counters: Sequence[CallCounter], authorship: Authorship, cost: WatchCost, plain_step_ns: float
) -> list[CallRow]:
    """Return what was seen as rows of a record, those with the most own time first.

    Args:
        counters: what has watched a step each.
        authorship: spells functions.
        cost: of a call and of a return, which own times are freed of, as far as they then still make up the plain step.
        plain_step_ns: the time of a step that nobody watches.
    """
    keys = dict.fromkeys(key for counter in counters for key in counter.tallies)
    seen = {key: [counter.tallies.get(key, Tally()) for counter in counters] for key in keys}
    least = _fitting(cost, seen.values(), plain_step_ns)
    own_ns = {
        key: _own_ns(tallies, least, python=not isinstance(key[1], str)) for key, tallies in seen.items()
    }
    calls: dict[tuple[str, str], float] = defaultdict(float)
    times_ns: dict[tuple[str, str], float] = defaultdict(float)
    for (caller, callee), tallies in seen.items():
        if caller is not None or authorship.is_own(callee):
            row = authorship.spell_callee(callee), authorship.spell_caller(caller)
            calls[row] += sum(tally.calls for tally in tallies) / len(counters)
            times_ns[row] += own_ns[caller, callee]
    rows = [CallRow(*row, round(calls[row], 6), round(times_ns[row], 1)) for row in calls]
    return sorted(rows, key=lambda row: (-row.self_ns, -row.calls, row.function, row.caller))


def _fitting(cost: WatchCost, seen: Iterable[Sequence[Tally]], plain_step_ns: float) -> WatchCost:
    """Return the cost with no more for watching than the watched step takes longer than the plain one."""
    fastest = [min(tallies, key=lambda tally: tally.self_ns) for tallies in seen]
    events = sum(tally.events for tally in fastest)
    beyond_ns = sum(tally.self_ns for tally in fastest) - plain_step_ns
    extra_ns = min(cost.extra_ns, max(0.0, beyond_ns / events)) if events else cost.extra_ns
    return dataclasses.replace(cost, extra_ns=extra_ns)


def _own_ns(tallies: Sequence[Tally], cost: WatchCost, *, python: bool) -> float:
    """Return the least of the steps, as what else runs on the machine only adds; the median where steps do not call alike."""
    alike = len({tally.calls for tally in tallies}) == 1
    return (min if alike else statistics.median)(cost.own_ns(tally, python=python) for tally in tallies)


def _watch(step: Callable[[], object], authorship: Authorship) -> list[tuple[int, CallCounter]]:
    """Watch some steps; return the time of each and what was seen."""
    found: list[tuple[int, CallCounter]] = []
    # Ranks wait for one another: all of them take the same steps.
    unlimited = bool(ranks.describe())
    while len(found) < WATCHED_STEPS and (unlimited or sum(ns for ns, _ in found) < LONGEST_WATCH_NS):
        counter = CallCounter(authorship)
        began_ns = perf_counter_ns()
        counter.watch(step)
        device.synchronize()
        found.append((perf_counter_ns() - began_ns, counter))
    return found
