"""What the engine's loop around a step costs, beside a bare `for` loop over the same step."""

from __future__ import annotations

import statistics
import time

from benchsuite.worker.timing import run_steps

STEPS = 200
PAIRS = 31


def spin(count):
    """Keep one core busy: a step that needs no torch and returns after about the same time."""
    total = 0
    for number in range(count):
        total += number
    return total


def count_for_ns(duration_ns):
    """Return how far `spin` must count to take so long."""
    count = 1000
    while True:
        start = time.perf_counter_ns()
        spin(count)
        taken_ns = time.perf_counter_ns() - start
        if taken_ns > duration_ns / 2:
            return max(1, round(count * duration_ns / taken_ns))
        count *= 2


def bare_ns(step, count):
    start = time.perf_counter_ns()
    for _ in range(count):
        step()
    return time.perf_counter_ns() - start


def engine_ns(step, count):
    start = time.perf_counter_ns()
    run_steps(step, count)
    return time.perf_counter_ns() - start


def medians_in_turns(step, count):
    """Run both loops in turns and return the medians of (engine / bare) and (engine - bare) a step."""
    ratios, differences = [], []
    for pair in range(PAIRS):
        first, second = (bare_ns, engine_ns) if pair % 2 else (engine_ns, bare_ns)
        taken = {first: first(step, count)}
        taken[second] = second(step, count)
        ratios.append(taken[engine_ns] / taken[bare_ns])
        differences.append((taken[engine_ns] - taken[bare_ns]) / count)
    return statistics.median(ratios), statistics.median(differences)


def bench_loop_around_a_millisecond(benchmark, found):
    count = count_for_ns(1_000_000)
    result = []
    benchmark.pedantic(lambda: result.append(medians_in_turns(lambda: spin(count), STEPS // 10)), rounds=1)
    found("the engine's loop over a 1 ms step", f"{result[0][0]:.4f} times a bare loop", "at most 1.01")


def bench_loop_around_nothing(benchmark, found):
    result = []
    benchmark.pedantic(lambda: result.append(medians_in_turns(lambda: None, STEPS * 50)), rounds=1)
    found("the engine's loop costs", f"{result[0][1] / 1000:.2f} us a step", "at most 2 us")
