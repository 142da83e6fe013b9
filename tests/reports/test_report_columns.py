from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.columns import column, encodable, floats, make_frame, repeated
from reports.metric_columns import metric_columns

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters())


@given(st.text(st.characters()))
def test_any_text_can_be_encoded_and_one_that_could_stays(text: str) -> None:
    shown = encodable(text)
    shown.encode("utf-8")
    if not any("\ud800" <= letter <= "\udfff" for letter in text):
        assert shown == text


def test_half_a_character_is_spelt() -> None:
    assert encodable("a\ud800b") == "a\\ud800b"


@given(st.sampled_from(["text", "float", "whole", "flag", "setting"]), st.lists(SCALARS, max_size=8))
def test_any_values_make_a_column_of_the_same_length(kind, values: list) -> None:
    made = pd.Series(column(kind, values))
    assert len(made) == len(values)
    for value, held in zip(values, made, strict=True):
        if value is None:
            assert pd.isna(held)


@pytest.mark.parametrize("values", [[], [None], [1], ["x"], [True, None], [10**400, 0.5]])
def test_a_columns_type_does_not_depend_on_its_values(values: list) -> None:
    kinds = {"text": "str", "float": "float64", "whole": "Int64", "flag": "boolean"}
    rows = [dict.fromkeys(kinds, value) for value in values]
    frame = make_frame({kind: kind for kind in kinds}, rows)
    assert len(frame) == len(values)
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} in (kinds, kinds | {"text": "object"})


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, None, 3], "Int64"),
        ([1, 0.5, None], "float64"),
        ([True, None], "boolean"),
        (["a", 1], "str"),
        ([True, 1], "str"),
        ([10**30], "str"),
        ([None], "str"),
    ],
)
def test_a_settings_type_follows_what_it_holds(values: list, dtype: str) -> None:
    made = pd.Series(column("setting", values))
    assert str(made.dtype) in {dtype, "object" if dtype == "str" else dtype}


def test_a_setting_of_several_kinds_is_spelt_as_in_ids() -> None:
    assert list(column("setting", [True, 1, "x"])) == ["true", "1", "x"]


def test_what_is_no_number_is_missing() -> None:
    assert [math.isnan(value) for value in floats([1, None, "x", 10**400])] == [False, True, True, True]


def test_a_repeated_text_is_held_once() -> None:
    made = repeated(["a", "b", "a"], [2, 0, 1])
    assert list(made) == ["a", "a", "a"]
    assert list(made.categories) == ["a", "b"]
    assert len(repeated([], [])) == 0


def test_metrics_are_called_with_their_unit_and_never_alike() -> None:
    names = ["peak_heap", "time_to_90_s", "leak", "leak_bytes_per_step"]
    assert metric_columns(names) == {
        "peak_heap": "metrics.peak_heap_bytes",
        "time_to_90_s": "metrics.time_to_90_s",
        "leak": "metrics.leak",
        "leak_bytes_per_step": "metrics.leak_bytes_per_step",
    }
