"""The operators of a variant's step, as the profiler saw them: the table below a scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports import format as fmt
from reports.amounts import amount_column
from reports.table import Cell, Column, Row, Table

if TYPE_CHECKING:
    from benchsuite.record import OperatorRow
    from reports.results import VariantResult

MOST_ROWS = 12


def operator_table(variant: VariantResult, most_rows: int = MOST_ROWS) -> Table:
    """Return the operators that take most of a step by themselves, one row for each and its input shapes.

    Columns about a GPU and about floating-point operations are there where any operator has them.

    Args:
        variant: whose operator pass is shown.
        most_rows: more are counted.
    """
    operators = variant.operators
    device = any(row.self_device_ns for row in operators)
    flops = any(row.flops for row in operators)
    columns = [Column("Operator"), Column("Input shapes"), Column("Calls a step", numeric=True)]
    columns += [amount_column("Own CPU time", fmt.duration), amount_column("CPU time", fmt.duration)]
    if device:
        columns += [amount_column("Own CUDA time", fmt.duration), amount_column("CUDA time", fmt.duration)]
    columns += [Column("FLOP a step", numeric=True)] if flops else []
    columns += [amount_column("Share", fmt.percent)]
    total_ns = sum(row.self_cpu_ns + row.self_device_ns for row in operators) or 1.0
    shown = operators[: min(most_rows, MOST_ROWS)]
    rows = tuple(_row(row, total_ns, device=device, flops=flops) for row in shown)
    return Table(tuple(columns), rows, tuple(_notes(variant, len(operators) - len(shown))))


def _row(operator: OperatorRow, total_ns: float, *, device: bool, flops: bool) -> Row:
    cells = [
        Cell(fmt.name(operator.name), operator.name),
        Cell(fmt.name(operator.shapes), operator.shapes),
        Cell(fmt.plain(operator.calls), operator.calls),
        _time(operator.self_cpu_ns),
        _time(operator.total_cpu_ns),
    ]
    cells += [_time(operator.self_device_ns), _time(operator.total_device_ns)] if device else []
    cells += [Cell(fmt.count(operator.flops or None), operator.flops)] if flops else []
    share = (operator.self_cpu_ns + operator.self_device_ns) / total_ns
    return Row((*cells, Cell(fmt.percent(share), share)))


def _time(ns: float) -> Cell:
    return Cell(fmt.duration(ns), ns)


def _notes(variant: VariantResult, left: int) -> list[str]:
    left += int(variant.metric("operator_rows_dropped") or 0)
    notes = [f"{left} further rows are left out."] if left > 0 else []
    if dropped := variant.metric("trace_events_dropped"):
        notes.append(
            f"The trace was too long or could not be read to its end: {fmt.count(dropped)} events are missing."
        )
    overhead = variant.metric("profiler_overhead")
    if overhead is not None:
        notes.append(fmt.overhead(overhead, "while it is profiled"))
    return notes
