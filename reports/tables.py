"""The table of a scenario, for page, terminal and notebook alike."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from reports import format as fmt
from reports.amounts import amount_column
from reports.labels import axis_word
from reports.latency import PERCENTS, percentile_ns
from reports.notes import scenario_notes
from reports.roofline import place_of
from reports.table import Cell, Column, Row, Table, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchsuite.statistics import Interval
    from reports.results import ScenarioResult, VariantResult

AROUND = ("", "low", "high")
"""A cell that holds a figure and its interval."""


@dataclass(frozen=True, slots=True)
class _Field:
    """A column together with how its cell is made of a variant."""

    column: Column
    cell: Callable[[VariantResult], Cell]
    always: bool = False


def scenario_table(result: ScenarioResult) -> Table:
    """Make the table of a scenario; columns without any value are left out."""
    rows = [(context.label, variant) for context in result.contexts for variant in context.variants]
    fields = [field for field in _fields(result) if field.always or _has_values(field, result)]
    columns = [Column("Context", essential=True)] if any(label for label, _ in rows) else []
    table_rows = []
    for label, variant in rows:
        head = [Cell(label, label)] if columns else []
        cells = (*head, *(field.cell(variant) for field in fields))
        table_rows.append(Row(cells, verdict(variant, alone=result.compare is None), variant.id))
    columns = [*columns, *(field.column for field in fields)]
    return Table(tuple(columns), tuple(table_rows), tuple(scenario_notes(result)))


def verdict(variant: VariantResult, *, alone: bool = False) -> str:
    """Return a variant's verdict, or what kept it from one, in a word or two.

    Args:
        variant: what is judged.
        alone: whether its scenario compares nothing.
    """
    if variant.failed_checks:
        return "check failed"
    if variant.outcome != "completed":
        return variant.outcome
    if variant.baseline and not alone:
        return "baseline"
    return variant.comparison.verdict if variant.comparison is not None else "measured"


def _fields(result: ScenarioResult) -> list[_Field]:
    alone, axis = result.compare is None, _single_axis(result)
    asks_throughput = result.metric in {"throughput", "latency"}
    percents = PERCENTS if result.metric == "latency" else ()
    compared = any(variant.comparison is not None for variant in result.variants)
    cold = any(variant.first_step_ns("empty") for variant in result.variants)
    first_steps = (
        [
            _metric("First step, empty cache", fmt.duration, lambda v: v.first_step_ns("empty", "")),
            _metric("First step, filled cache", fmt.duration, lambda v: v.first_step_ns("filled")),
        ]
        if cold
        else [_metric("First step", fmt.duration, lambda v: v.first_step_ns())]
    )
    places = partial(place_of, ceilings=result.ceilings)
    return [
        _Field(
            Column(fmt.name(axis or "variant").capitalize(), essential=True),
            lambda variant: Cell(
                variant.label.removeprefix(f"{axis} ") if axis else variant.label,
                _sort_key(variant, axis and result.compare),
            ),
            always=True,
        ),
        _metric(
            "Step time", fmt.duration, lambda v: _middle(v.step_time), essential=result.metric != "throughput"
        ),
        _Field(amount_column("95 % interval", fmt.duration, parts=("low", "high")), _interval),
        *(_percentile(percent) for percent in percents),
        _metric("Throughput", fmt.rate, lambda v: _middle(v.throughput), essential=asks_throughput),
        *(
            [
                _Field(
                    amount_column("Speed against baseline", fmt.factor, essential=True, parts=AROUND), _speed
                )
            ]
            if compared
            else []
        ),
        _Field(
            Column("Verdict", essential=True),
            lambda v: Cell(verdict(v, alone=alone), verdict(v)),
            always=True,
        ),
        *first_steps,
        _metric("Energy a step", fmt.energy, lambda v: v.metric("energy")),
        _metric("FLOP/byte", fmt.plain, lambda v: place.intensity if (place := places(v)) else None),
        _metric("Of the roofline", fmt.percent, lambda v: place.share if (place := places(v)) else None),
        _metric("Waiting for data", fmt.percent, lambda v: v.metric("data_wait_share")),
        _metric("Epoch start", fmt.duration, lambda v: v.metric("epoch_start_time")),
        _metric("Skipped steps", fmt.count, lambda v: v.metric("skipped_steps")),
        _metric("Peak heap", fmt.size, lambda v: v.metric("peak_heap"), essential=True),
        _metric("Worker memory", fmt.size, lambda v: v.metric("worker_memory")),
        _metric("Optimizer state", fmt.size, lambda v: v.metric("optimizer_state_bytes")),
        _metric("Allocations a step", fmt.count, lambda v: v.metric("allocations")),
        _metric("CUDA allocated", fmt.size, lambda v: v.metric("cuda_peak_allocated")),
        _metric("CUDA reserved", fmt.size, lambda v: v.metric("cuda_peak_reserved")),
        _metric("Graph breaks", fmt.count, lambda v: v.metric("graph_breaks")),
        _metric("Recompiles", fmt.count, lambda v: v.metric("recompiles")),
        _metric("Accuracy", fmt.percent, lambda v: v.metric("test_accuracy", "accuracy"), essential=True),
        _Field(Column("Disturbed", unit="rounds"), _disturbed),
    ]


def _single_axis(result: ScenarioResult) -> str:
    """Return the compared axis in words; empty where a variant's label says more than its value on that axis."""
    axis = result.compare
    if axis is None or not all(
        variant.label in {fmt.name(str(value)), fmt.name(axis_word(axis, value))}
        for variant in result.variants
        if (value := variant.settings.get(axis)) is not None
    ):
        return ""
    return axis.replace("_", " ")


def _percentile(percent: int) -> _Field:
    slowest = percent == max(PERCENTS)
    return _metric(
        f"p{percent} latency", fmt.duration, lambda v: percentile_ns(v, percent), essential=slowest
    )


def _metric(
    title: str,
    spell: Callable[[float | None], str],
    value: Callable[[VariantResult], float | None],
    *,
    essential: bool = False,
) -> _Field:
    def cell(variant: VariantResult) -> Cell:
        number = value(variant)
        return Cell(spell(number), number)

    return _Field(amount_column(title, spell, essential=essential), cell)


def _has_values(field: _Field, result: ScenarioResult) -> bool:
    return any(field.cell(variant).value is not None for variant in result.variants)


def _middle(interval: Interval | None) -> float | None:
    return None if interval is None else interval.value


def _sort_key(variant: VariantResult, axis: str | None) -> Value:
    value = variant.settings.get(axis) if axis is not None else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else variant.label


def _interval(variant: VariantResult) -> Cell:
    time = variant.step_time
    if time is None or not math.isfinite(time.high):
        return Cell(fmt.NOTHING)
    return Cell(fmt.duration_range(time.low, time.high), time.high / time.low, parts=(time.low, time.high))


def _speed(variant: VariantResult) -> Cell:
    if variant.comparison is None:
        alone = variant.baseline and variant.timings
        return Cell("1", 1.0, parts=(1.0, None, None)) if alone else Cell(fmt.NOTHING)
    speedup = variant.comparison.speedup
    shown = fmt.factor_range(speedup.low, speedup.high)
    around = "" if shown == fmt.NOTHING else f" ({shown})"
    parts = (speedup.value, speedup.low, speedup.high)
    return Cell(f"{fmt.factor(speedup.value)}{around}", speedup.value, parts=parts)


def _disturbed(variant: VariantResult) -> Cell:
    number, rounds = len(variant.disturbances), len(variant.timings)
    return Cell(f"{number} of {fmt.rounds(rounds)}", number) if number else Cell("")
