from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import format as fmt
from reports.amounts import amount, amount_column, interval, spelt_size
from reports.plots.figure import data_table
from reports.table import LONGEST_SAVED, Cell, Column, Row

numbers = st.floats(min_value=1e-3, max_value=1e15, allow_nan=False)


@given(value=st.floats() | st.integers(-(2**53), 2**53))
def test_a_number_is_saved_in_full_or_not_at_all(value: float) -> None:
    saved = Cell("about", value).attributes.get("data-value")
    if math.isfinite(value):
        assert saved is not None
        assert float(saved) == value
    else:
        assert saved is None


@given(text=st.text())
def test_a_text_is_saved_where_another_one_is_shown(text: str) -> None:
    assert Cell(text, text).attributes == {}
    saved = Cell(f"{text}.", text).attributes["data-text"]
    assert saved == text or (saved.endswith("…") and text.startswith(saved[:-1]))
    assert len(saved) <= LONGEST_SAVED


def test_parts_keep_their_places() -> None:
    cell = Cell("1.2 (1.1 to)", 1.25, parts=(1.25, 1.125, math.inf))
    assert cell.attributes == {"data-value": "1.25", "data-parts": "1.25;1.125;"}
    assert Cell("x").attributes == {}


def test_a_row_and_a_column_tell_what_they_have() -> None:
    assert Row((), "faster", "k" * 999).attributes["title"] == "k" * (LONGEST_SAVED - 1) + "…"
    assert Row(()).attributes == {}
    assert amount_column("Peak", fmt.size, parts=("low", "high")).attributes == {
        "data-unit": "B",
        "data-parts": "low;high",
    }
    assert amount_column("Count", fmt.count).attributes == {}


@given(one=numbers, other=numbers, spell=st.sampled_from([fmt.duration, fmt.size, fmt.count, fmt.flop_rate]))
def test_what_is_spelt_sorts_as_the_numbers_do(one: float, other: float, spell) -> None:
    low, high = sorted((one, other))
    sizes = [spelt_size(spell(value)) for value in (low, high)]
    assert sizes[0] is not None
    assert sizes[1] is not None
    assert sizes[0] <= sizes[1] * (1 + 1e-12)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("9.12 to 9.48 ms", 9.12e6),
        ("-3 %", -3.0),
        ("+1.5 s", 1.5e9),
        ("1.31 (1.27 to 1.36)", 1.31),
        ("12,000 steps", 12_000.0),
        ("—", None),
        ("never", None),
        ("", None),
    ],
)
def test_sizes_of_spellings(text: str, size: float | None) -> None:
    assert spelt_size(text) == size


def test_the_numbers_of_a_plot_keep_values_where_they_are_cells() -> None:
    table = data_table(
        ("Variant", amount_column("Time", fmt.duration), "Spelt"),
        [("plain", amount(1_234_567.0, fmt.duration), "2 ms"), ("packed", amount(None, fmt.duration), "—")],
    )
    assert table.columns[0] == Column("Variant")
    assert table.columns[2] == Column("Spelt", numeric=True)
    assert table.rows[0].cells[1] == Cell("1.23 ms", 1_234_567.0)
    assert table.rows[0].cells[2] == Cell("2 ms", "2 ms", order=2e6)
    assert table.rows[1].cells[1] == Cell(fmt.NOTHING)
    assert interval(1.0, 2.0, fmt.factor_range).parts == (1.0, 2.0)
