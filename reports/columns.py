"""Columns of frames: each has one type, whatever a run holds, and no text in one that cannot be encoded."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np
import pandas as pd

from benchsuite.scenario import format_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Kind: TypeAlias = Literal["text", "float", "whole", "flag", "setting"]
TEXT: Final[Any] = "str" if int(pd.__version__.partition(".")[0]) >= 3 else object  # noqa: PLR2004 - pandas 3
"""The type of texts: before pandas 3 there is none of their own that knows missing values."""
MOST_WHOLE: Final = 2**63 - 1


def encodable(text: str) -> str:
    r"""Return a text that can be encoded: half a character of UTF-16, which JSON may hold, becomes `\ud800`."""
    return text.encode("utf-8", errors="backslashreplace").decode("utf-8")


def make_frame(kinds: Mapping[str, Kind], rows: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """Make a frame of few rows.

    Args:
        kinds: what each column holds, in order; all of them are there, even without a row.
        rows: values by column; what a row lacks is missing.
    """
    return pd.DataFrame(
        {encodable(name): column(kind, [row.get(name) for row in rows]) for name, kind in kinds.items()}
    )


def column(kind: Kind, values: Sequence[Any]) -> Any:
    """Make a column of one kind; None and what is not of the kind is missing."""
    if kind == "text":
        return texts(values)
    if kind == "float":
        return floats(values)
    if kind == "whole":
        return wholes(values)
    if kind == "flag":
        return pd.array([v if isinstance(v, bool) else pd.NA for v in values], dtype="boolean")
    return settings(values)


def texts(values: Iterable[object]) -> pd.Series[Any]:
    """Make a column of texts; other values than texts are spelt."""
    return pd.Series([None if v is None else encodable(str(v)) for v in values], dtype=TEXT)


def floats(values: Sequence[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Make a column of float64, in which NaN is missing."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return np.asarray([_number(value) for value in values], dtype=np.float64)


def wholes(values: Sequence[Any]) -> Any:
    """Make a column of Int64, which knows missing values."""
    return pd.array([v if _is_whole(v) else pd.NA for v in values], dtype="Int64")


def repeated(values: Sequence[str], counts: Sequence[int]) -> pd.Categorical:
    """Make a column that repeats each text some number of times, and holds it once."""
    known: dict[str, int] = {}
    codes = [known.setdefault(encodable(value), len(known)) for value in values]
    return pd.Categorical.from_codes(
        np.repeat(codes, counts).astype(np.int32), pd.Index(list(known), dtype=TEXT)
    )


def settings(values: Sequence[Any]) -> Any:
    """Make a column of one setting: Int64, float64, boolean, or texts where the values are of several kinds."""
    held = [value for value in values if value is not None]
    if held and all(isinstance(value, bool) for value in held):
        return column("flag", values)
    if held and all(map(_is_whole, held)):
        return wholes(values)
    if held and all(_is_whole(value) or isinstance(value, float) for value in held):
        return floats(values)
    return texts(None if value is None else format_value(value) for value in values)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MOST_WHOLE


def _number(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return math.nan
