from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import format as fmt

POSITIVE = st.floats(min_value=1e-6, max_value=1e15)
SCALES = {
    "ns": 1,
    "µs": 1e3,
    "ms": 1e6,
    "s": 1e9,
    "min": 60e9,
    "h": 3600e9,
}


def read(number: str) -> float:
    return float(number.replace(",", ""))


@pytest.mark.parametrize(
    ("ns", "shown"),
    [
        (0, "0 ns"),
        (312.4, "312 ns"),
        (999.7, "1.00 µs"),
        (9_312_345, "9.31 ms"),
        (999_950_000, "1.00 s"),
        (124e9, "124 s"),
        (1200e9, "20.0 min"),
        (math.nan, fmt.NOTHING),
        (None, fmt.NOTHING),
    ],
)
def test_durations(ns: float | None, shown: str) -> None:
    assert fmt.duration(ns) == shown


@pytest.mark.parametrize(
    ("num_bytes", "shown"), [(0, "0 B"), (512, "512 B"), (43_200_000, "41.2 MiB"), (8 * 2**30, "8 GiB")]
)
def test_sizes(num_bytes: float, shown: str) -> None:
    assert fmt.size(num_bytes) == shown


@pytest.mark.parametrize(("value", "shown"), [(412, "412"), (2413, "2,410"), (123_456_789, "123 million")])
def test_counts_never_have_nine_digits(value: float, shown: str) -> None:
    assert fmt.count(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(1.3149, "1.31"), (0.978, "0.98"), (57.29, "57.3"), (0.0764, "0.076"), (1.0, "1.00")]
)
def test_factors(value: float, shown: str) -> None:
    assert fmt.factor(value) == shown


@given(st.floats(min_value=0, allow_infinity=False))
def test_any_factor_can_be_spelt(value: float) -> None:
    assert fmt.factor(value)
    assert fmt.factor_range(value, value)


@given(st.floats(min_value=1e-3, max_value=1e3), st.floats(min_value=1.0, max_value=5.0))
def test_a_factor_interval_contains_what_was_measured(low: float, spread: float) -> None:
    high = low * spread
    shown_low, shown_high = map(read, fmt.factor_range(low, high).split(" to "))
    assert shown_low <= low
    assert high <= shown_high
    assert shown_high - shown_low <= (high - low) + 0.03 * high + 1e-2


@given(POSITIVE, st.floats(min_value=1.0, max_value=5.0))
def test_a_time_interval_contains_what_was_measured(low: float, spread: float) -> None:
    high = low * spread
    found = re.fullmatch(r"([\d.,]+) to ([\d.,]+) (\S+)", fmt.duration_range(low, high))
    assert found is not None
    scale = SCALES[found[3]]
    assert read(found[1]) * scale <= low * (1 + 1e-12)
    assert high <= read(found[2]) * scale * (1 + 1e-12)


@given(POSITIVE)
def test_rounding_stays_within_half_a_percent(value: float) -> None:
    assert read(fmt.significant(value)) == pytest.approx(value, rel=0.005)


@given(st.text(max_size=300))
def test_names_are_one_bounded_line_without_invisible_characters(text: str) -> None:
    shown = fmt.name(text)
    assert len(shown) <= fmt.LONGEST_NAME
    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]", shown)


@pytest.mark.parametrize(
    ("joules", "shown"), [(0.0412, "41.2 mJ"), (1.0, "1.00 J"), (3.2e-6, "3.20 µJ"), (None, fmt.NOTHING)]
)
def test_energies(joules: float | None, shown: str) -> None:
    assert fmt.energy(joules) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.44, "+0.4 points"), (-1.2, "-1.2 points"), (-0.04, "0.0 points"), (None, fmt.NOTHING)],
)
def test_points(value: float | None, shown: str) -> None:
    assert fmt.points(value) == shown


def test_words_are_joined_as_in_a_sentence() -> None:
    assert fmt.listing(["a", "b", "c"]) == "a, b and c"
    assert fmt.listing(["a, 1", "a, 2", "b"], "or") == "a, 1; a, 2; or b"
    assert fmt.listing(["a, 1", "b"]) == "a, 1 and b"
    assert fmt.some(list("abcdef")) == "a, b, c, d and 2 more"
    assert fmt.some(list("abcd")) == "a, b, c and d"


def test_an_unbounded_interval_is_not_shown() -> None:
    assert fmt.factor_range(0.0, math.inf) == fmt.NOTHING
    assert fmt.factor_range(1e-30, 1e30) == fmt.NOTHING
    assert fmt.factor(1e30) == fmt.NOTHING
    assert fmt.duration_range(0.0, math.inf) == fmt.NOTHING


def test_messages_keep_their_lines_and_lose_escapes() -> None:
    assert fmt.prose("one\ntwo\x1b[31m") == "one\ntwo\N{REPLACEMENT CHARACTER}[31m"
    assert fmt.one_line("\n first \n second") == "first"


@given(st.text(max_size=9000))
def test_sentences_are_one_bounded_line(text: str) -> None:
    assert len(fmt.clause(text)) <= fmt.LONGEST_CLAUSE
    assert len(fmt.one_line(text)) <= fmt.LONGEST_CLAUSE
    assert "\n" not in fmt.clause(text) + fmt.one_line(text)
