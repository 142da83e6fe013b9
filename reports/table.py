"""What a table is made of: display strings beside the values that they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

Value: TypeAlias = str | float | None
GAP = 3
"""Characters between two columns of a terminal."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title, how it is aligned, and whether a narrow screen keeps it."""

    title: str
    numeric: bool = False
    essential: bool = False
    wraps: bool = False
    """Whether a page breaks its texts into lines: sentences, not names."""


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
