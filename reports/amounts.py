"""Columns and cells of numbers: what is shown beside the value that is saved, in the unit of its kind."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from reports import format as fmt
from reports.table import Cell, Column

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

UNITS: Final[Mapping[Callable[..., str], str]] = {
    fmt.duration: "ns",
    fmt.size: "B",
    fmt.energy: "J",
    fmt.rate: "items/s",
    fmt.flop_rate: "FLOP/s",
    fmt.byte_rate: "B/s",
    fmt.percent: "share",
    fmt.points: "points",
    fmt.factor: "times",
}
"""In which unit the value is that a function spells."""
SPELT: Final = re.compile(r"([+-]?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?)(?: to [^ ]+)?(?: ([^ ]+).*)?")
SCALES: Final[Mapping[str, float]] = {
    "ns": 1, "µs": 1e3, "ms": 1e6, "s": 1e9, "min": 60e9, "h": 3600e9,
    "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
    "µJ": 1e-6, "mJ": 1e-3, "J": 1, "kJ": 1e3,
    "FLOP/s": 1, "MFLOP/s": 1e6, "GFLOP/s": 1e9, "TFLOP/s": 1e12, "PFLOP/s": 1e15,
    "B/s": 1, "KiB/s": 2**10, "MiB/s": 2**20, "GiB/s": 2**30, "TiB/s": 2**40,
    "million": 1e6, "billion": 1e9,
}  # fmt: skip


def amount_column(title: str, spell: Callable[..., str], **more: Any) -> Column:
    """Return a column of numbers that are spelt by a function of `reports.format`.

    Args:
        title: of the column.
        spell: says the unit; one that is not known leaves the column without.
        **more: further fields of the column.
    """
    return Column(title, numeric=True, unit=UNITS.get(spell, ""), **more)


def amount(value: float | None, spell: Callable[[float], str]) -> Cell:
    """Return a cell that shows a number as it is spelt and keeps it as it is."""
    return Cell(fmt.NOTHING if value is None else spell(value), value)


def interval(low: float, high: float, spell: Callable[[float, float], str]) -> Cell:
    """Return a cell that shows an interval as it is spelt and keeps both ends; it is sorted by the lower one."""
    return Cell(spell(low, high), low, parts=(low, high))


def spelt_size(text: str) -> float | None:
    """Return about how large a number is that only its spelling tells of, to sort by; None: the text is none.

    Of an interval it is the lower end. `8.9 ms` lies below `1.2 s`, `2 million` above `900`.
    """
    found = SPELT.fullmatch(text)
    if found is None:
        return None
    return float(found[1].replace(",", "")) * SCALES.get(found[2] or "", 1.0)
