from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reports.history.sparkline import BARS, GAP, sparkline

values = st.lists(st.none() | st.floats(-1e12, 1e12), max_size=80)


@given(values, st.integers(1, 30))
def test_one_character_for_each_value_up_to_the_width(found, width):
    line = sparkline(found, width)
    assert len(line) == min(len(found), width)
    assert set(line) <= {*BARS, GAP}


@given(st.lists(st.floats(1.0, 1e6), min_size=1, max_size=24))
def test_higher_values_are_never_lower_bars(found):
    bars = [BARS.index(bar) for bar in sparkline(found)]
    by_value = [bar for _value, bar in sorted(zip(found, bars, strict=True))]
    assert by_value == sorted(bars)


def test_a_step_fills_the_height_and_noise_does_not():
    assert sparkline([1.0, 1.0, 2.0, 2.0]) == "▁▁██"
    assert set(sparkline([1.0, 1.001, 0.999])) <= {"▄", "▅"}


def test_gaps_are_shown_and_a_long_series_is_shown_whole():
    assert sparkline([1.0, None, 2.0]) == "▁·█"
    assert sparkline([None, None]) == "··"
    assert sparkline([1.0] * 50 + [2.0] * 50, 10) == "▁▁▁▁▁█████"
