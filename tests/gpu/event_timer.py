"""Times steps on a GPU and reads a trace, sharing no code with the engine: what the engine's figures are held against."""

from __future__ import annotations

import json
import statistics
import time
from dataclasses import dataclass

import torch

BUSY = {"kernel", "gpu_memcpy", "gpu_memset"}


def device_ns(step, count, cuda=torch.cuda):
    """Return the mean time of a step in ns by the GPU's clock: one event before so many steps, one behind them."""
    before, after = cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)
    cuda.synchronize()
    before.record()
    for _ in range(count):
        step()
    after.record()
    cuda.synchronize()
    return 1e6 * before.elapsed_time(after) / count


def wall_ns(step, count, cuda=torch.cuda, clock=time):
    """Return the mean time of a step in ns by the host's clock, from an idle GPU to an idle GPU."""
    cuda.synchronize()
    began_ns = clock.perf_counter_ns()
    for _ in range(count):
        step()
    cuda.synchronize()
    return (clock.perf_counter_ns() - began_ns) / count


def steps_in(step, span_ns=20_000_000, cuda=torch.cuda):
    """Return how many steps take about so long, at least three."""
    return max(3, round(span_ns / device_ns(step, 3, cuda)))


def median_ratio(first, second, rounds=9):
    """Return the median of first() / second(), taken in turns: a clock that moves moves both."""
    ratios = []
    for place in range(rounds):
        order = (first, second) if place % 2 else (second, first)
        found = {function: function() for function in order}
        ratios.append(found[first] / found[second])
    return statistics.median(ratios)


@dataclass(frozen=True)
class Traced:
    """What a step did on the GPU, by the profiler's trace."""

    kernels: float
    busy_ns: float
    """Kernels, copies and fills, one after the other."""


def read_trace(text, count):
    """Return what a trace in Chrome's format holds of each of so many steps."""
    events = [event for event in json.loads(text)["traceEvents"] if event.get("cat") in BUSY]
    kernels = sum(event["cat"] == "kernel" for event in events)
    return Traced(kernels / count, 1e3 * sum(event["dur"] for event in events) / count)


def trace(step, folder, count=5):
    """Profile so many steps."""
    from torch.profiler import ProfilerActivity, profile

    torch.cuda.synchronize()
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiler:
        for _ in range(count):
            step()
        torch.cuda.synchronize()
    path = folder / "independent.json"
    profiler.export_chrome_trace(str(path))
    return read_trace(path.read_text(encoding="utf-8"), count)
