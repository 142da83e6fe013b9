from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchsuite.record import Record
from benchsuite.record_schema import read_record
from benchsuite.samples import Samples

numbers = st.lists(st.integers(-(2**63), 2**63 - 1)).map(tuple)


@given(found=numbers)
def test_samples_are_what_they_were_made_of(found: tuple[int, ...]) -> None:
    samples = Samples(found)
    assert samples == found
    assert found == samples
    assert (samples, 1) == (found, 1)
    assert tuple(samples) == found
    assert samples[1:] == found[1:]
    assert len(samples) == len(found)
    assert bool(samples) is bool(found)
    assert hash(samples) == hash(found)
    assert repr(samples) == repr(found)
    assert copy.deepcopy(samples) == pickle.loads(pickle.dumps(samples)) == samples  # noqa: S301 - made here


def test_other_samples_are_not_equal() -> None:
    assert Samples((1, 2)) != Samples((1, 3))
    assert Samples((1, 2)) != (1,)
    assert Samples(()) != []
    assert Samples((7,))[-1] == 7


@pytest.mark.parametrize(
    ("value", "error"), [(2**63, OverflowError), (1.5, TypeError), ("1", TypeError), (None, TypeError)]
)
def test_what_is_no_such_number_is_refused(value: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        Samples([1, value])


@given(found=numbers)
def test_a_record_that_was_read_is_written_as_it_was(found: tuple[int, ...]) -> None:
    record = Record(
        variant="a[b=1]", scenario="a", settings={}, context={}, baseline=True, pass_="timing", repetition=0, group="g",
        outcome="completed", started="2026-03-02T09:14:07Z", warmup_ns=found, step_ns=found, cpu_ns=found, device_ns=found,
    )  # fmt: skip
    document = record.to_json()
    again = read_record(document)
    assert again == record
    assert again.to_json() == document
    assert isinstance(again.step_ns, Samples)
