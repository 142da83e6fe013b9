"""A run as CSV files, which are opened in spreadsheets: no text in them can be a formula."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from reports.exports.run_frames import run_frames

if TYPE_CHECKING:
    from pathlib import Path

    from reports.load import ReportData

FORMULA: Final = ("=", "+", "-", "@", "\t", "\n")
"""What a spreadsheet takes for the beginning of a formula."""
ROWS_AT_ONCE: Final = 50_000
"""So many rows are spelt before they are written: the texts of all of them would fill the memory."""


def write_csv(data: ReportData, folder: Path) -> None:
    """Write one file for each frame, in UTF-8 with a header; what is missing is an empty field."""
    for name, frame in run_frames(data):
        titles = [cell(str(title)) for title in frame.columns]
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            for start in range(0, max(1, len(frame)), ROWS_AT_ONCE):
                rows = frame.iloc[start : start + ROWS_AT_ONCE]
                columns = {place: _column(rows.iloc[:, place]) for place in range(len(titles))}
                header = False if start else titles
                pd.DataFrame(columns).to_csv(file, header=header, index=False, lineterminator="\n")


def cell(text: str) -> str:
    """Return a text that a spreadsheet shows as it is: an apostrophe stands before what would be a formula.

    Control characters but line feeds and tabs, which programs read in different ways, become `U+FFFD`.
    """
    lines = text.replace("\r\n", "\n")
    shown = "".join("\N{REPLACEMENT CHARACTER}" if _is_control(letter) else letter for letter in lines)
    return f"'{shown}" if shown.startswith(FORMULA) else shown


def _is_control(letter: str) -> bool:
    return unicodedata.category(letter) == "Cc" and letter not in "\n\t"


def _column(column: pd.Series[Any]) -> pd.Series[Any]:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.astype(object).map({text: cell(text) for text in column.cat.categories})
    if column.dtype == object or isinstance(column.dtype, pd.StringDtype):
        return column.map(cell, na_action="ignore")
    return column
