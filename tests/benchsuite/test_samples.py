from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchsuite.samples import Samples

NUMBERS = st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20)


@given(NUMBERS, st.integers(-25, 25), st.integers(-25, 25))
def test_it_is_a_sequence_like_a_tuple(numbers, start, stop):
    samples = Samples(numbers)
    assert samples == tuple(numbers) == samples
    assert samples == numbers
    assert list(samples) == numbers
    assert samples[start:stop] == numbers[start:stop]
    assert [samples[place] for place in range(len(samples))] == numbers
    assert hash(samples) == hash(Samples(numbers))
    assert bool(samples) == bool(numbers)
    assert samples != [*numbers, 1]
    assert samples != "numbers"


def test_it_takes_eight_bytes_for_a_number():
    numbers = list(range(10**6, 10**6 + 10_000))
    alone = sys.getsizeof(Samples(numbers)._values)
    assert alone < 8 * len(numbers) * 1.2
    assert alone < sum(map(sys.getsizeof, numbers)) / 3


@pytest.mark.parametrize(
    ("value", "error"), [(2**63, OverflowError), (1.5, TypeError), ("1", TypeError), (None, TypeError)]
)
def test_what_is_no_such_number_is_refused(value, error):
    with pytest.raises(error):
        Samples([1, value])
