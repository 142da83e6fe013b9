"""What a table is made of: display strings beside the values that they stand for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

Value: TypeAlias = str | float | None
GAP = 3
"""Characters between two columns of a terminal."""
LONGEST_SAVED = 200
"""Characters of a text that a page holds beside what it shows; a longer one is cut and ends in an ellipsis."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title, how it is aligned, and whether a narrow screen keeps it."""

    title: str
    numeric: bool = False
    essential: bool = False
    wraps: bool = False
    """Whether a page breaks its texts into lines: sentences, not names."""
    unit: str = ""
    """Of the values, for a table that is saved: `ns`. What is shown carries its own."""
    parts: tuple[str, ...] = ()
    """Names of the numbers of a cell, where it stands for several: `low`, `high`; an empty one is the column's own."""

    @property
    def attributes(self) -> dict[str, str]:
        """What a page's script is told about it."""
        told = {"data-unit": self.unit, "data-parts": ";".join(self.parts)}
        return {name: text for name, text in told.items() if text}


@dataclass(frozen=True, slots=True)
class Cell:
    """What is shown, and the value behind it: what a table is sorted by, and what is saved of it."""

    text: str
    value: Value = None
    order: float | None = None
    """What it is sorted by, where that is not its value."""
    parts: tuple[float | None, ...] = ()
    """The numbers that it stands for, one for each part of its column."""

    @property
    def attributes(self) -> dict[str, str]:
        """What a page's script is told about it: numbers in full, and a text where another one is shown."""
        told: dict[str, str] = {}
        if isinstance(self.value, str):
            if self.value != self.text:
                told["data-text"] = clipped(self.value)
        elif number := _in_full(self.value):
            told["data-value"] = number
        if order := _in_full(self.order):
            told["data-order"] = order
        if self.parts:
            told["data-parts"] = ";".join(map(_in_full, self.parts))
        return told


@dataclass(frozen=True, slots=True)
class Row:
    """One row; the tone says in a word what its colour may say."""

    cells: tuple[Cell, ...]
    tone: str = ""
    """A verdict, or an outcome other than completed."""
    key: str = ""
    """The variant's id."""

    @property
    def attributes(self) -> dict[str, str]:
        """What a page's style and script are told about it."""
        told = {"data-tone": self.tone, "title": clipped(self.key)}
        return {name: text for name, text in told.items() if text}


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

    @property
    def widths(self) -> tuple[int, ...]:
        """How many characters each column takes where nothing is folded, with the gap to the next one."""
        lines = (self.titles, *self.texts)
        return tuple(max(map(len, texts)) + GAP for texts in zip(*lines, strict=True))

    def fitting(self, width: int) -> Table:
        """Return the table without as many of its last columns as do not fit; the essential ones stay."""
        kept = list(range(len(self.columns)))
        for index in reversed(range(len(self.columns))):
            if sum(self.widths[place] for place in kept) > width and not self.columns[index].essential:
                kept.remove(index)
        return self._of(kept)

    def essential(self) -> Table:
        """Return the table with the columns that a narrow screen keeps."""
        return self._of([index for index, column in enumerate(self.columns) if column.essential])

    def _of(self, kept: Sequence[int]) -> Table:
        rows = (Row(tuple(row.cells[index] for index in kept), row.tone, row.key) for row in self.rows)
        return Table(tuple(self.columns[index] for index in kept), tuple(rows), self.notes)

    def frame(self) -> pd.DataFrame:
        """Return the raw values, indexed by the variants' ids."""
        import pandas as pd

        from reports.columns import encodable

        values = [
            [encodable(v) if isinstance(v := cell.value, str) else v for cell in row.cells]
            for row in self.rows
        ]
        index = [encodable(row.key) for row in self.rows]
        return pd.DataFrame(values, columns=[*map(encodable, self.titles)], index=index)


def clipped(text: str) -> str:
    """Return a text of bounded length; one that was cut says so."""
    return text if len(text) <= LONGEST_SAVED else f"{text[: LONGEST_SAVED - 1]}…"


def _in_full(value: float | None) -> str:
    """Spell a number so that it can be read back; empty where there is none."""
    if value is None or not math.isfinite(value):
        return ""
    return str(value) if isinstance(value, int) else repr(float(value)).removesuffix(".0")
