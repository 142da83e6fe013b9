from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchsuite.quantities import (
    parse_count,
    parse_duration,
    parse_share,
    parse_size,
    spell_duration,
    spell_number,
    spell_share,
    spell_size,
)

PARSERS = (parse_duration, parse_share, parse_size, parse_count)
AMOUNTS = st.floats(0, 1e15, allow_nan=False) | st.integers(0, 2**50).map(float)


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parse_duration, "90s", 90),
        (parse_duration, " 10m ", 600),
        (parse_duration, "1.5h", 5400),
        (parse_duration, "45", 45),
        (parse_duration, 600, 600),
        (parse_share, "1%", 0.01),
        (parse_share, "7 %", 0.07),
        (parse_share, "150%", 1.5),
        (parse_share, 0.01, 0.01),
        (parse_share, "0.03", 0.03),
        (parse_share, 0, 0),
        (parse_size, "16 KiB", 16384),
        (parse_size, "1MiB", 2**20),
        (parse_size, "1.5 GiB", 1.5 * 2**30),
        (parse_size, "64 B", 64),
        (parse_size, 16384, 16384),
        (parse_count, 2.5, 2.5),
        (parse_count, "3", 3),
    ],
)
def test_amounts_are_read(parse, text, value):
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text", "said"),
    [
        (parse_duration, "soon", "write 90s, 5m or 1h"),
        (parse_duration, "0s", "write 90s, 5m or 1h"),
        (parse_duration, "10 minutes", "write 90s, 5m or 1h"),
        (parse_duration, True, "write 90s, 5m or 1h"),
        (parse_share, "1 KiB", "is not a share"),
        (parse_share, 1, 'write "1%"'),
        (parse_share, 5, 'write "5%"'),
        (parse_share, "5", 'write "5%"'),
        (parse_share, -0.01, "is not a share"),
        (parse_size, "16 KB", 'write "64 B", "16 KiB"'),
        (parse_size, "16 kib", 'write "64 B", "16 KiB"'),
        (parse_size, "-1", "is not a size"),
        (parse_size, "", "is not a size"),
        (parse_count, "2 B", "from 0 on"),
        (parse_count, [1], "from 0 on"),
    ],
)
def test_what_is_no_amount_is_told_with_what_to_write(parse, text, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        parse(text)


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), -1, 10**400, "9" * 400, None, "٣", "1e3", b"1"]
)
def test_only_finite_amounts_from_0_on_are_amounts(parse, value):
    with pytest.raises(ValueError, match="write"):
        parse(value)


@given(AMOUNTS)
def test_what_is_spelt_reads_as_the_same_amount(value):
    assert parse_size(spell_size(value)) == value
    assert parse_count(spell_number(value)) == value
    assert parse_share(spell_share(value)) == value
    if value:
        assert parse_duration(spell_duration(value)) == value


@given(st.integers(1, 1000))
def test_the_largest_unit_that_divides_an_amount_is_spelt(number):
    assert spell_duration(3600 * number) == f"{number}h"
    assert spell_size(2**30 * number) == f"{number} GiB"
    assert spell_size(2**20 * number + 1) == f"{2**20 * number + 1} B"
    assert spell_share(number / 100) == f"{number}%"


@given(st.text() | st.integers() | st.floats() | st.booleans() | st.none() | st.lists(st.integers()))
def test_whatever_is_given_is_an_amount_or_refused(value):
    for parse in PARSERS:
        try:
            found = parse(value)
        except ValueError as error:
            assert str(error)  # noqa: PT017 - both outcomes are right
        else:
            assert found >= 0
