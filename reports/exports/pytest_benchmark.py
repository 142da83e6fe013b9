"""A run as `pytest-benchmark` writes one: JSON that `pytest-benchmark compare` reads back."""

from __future__ import annotations

import json
import statistics
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any, Final

from benchsuite.scenario import format_value
from reports import format as fmt
from reports.columns import encodable
from reports.exports.step_samples import all_step_samples_ns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchsuite.record import RunInfo
    from reports.load import ReportData
    from reports.results import ScenarioResult, VariantResult

VERSION: Final = "5.1.0"
"""The version of pytest-benchmark whose format this is."""
FENCE: Final = 1.5
"""So many interquartile ranges beyond the quartiles, a sample is an outlier."""


def pytest_benchmark(data: ReportData) -> str:
    """Return a run as one JSON document; times are seconds a step.

    A benchmark is a variant that was timed, its samples are those of all rounds. Variants that were not timed,
    which the format has no place for, stand under a key of our own, `benchsuite`, with the reason.
    """
    variants = [(result, variant) for result in data.scenarios for variant in result.variants]
    document = {
        "machine_info": _machine(data.run.info),
        "commit_info": _commit(data.run.info.commit),
        "benchmarks": [_benchmark(result, v) for result, v in variants if v.timings],
        "datetime": data.run.info.started,
        "version": VERSION,
        "benchsuite": {
            "finished": data.run.info.finished is not None,
            "not_measured": [
                {"variant": v.id, "outcome": v.outcome, "reason": v.reason}
                for _, v in variants
                if not v.timings
            ],
        },
    }
    return json.dumps(document, indent=1, default=str) + "\n"


def statistics_of(samples: Sequence[float]) -> dict[str, Any]:
    """Return what pytest-benchmark calculates of samples in seconds, quartiles by its own method."""
    ordered, count = sorted(samples), len(samples)
    half = count // 2
    q1, q3 = _quartiles(ordered)
    mean, iqr = statistics.fmean(ordered), q3 - q1
    deviation = statistics.stdev(ordered) if count > 1 else 0.0
    low, high = q1 - FENCE * iqr, q3 + FENCE * iqr
    beyond_deviation = sum(not mean - deviation <= value <= mean + deviation for value in ordered)
    beyond_fences = sum(not low <= value <= high for value in ordered)
    return {
        "min": ordered[0],
        "max": ordered[-1],
        "mean": mean,
        "stddev": deviation,
        "rounds": count,
        "median": ordered[half] if count % 2 else (ordered[half - 1] + ordered[half]) / 2,
        "iqr": iqr,
        "q1": q1,
        "q3": q3,
        "iqr_outliers": beyond_fences,
        "stddev_outliers": beyond_deviation,
        "outliers": f"{beyond_deviation};{beyond_fences}",
        # Rounding may put a fence beyond samples that are all alike.
        "ld15iqr": ordered[min(bisect_left(ordered, low), count - 1)],
        "hd15iqr": ordered[max(bisect_right(ordered, high) - 1, 0)],
        "ops": 1 / mean if mean else 0.0,
        "total": sum(ordered),
        "data": list(samples),
        "iterations": 1,
    }


def _quartiles(ordered: Sequence[float]) -> tuple[float, float]:
    count = len(ordered)
    if count == 1:
        return ordered[0], ordered[0]
    if count % 2 == 0:
        return statistics.median(ordered[: count // 2]), statistics.median(ordered[count // 2 :])
    n = count // 4
    if count % 4 == 1:
        return (
            0.25 * ordered[n - 1] + 0.75 * ordered[n],
            0.75 * ordered[3 * n] + 0.25 * ordered[3 * n + 1],
        )
    return (
        0.75 * ordered[n] + 0.25 * ordered[n + 1],
        0.25 * ordered[3 * n + 1] + 0.75 * ordered[3 * n + 2],
    )


def _benchmark(result: ScenarioResult, variant: VariantResult) -> dict[str, Any]:
    name = _name(variant.id)
    _, bracket, inside = name.partition("[")
    return {
        "group": _name(result.name),
        "name": name,
        "fullname": f"benchsuite::{name}",
        "params": {_name(axis): format_value(value) for axis, value in variant.settings.items()},
        "param": inside.removesuffix("]") if bracket else None,
        "extra_info": {
            "baseline": variant.baseline,
            "sound": variant.sound,
            "rounds": len(variant.timings),
            "verdict": variant.comparison.verdict if variant.comparison else None,
            "speedup": variant.comparison.speedup.value if variant.comparison else None,
        },
        "options": {"disable_gc": False, "timer": "perf_counter", "warmup": True},
        "stats": statistics_of([ns / 1e9 for ns in all_step_samples_ns(variant)]),
    }


def _name(text: str) -> str:
    """Return a name that a terminal shows as one line: `pytest-benchmark compare` prints it as it is."""
    return encodable(fmt.visible(text)).replace("\n", " ").replace("\t", " ")


def _machine(info: RunInfo) -> dict[str, Any]:
    machine: Mapping[str, Any] = info.machine
    model = machine.get("cpu_model")
    return {
        "system": machine.get("os"),
        "python_version": machine.get("python"),
        "cpu": {"brand_raw": model, "count": machine.get("num_cores")},
    }


def _commit(text: str | None) -> dict[str, Any]:
    commit = text or ""
    dirty = commit.endswith("-dirty")
    return {"id": commit.removesuffix("-dirty") or None, "dirty": dirty}
