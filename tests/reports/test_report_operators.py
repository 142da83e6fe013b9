from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sample_run import trial

import reports
from benchsuite.record import OperatorRow
from reports.operators import MOST_ROWS, operator_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchsuite.store import Run
    from reports.table import Table


@pytest.fixture
def shown(make_run: Callable[..., Run]) -> Callable[..., Table]:
    """Return the table of a variant with these operators and metrics of its operator pass."""

    def show(*operators: OperatorRow, **metrics: float) -> Table:
        record = trial(
            "layout[mode=plain]", "plain", 0, 1e6, pass_="operators", group="o", turns=(), first_step_ns=None,
            checks=(), metrics=metrics, operators=operators,
        )  # fmt: skip
        run = make_run({"plain": [2, 2, 2]}, extra=[record])
        return operator_table(reports.load(run).scenarios[0].variants[0])

    return show


def texts(table: Table) -> list[list[Any]]:
    return [[cell.text for cell in row.cells] for row in table.rows]


def test_operators_stand_by_their_own_time_and_apart_by_their_shapes(shown: Callable[..., Table]) -> None:
    table = shown(
        OperatorRow("aten::mm", 1, 2e6, 2e6, shapes="2x2, 2x2", flops=16),
        OperatorRow("aten::mm", 2, 6e6, 7e6, shapes="8x8, 8x8", flops=2048),
    )
    assert list(table.titles) == ["Operator", "Input shapes", "Calls a step", "Own CPU time", "CPU time", "FLOP a step", "Share"]  # fmt: skip
    assert texts(table) == [
        ["aten::mm", "8x8, 8x8", "2.00", "6.00 ms", "7.00 ms", "2,050", "75.0 %"],
        ["aten::mm", "2x2, 2x2", "1.00", "2.00 ms", "2.00 ms", "16", "25.0 %"],
    ]


def test_a_gpu_has_columns_where_there_is_one(shown: Callable[..., Table]) -> None:
    table = shown(OperatorRow("aten::mm", 1, 1e6, 1e6), OperatorRow("gemm", 1, 0, 0, 3e6, 3e6))
    assert list(table.titles[-3:]) == ["Own CUDA time", "CUDA time", "Share"]
    assert texts(table)[0][0] == "gemm"


def test_what_is_left_out_and_what_looking_cost_is_said(shown: Callable[..., Table]) -> None:
    rows = [OperatorRow(f"aten::op{n}", 1, 1e3, 1e3) for n in range(MOST_ROWS + 3)]
    table = shown(*rows, operator_rows_dropped=40, trace_events_dropped=7, profiler_overhead=0.5)
    assert len(table.rows) == MOST_ROWS
    assert table.notes == (
        "43 further rows are left out.",
        "The trace was too long or could not be read to its end: 7 events are missing.",
        "A step takes 1.50 times as long while it is profiled.",
    )
    assert shown(rows[0]).notes == ()
    assert shown(rows[0], profiler_overhead=-0.2).notes == (
        "That a step takes longer while it is profiled could not be seen.",
    )


def test_an_operator_without_a_formula_has_no_count(shown: Callable[..., Table]) -> None:
    table = shown(OperatorRow("aten::mm", 1, 2e6, 2e6, flops=16), OperatorRow("aten::eq", 1, 1e6, 1e6))
    assert [row.cells[-2].text for row in table.rows] == ["16", "—"]
