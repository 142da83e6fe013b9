"""Tidy pandas frames of what a run recorded: one row for each trial, raw sample, check or point of a curve."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from benchsuite.comparison import step_time_ns
from reports.columns import floats, make_frame, repeated, wholes
from reports.metric_columns import metric_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchsuite.record import Record
    from reports.columns import Kind

TRIALS: Final[Mapping[str, Kind]] = {
    "scenario": "text", "variant": "text", "pass": "text", "repetition": "whole", "group": "text", "outcome": "text",
    "reason": "text", "started": "text", "seed": "whole", "threads": "whole", "environment": "text",
    "compile_cache": "text", "settled": "flag", "first_step_ns": "float", "step_ns": "float", "warmup_steps": "whole",
    "steps": "whole", "turns": "whole", "items_per_step": "whole", "duration_ns": "float", "working_ns": "float",
}  # fmt: skip
CHECKS: Final[Mapping[str, Kind]] = {
    "scenario": "text", "variant": "text", "pass": "text", "repetition": "whole", "name": "text", "value": "float",
    "limit": "float", "direction": "text", "ok": "flag",
}  # fmt: skip


def trials_frame(records: Sequence[Record]) -> pd.DataFrame:
    """Return one row for each trial of any pass, skipped and failed ones and the canary's included, with its metrics."""
    metrics = metric_columns(name for record in records for name in record.metrics)
    contention = dict.fromkeys(name for record in records for name in record.contention)
    kinds: dict[str, Kind] = {
        **TRIALS,
        **{f"contention.{name}": "float" for name in contention},
        **dict.fromkeys(metrics.values(), "float"),
    }
    return make_frame(kinds, [_trial_row(record, metrics) for record in records])


def samples_frame(records: Sequence[Record]) -> pd.DataFrame:
    """Return every raw sample in ns: first step, warm-up, steps, CPU and device time, and turns by the step."""
    runs = [(record, kind, values) for record in records for kind, values in _samples(record) if len(values)]
    counts = [len(values) for _, _, values in runs]
    empty = np.empty(0, dtype=np.float64)
    return pd.DataFrame(
        {
            "scenario": repeated([record.scenario for record, _, _ in runs], counts),
            "variant": repeated([record.variant for record, _, _ in runs], counts),
            "repetition": wholes([record.repetition for record, _, _ in runs]).repeat(counts),
            "group": repeated([record.group for record, _, _ in runs], counts),
            "kind": repeated([kind for _, kind, _ in runs], counts),
            "index": np.concatenate([np.empty(0, np.int64), *(np.arange(n, dtype=np.int64) for n in counts)]),
            "ns": np.concatenate([empty, *(floats(values) for _, _, values in runs)]),
        }
    )


def checks_frame(records: Sequence[Record]) -> pd.DataFrame:
    """Return one row for each check of each trial; a value that is missing was not finite."""
    rows = [
        {
            "scenario": r.scenario,
            "variant": r.variant,
            "pass": r.pass_,
            "repetition": r.repetition,
            **dataclasses.asdict(check),
        }
        for r in records
        for check in r.checks
    ]
    return make_frame(CHECKS, rows)


def series_frame(records: Sequence[Record]) -> pd.DataFrame:
    """Return one row for each point of each named curve; their units stand in `docs/formats.md`."""
    curves = [(r, name, points) for r in records for name, points in r.series.items()]
    counts = [len(points) for _, _, points in curves]
    points = np.asarray([xy for _, _, points in curves for xy in points], dtype=np.float64).reshape(-1, 2)
    return pd.DataFrame(
        {
            "scenario": repeated([record.scenario for record, _, _ in curves], counts),
            "variant": repeated([record.variant for record, _, _ in curves], counts),
            "repetition": wholes([record.repetition for record, _, _ in curves]).repeat(counts),
            "name": repeated([name for _, name, _ in curves], counts),
            "x": points[:, 0],
            "y": points[:, 1],
        }
    )


def _samples(record: Record) -> Iterator[tuple[str, Sequence[float]]]:
    yield "first", () if record.first_step_ns is None else (record.first_step_ns,)
    yield "warmup", record.warmup_ns
    yield "step", record.step_ns
    yield "cpu", record.cpu_ns
    yield "device", record.device_ns
    yield "turn", [turn.step_ns for turn in record.turns]


def _trial_row(record: Record, metrics: Mapping[str, str]) -> dict[str, object]:
    timed = record.pass_ == "timing" and record.outcome == "completed" and (record.turns or record.step_ns)
    named = {name: getattr(record, name) for name in TRIALS if hasattr(record, name)}
    return named | {
        "pass": record.pass_,
        "step_ns": step_time_ns(record) if timed else None,
        "warmup_steps": len(record.warmup_ns),
        "steps": len(record.step_ns),
        "turns": len(record.turns),
        **{f"contention.{name}": value for name, value in record.contention.items()},
        **{name: record.metrics.get(metric) for metric, name in metrics.items()},
    }
