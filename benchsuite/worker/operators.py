"""The operator pass: what torch.profiler sees of a few steps."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from torch._C._autograd import DeviceType
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from benchsuite.scenario import Skip
from benchsuite.worker import compilation, device, timing

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchsuite.scenario import Workload

WARMUP_STEPS = 3
PROFILED_STEPS = 5
KEPT_ROWS = 30


def run(build: Callable[[], Workload], artifacts: str) -> dict[str, Any]:
    """Profile five steps: operators, kernels, FLOPs and a trace for Perfetto.

    Returns:
        `operators`: the 30 rows with the most own time, figures of one step, times in ns;
        `metrics`: `operators` and `kernels` (count per step), `flops` (per step, of eager steps);
        `artifacts`: the file name of the trace.

    Raises:
        Skip: the work has a fixed length.
    """
    started = perf_counter_ns()
    workload = build()
    if workload.num_steps is not None:
        raise Skip("its work has a fixed length: operators are profiled on the scenarios that repeat a step")
    timing.time_first_step(workload.step)
    for _ in range(WARMUP_STEPS):
        workload.step()
    device.synchronize()
    activities = [ProfilerActivity.CPU]
    if device.cuda_in_use():
        activities.append(ProfilerActivity.CUDA)
    with profile(activities=activities, acc_events=True) as profiler:
        for _ in range(PROFILED_STEPS):
            workload.step()
        device.synchronize()
    working_ns = perf_counter_ns() - started
    averages = profiler.key_averages()
    averages = [row for row in averages if not row.is_user_annotation]
    metrics = {"operators": sum(row.count for row in averages if _is_operator(row)) / PROFILED_STEPS}
    if device.cuda_in_use():
        on_device = [row for row in averages if row.device_type == DeviceType.CUDA and not _is_copy(row.key)]
        metrics["kernels"] = sum(row.count for row in on_device) / PROFILED_STEPS
    if not compilation.metrics():
        metrics["flops"] = float(_count_flops(workload))
    rows = sorted(
        averages, key=lambda row: row.self_cpu_time_total + row.self_device_time_total, reverse=True
    )
    if workload.close is not None:
        workload.close()
    return {
        "items_per_step": workload.items_per_step,
        "operators": [_row(row) for row in rows[:KEPT_ROWS]],
        "metrics": metrics,
        "artifacts": _keep_trace(profiler, artifacts),
        "working_ns": working_ns,
    }


def _row(average: Any) -> dict[str, Any]:
    return {
        "name": average.key[:200],
        "calls": average.count / PROFILED_STEPS,
        "self_cpu_ns": average.self_cpu_time_total * 1000 / PROFILED_STEPS,
        "total_cpu_ns": average.cpu_time_total * 1000 / PROFILED_STEPS,
        # A kernel's time stands in its own row and in that of the operator that launched it: count it once.
        "self_device_ns": average.self_device_time_total * 1000 / PROFILED_STEPS
        if average.device_type == DeviceType.CUDA
        else 0.0,
    }


def _is_operator(average: Any) -> bool:
    """Tell operators (aten::mm) from autograd's nodes, runtime calls and compiled regions around them."""
    namespace, colons, _name = average.key.partition("::")
    return average.device_type == DeviceType.CPU and bool(colons) and namespace not in {"autograd", "torch"}


def _is_copy(name: str) -> bool:
    return name.startswith(("Memcpy", "Memset"))


def _count_flops(workload: Workload) -> int:
    """Count one eager step's floating-point operations; a dispatch mode would break compiled graphs up."""
    with FlopCounterMode(display=False) as counter:
        workload.step()
    return int(counter.get_total_flops())


def _keep_trace(profiler: profile, artifacts: str) -> dict[str, str]:
    if not artifacts:
        return {}
    plain = Path(artifacts) / "trace.json"
    packed = Path(artifacts) / "trace.json.gz"
    profiler.export_chrome_trace(str(plain))
    with plain.open("rb") as source, gzip.open(packed, "wb", compresslevel=6) as target:
        shutil.copyfileobj(source, target)
    plain.unlink()
    return {"trace": packed.name}
