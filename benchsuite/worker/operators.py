"""The operator pass: what torch.profiler sees of a few steps."""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import os
import shutil
import tempfile
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

import torch
from torch._C._autograd import DeviceType
from torch.profiler import ProfilerActivity, profile, record_function, schedule

from benchsuite.scenario import Skip
from benchsuite.worker import compilation, device, flops, instruments, short_steps, timing
from benchsuite.worker.operands import MovedBytes
from benchsuite.worker.step_timeline import StepTimeline
from benchsuite.worker.trace import MEMORY, TraceSummary, summarize
from benchsuite.worker.trace_file import TraceReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from benchsuite.scenario import Workload
    from benchsuite.worker.timing import Samples

PLAIN_STEPS = 5
"""Steps that warm up and say how long one takes without the profiler."""
REHEARSED_STEPS = 2
"""Under the profiler, and left out: the first ones take many times as long."""
PROFILED_STEPS = 5
LONGEST_STEP_NS = 10_000_000_000
KEPT_ROWS = 500
LONGEST_TEXT = 200
STEP = "benchsuite: step"
GRAPH_LAUNCH = "cudaGraphLaunch"
"""The call that runs operators which were captured earlier."""


def run(build: Callable[[], Workload], artifacts: str, *, stacks: bool = False) -> dict[str, Any]:
    """Profile five steps: operators, kernels, FLOPs, memory, and a trace for Perfetto.

    Args:
        build: makes the workload.
        artifacts: folder for the trace; empty: it is not kept.
        stacks: whether the trace holds Python's calls too; recording them makes every operator seem longer.

    Returns:
        `operators`: a row for each operator and input shapes, figures of one step, times in ns; the 500 with the
        most own time, and `operator_rows_dropped` says how many more there were;
        `metrics`: `operators` (calls a step), `flops` and `moved_bytes` (a step, of eager steps),
        `profiler_overhead` (the fastest profiled step's time over the fastest plain one's, less 1), and what
        `TraceSummary.metrics` holds;
        `step_ns`, `device_ns`: the plain steps before;
        `series`: `memory_over_time`, [ms, bytes];
        `timeline`: [lane, name, start_ns, duration_ns] of one step's spans, the 200 longest; `timeline_spans_dropped` among
        the metrics says how many more there were;
        `artifacts`: the file name of the trace;
        `problems`: that a step is too short for the profiler, in a clause.

    Raises:
        Skip: the work has a fixed length, a step takes too long, or another profiler is active.
    """
    instruments.demand_none()
    started = perf_counter_ns()
    workload = build()
    if workload.num_steps is not None:
        raise Skip("its work has a fixed length: operators are profiled on the scenarios that repeat a step")
    timing.time_first_step(workload.step)
    _demand_short(timing.run_steps(workload.step, 1))
    plain = timing.run_steps(workload.step, PLAIN_STEPS)
    profiler, profiled = _profile(workload, stacks=stacks)
    working_ns = perf_counter_ns() - started
    overhead = _fastest_ns(profiled) / _fastest_ns(plain) - 1
    metrics = {"profiler_overhead": overhead}
    averages = [
        average
        for average in profiler.key_averages(group_by_input_shape=True)
        if not average.is_user_annotation and average.key != MEMORY
    ]
    counted: dict[tuple[str, str], int] = {}
    if _is_eager(averages):
        counted, amounts = _count(workload)
        metrics |= amounts
    if workload.close is not None:
        workload.close()
    averages.sort(key=lambda row: row.self_cpu_time_total + row.self_device_time_total, reverse=True)
    metrics["operators"] = sum(row.count for row in averages if _is_operator(row)) / PROFILED_STEPS
    if len(averages) > KEPT_ROWS:
        metrics["operator_rows_dropped"] = float(len(averages) - KEPT_ROWS)
    timeline = StepTimeline(STEP)
    summary, dropped, kept = _read_trace(profiler, artifacts, timeline)
    if dropped:
        metrics["trace_events_dropped"] = float(dropped)
    spans, left = timeline.spans()
    if left:
        metrics["timeline_spans_dropped"] = float(left)
    return {
        "items_per_step": workload.items_per_step,
        "operators": [_row(average, counted) for average in averages[:KEPT_ROWS]],
        "metrics": metrics | summary.metrics(PROFILED_STEPS),
        "series": {"memory_over_time": summary.memory} if summary.memory else {},
        "timeline": [dataclasses.astuple(span) for span in spans],
        "artifacts": kept,
        "problems": short_steps.under_profiler(_fastest_ns(plain), overhead),
        "step_ns": plain.step_ns,
        "device_ns": plain.device_ns,
        "working_ns": working_ns,
    }


def _demand_short(samples: Samples) -> None:
    if samples.elapsed_ns > LONGEST_STEP_NS:
        raise Skip(
            f"a step takes {samples.elapsed_ns / 1e9:.0f} s: operators are profiled on steps of at most "
            f"{LONGEST_STEP_NS / 1e9:.0f} s"
        )


def _profile(workload: Workload, *, stacks: bool) -> tuple[profile, Samples]:
    def step() -> None:
        with record_function(STEP):
            workload.step()

    activities = [ProfilerActivity.CPU]
    if device.cuda_in_use():
        activities.append(ProfilerActivity.CUDA)
    # Torch says, of the first freed memory that the profiler did not see allocated and then of every thousandth, that
    # it knows nothing of it: the first time is now, unheard.
    unknown = [torch.empty(1)]
    plan = schedule(wait=0, warmup=REHEARSED_STEPS, active=PROFILED_STEPS, repeat=1)
    with profile(
        activities=activities,
        schedule=plan,
        record_shapes=True,
        profile_memory=True,
        with_stack=stacks,
        acc_events=True,
    ) as profiler:
        for _ in range(REHEARSED_STEPS):
            workload.step()
            device.synchronize()  # what a GPU still does when the recording begins would be recorded
            profiler.step()
        with _stderr_unheard():
            unknown.clear()
        samples = timing.run_steps(step, PROFILED_STEPS)
        device.synchronize()
    return profiler, samples


@contextlib.contextmanager
def _stderr_unheard() -> Iterator[None]:
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _is_eager(averages: Iterable[Any]) -> bool:
    """Tell whether a step calls its operators one by one; a compiled or captured one hides them from a dispatch mode."""
    captured = any(average.key.startswith(GRAPH_LAUNCH) for average in averages)
    return not (captured or compilation.metrics() or compilation.holds_package())


def _count(workload: Workload) -> tuple[dict[tuple[str, str], int], dict[str, float]]:
    """Run a step and return its FLOPs by operator and shapes, and the metrics `flops` and `moved_bytes`."""
    moved = MovedBytes("cuda" if device.cuda_in_use() else "cpu")
    with moved:
        counted = flops.count(workload.step)
    amounts = {"flops": float(sum(counted.values()))}
    if moved.total is not None:
        amounts["moved_bytes"] = float(moved.total)
    return counted, amounts


def _fastest_ns(samples: Samples) -> int:
    """Return the fastest step, as what else runs on the machine only adds; on CUDA by the device's clock."""
    return max(1, min(samples.device_ns or samples.step_ns))


def _row(average: Any, counted: dict[tuple[str, str], int]) -> dict[str, Any]:
    """Return one row; the FLOPs that it takes are gone from `counted`, so that no second row has them too."""
    on_device = average.device_type == DeviceType.CUDA
    shapes = flops.said(average.input_shapes or ())
    return {
        "name": _cut(average.key),
        "shapes": _cut(shapes),
        "calls": average.count / PROFILED_STEPS,
        "self_cpu_ns": _step_ns(average.self_cpu_time_total),
        "total_cpu_ns": _step_ns(average.cpu_time_total),
        # A kernel's time stands in its own row and in that of the operator that launched it: count it once.
        "self_device_ns": _step_ns(average.self_device_time_total) if on_device else 0.0,
        "total_device_ns": _step_ns(average.device_time_total),
        "flops": float(counted.pop((average.key, shapes), 0)),
    }


def _step_ns(total_us: float) -> float:
    return round(total_us * 1000 / PROFILED_STEPS, 1)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 3]}..."


def _is_operator(average: Any) -> bool:
    """Tell operators (aten::mm) from autograd's nodes, runtime calls and compiled regions around them."""
    namespace, colons, _name = average.key.partition("::")
    return average.device_type == DeviceType.CPU and bool(colons) and namespace not in {"autograd", "torch"}


def _read_trace(
    profiler: profile, artifacts: str, timeline: StepTimeline
) -> tuple[TraceSummary, int, dict[str, str]]:
    """Return what the trace says, how many of its events were left out, and the file that was kept of it."""
    with tempfile.TemporaryDirectory(dir=artifacts or None) as folder:
        plain = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(plain))
        with plain.open(encoding="utf-8", errors="replace") as source:
            reader = TraceReader(source)
            summary = summarize(timeline.watch(reader), STEP)
        if not artifacts:
            return summary, reader.dropped, {}
        packed = Path(artifacts) / "trace.json.gz"
        with plain.open("rb") as unpacked, gzip.open(packed, "wb", compresslevel=6) as target:
            shutil.copyfileobj(unpacked, target)
    return summary, reader.dropped, {"trace": packed.name}
