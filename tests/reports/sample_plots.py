"""The sample run with what its passes leave for plots: timelines, memory over time, and what the machine can do at most."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sample_run import make_info, make_records

from benchsuite.record import Span
from reports.collect import collect

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchsuite.record import Record, RunInfo
    from benchsuite.store import Run
    from reports.results import ScenarioResult

CEILINGS = {
    "cpu_threads": 2.0,
    "cpu_1_thread_flops_per_s": 61e9,
    "cpu_1_thread_copy_bytes_per_s": 11e9,
    "cpu_all_threads_flops_per_s": 118e9,
    "cpu_all_threads_copy_bytes_per_s": 19e9,
    "cpu_operator_ns": 900.0,
}
FORWARD = (
    ("aten::conv2d", 5),
    ("aten::max_pool2d", 2),
    ("aten::relu", 0.6),
    ("aten::linear", 1.2),
    ("aten::nll_loss", 0.2),
)
MIB = 2**20
HOSTILE = """<script>document.title="taken"</script>"'>$x^2$ & <b>""" + "long" * 2500


def plots_info() -> RunInfo:
    """Make the header, with the machine's ceilings."""
    return replace(make_info(), ceilings=CEILINGS)


def plots_records(rounds: int = 3) -> list[Record]:
    """Make the records of the sample run with timelines, curves of memory and bytes moved."""
    return [_with_more(record) for record in make_records(rounds)]


def timeline(step_ns: float, *, training: bool = True, gpu: bool = False) -> tuple[Span, ...]:
    """Make the spans of a step that takes so long."""
    parts: list[tuple[str, str, float]] = [("operators", name, share) for name, share in FORWARD]
    if training:
        parts += [
            ("backward", f"{name.removeprefix('aten::').title()}Backward0", 2 * share)
            for name, share in reversed(FORWARD)
        ]
        parts += [("optimizer", "aten::_foreach_add_", 0.3)] * 4
    if gpu:
        parts = [(lane, name, 0.2) for lane, name, _share in parts]
        parts += [("waits", "cudaDeviceSynchronize", 6.0)]
    unit = 0.96 * step_ns / sum(share for _lane, _name, share in parts)
    spans: list[Span] = []
    now = 0.02 * step_ns
    for lane, name, share in parts:
        spans.append(Span(lane, name, round(now), round(unit * share * 0.93)))  # type: ignore[arg-type]
        now += unit * share
    if gpu:
        for number in range(40):
            lane, name = ("copies", "Memcpy HtoD (Pinned -> Device)") if number < 2 else ("kernels", "void at::native::vectorized_elementwise_kernel<4, float>(int)")  # fmt: skip
            spans.append(Span(lane, name, round((0.1 + 0.022 * number) * step_ns), round(0.018 * step_ns)))  # type: ignore[arg-type]
    return tuple(sorted(spans, key=lambda span: span.start_ns))


def plots_result(
    make_run: Callable[..., Run], times: Any, extra: Any = (), ceilings: Any = CEILINGS, **more: Any
) -> ScenarioResult:
    """Make the result of one scenario of a run with ceilings."""
    run = make_run(times, extra=extra, **more)
    return collect(replace(run, info=replace(run.info, ceilings=ceilings)))[0]


def _with_more(record: Record) -> Record:
    own = [row for row in record.operators if row.name.startswith("aten::")]
    if record.pass_ == "operators" and own:
        step_ns = sum(row.self_cpu_ns for row in own) / 0.89
        moved = 1.6 * step_ns * (1 + 0.3 * math.sin(len(record.variant)))
        metrics = {**record.metrics, "flops": 9 * step_ns, "moved_bytes": moved}
        spans = timeline(step_ns, training=record.context.get("phase") != "infer")
        return replace(
            record, metrics=metrics, timeline=spans, series={"memory_over_time": _steps(step_ns / 1e6)}
        )
    if record.pass_ == "memory":
        return replace(record, series={"heap_over_time": _heap(record.metrics["peak_heap"])})
    return record


def _steps(step_ms: float) -> tuple[tuple[float, float], ...]:
    return tuple(
        (round(step_ms * n / 40, 4), 2.0 * MIB + 9 * MIB * (1 - abs(1 - (n % 40) / 20))) for n in range(200)
    )


def _heap(peak_bytes: float) -> tuple[tuple[float, float], ...]:
    build = [(10.0 * n, 0.5 * peak_bytes * n / 20) for n in range(20)]
    return tuple(build + [(200.0 + 10 * n, peak_bytes * (0.6 + 0.4 * ((n % 5) / 4))) for n in range(60)])
