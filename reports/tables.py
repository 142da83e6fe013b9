"""The table of a scenario: display strings beside raw values, for page, terminal and notebook alike."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from reports import format as fmt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

    from benchsuite.statistics import Interval
    from reports.results import ScenarioResult, VariantResult

Value: TypeAlias = str | float | None
MOST_NAMES = 3
"""So many variants are named in a note; more are counted."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title, how it is aligned, and whether a narrow screen keeps it."""

    title: str
    numeric: bool = False
    essential: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """What is shown, and the value behind it: what a table is sorted by."""

    text: str
    value: Value = None


@dataclass(frozen=True, slots=True)
class Row:
    """One row; the tone says in a word what its colour may say."""

    cells: tuple[Cell, ...]
    tone: str = ""
    """A verdict, or an outcome other than completed."""
    key: str = ""
    """The variant's id."""


@dataclass(frozen=True, slots=True)
class Table:
    """Columns, rows and notes, ready to be printed; names in it are plain text of any content."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    @property
    def titles(self) -> tuple[str, ...]:
        """The columns' titles."""
        return tuple(column.title for column in self.columns)

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Which columns hold numbers, and stand to the right."""
        return tuple(column.numeric for column in self.columns)

    @property
    def texts(self) -> tuple[tuple[str, ...], ...]:
        """The rows as they are shown."""
        return tuple(tuple(cell.text for cell in row.cells) for row in self.rows)

    def essential(self) -> Table:
        """Return the table with the columns that a narrow screen keeps."""
        kept = [index for index, column in enumerate(self.columns) if column.essential]
        rows = (Row(tuple(row.cells[index] for index in kept), row.tone, row.key) for row in self.rows)
        return Table(tuple(self.columns[index] for index in kept), tuple(rows), self.notes)

    def frame(self) -> pd.DataFrame:
        """Return the raw values, indexed by the variants' ids."""
        import pandas as pd

        values = [[cell.value for cell in row.cells] for row in self.rows]
        return pd.DataFrame(values, columns=list(self.titles), index=[row.key for row in self.rows])


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
    return Table(tuple(columns), tuple(table_rows), tuple(_notes(result)))


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
    alone, axis = result.compare is None, (result.compare or "").replace("_", " ")
    asks_throughput = result.metric == "throughput"
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
    return [
        _Field(
            Column(fmt.name(axis or "variant").capitalize(), essential=True),
            lambda variant: Cell(variant.label.removeprefix(f"{axis} "), _sort_key(variant, result.compare)),
            always=True,
        ),
        _metric("Step time", fmt.duration, lambda v: _middle(v.step_time), essential=not asks_throughput),
        _Field(Column("95 % interval", numeric=True), _interval),
        _metric("Throughput", fmt.rate, lambda v: _middle(v.throughput), essential=asks_throughput),
        *(
            [_Field(Column("Speed against baseline", numeric=True, essential=True), _speed)]
            if compared
            else []
        ),
        _Field(
            Column("Verdict", essential=True),
            lambda v: Cell(verdict(v, alone=alone), verdict(v)),
            always=True,
        ),
        *first_steps,
        _metric("Peak heap", fmt.size, lambda v: v.metric("peak_heap"), essential=True),
        _metric("Allocations a step", fmt.count, lambda v: v.metric("allocations")),
        _metric("CUDA allocated", fmt.size, lambda v: v.metric("cuda_peak_allocated")),
        _metric("CUDA reserved", fmt.size, lambda v: v.metric("cuda_peak_reserved")),
        _metric("Graph breaks", fmt.count, lambda v: v.metric("graph_breaks")),
        _metric("Recompiles", fmt.count, lambda v: v.metric("recompiles")),
        _metric("Accuracy", fmt.percent, lambda v: v.metric("test_accuracy", "accuracy"), essential=True),
        _Field(Column("Disturbed"), _disturbed),
    ]


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

    return _Field(Column(title, numeric=True, essential=essential), cell)


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
    return Cell(fmt.duration_range(time.low, time.high), time.high / time.low)


def _speed(variant: VariantResult) -> Cell:
    if variant.comparison is None:
        return Cell("1", 1.0) if variant.baseline and variant.timings else Cell(fmt.NOTHING)
    speedup = variant.comparison.speedup
    shown = fmt.factor_range(speedup.low, speedup.high)
    around = "" if shown == fmt.NOTHING else f" ({shown})"
    return Cell(f"{fmt.factor(speedup.value)}{around}", speedup.value)


def _disturbed(variant: VariantResult) -> Cell:
    number, rounds = len(variant.disturbances), len(variant.timings)
    return Cell(f"{number} of {fmt.rounds(rounds)}", number) if number else Cell("")


def _notes(result: ScenarioResult) -> list[str]:
    """Return what the rows cannot say, told once for all variants that share it."""
    shared: dict[str, list[str]] = {}
    for variant in result.variants:
        for note in _variant_notes(variant):
            shared.setdefault(note, []).append(fmt.name(variant.id))
    notes = [f"{_who(names)}: {note}" for note, names in shared.items()]
    disturbed = [variant for variant in result.variants if variant.disturbances]
    if disturbed:
        example = max(disturbed, key=lambda variant: len(variant.disturbances))
        names = _who([fmt.name(variant.id) for variant in disturbed])
        notes.append(f"Under contention: {names} ({example.label} {example.disturbances[-1]}).")
    if any(variant.series("epoch_s") for variant in result.variants):
        notes.append("A step of this scenario is one epoch.")
    return notes


def _variant_notes(variant: VariantResult) -> Iterator[str]:
    if variant.outcome in {"skipped", "not measured"}:
        yield fmt.sentence(f"{variant.outcome}, {fmt.one_line(variant.reason)}", capital=False)
    if variant.unsettled:
        yield f"{fmt.rounds(variant.unsettled)} began before the step time had settled."
    for fault in variant.faults:
        yield fmt.sentence(f"{fault.pass_} pass failed, {fmt.one_line(fault.reason)}", capital=False)


def _who(names: list[str]) -> str:
    return fmt.listing(names) if len(names) <= MOST_NAMES else f"{len(names)} variants"
