"""What a plot is made of, before and after it has been drawn."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from reports.amounts import spelt_size
from reports.plots.svg import MUTED, drawing, new_axes, to_svg
from reports.table import Cell, Column, Row, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

__all__ = [
    "Plot",
    "axis_format",
    "data_table",
    "drawing",
    "log_axis",
    "new_axes",
    "short",
    "to_svg",
    "wrapped",
]

DENSE = 200
"""Below this ratio a decimal logarithmic axis has ticks at 1, 2 and 5, above at 1 only."""
MOST_TICKS = 6


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot with its title, how to read it, and the numbers behind it."""

    title: str
    svg: str
    reading: str
    data: Table

    @property
    def kind(self) -> str:
        """The title without the context that follows it."""
        return self.title.partition(", ")[0]


def data_table(titles: Sequence[str | Column], rows: Sequence[Sequence[str | Cell]]) -> Table:
    """Return the numbers of a plot; the first column names, the others hold numbers.

    A number that is no cell is known as it is spelt alone: it is saved like that, and sorted by what it says.
    """
    columns = (
        Column(title, numeric=bool(index)) if isinstance(title, str) else title
        for index, title in enumerate(titles)
    )
    cells = (
        Row(tuple(_data_cell(cell, numeric=bool(index)) for index, cell in enumerate(row))) for row in rows
    )
    return Table(tuple(columns), tuple(cells))


def _data_cell(cell: str | Cell, *, numeric: bool) -> Cell:
    if isinstance(cell, Cell):
        return cell
    return Cell(cell, cell, order=spelt_size(cell) if numeric else None)


def write_beside(axes: Axes, place: float, text: str) -> None:
    """Write a row's value to the right of the axes, at its place."""
    axes.annotate(
        text,
        (1.0, place),
        xycoords=("axes fraction", "data"),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        fontsize=9,
        color=MUTED,
        annotation_clip=False,
    )


def axis_format(axis: Axis, spell: Callable[[float], str]) -> None:
    """Spell an axis's ticks with a function of this package."""
    axis.set_major_formatter(FuncFormatter(lambda value, _position: _trimmed(spell(value)) if value else "0"))


def log_axis(axis: Axis, values: Sequence[float], spell: Callable[[float], str], *, base: int = 10) -> None:
    """Give a logarithmic axis a handful of round ticks around the values, powers of two where base is 2."""
    low, high = min(values), max(values)
    first, last = math.floor(math.log(low, base)) - 1, math.ceil(math.log(high, base)) + 1
    steps = (1, 2, 5) if base == 10 and high / low < DENSE else (1,)  # noqa: PLR2004
    ticks = [step * float(base) ** power for power in range(first, last + 1) for step in steps]
    inside = [tick for tick in ticks if low / 1.2 <= tick <= high * 1.2]
    stride = max(1, math.ceil(len(inside) / MOST_TICKS))
    axis.set_major_locator(FixedLocator(inside[::stride]))
    axis.set_minor_locator(NullLocator())
    axis_format(axis, spell)


def short(text: str, length: int = 28) -> str:
    """Return a label that leaves room for the plot."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def wrapped(text: str, length: int = 28) -> str:
    """Return a label on one line, or broken at a comma into two that leave room for the plot."""
    breaks = [match.end() for match in re.finditer(", ", text)]
    if len(text) <= length or not breaks:
        return short(text, length)
    place = min(breaks, key=lambda place: abs(place - len(text) / 2))
    return f"{short(text[:place].rstrip(), length)}\n{short(text[place:], length)}"


def _trimmed(number: str) -> str:
    """Drop the zeros after a decimal point that a round tick does not need."""
    return re.sub(r"\.0+(?=\D|$)|(\.\d*?[1-9])0+(?=\D|$)", r"\1", number)
