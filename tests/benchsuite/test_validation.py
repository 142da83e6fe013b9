from __future__ import annotations

from dataclasses import dataclass

import pytest
from pydantic import TypeAdapter

from benchsuite.validation import parsed, validated


@dataclass(frozen=True)
class Inner:
    steps: int


@dataclass(frozen=True)
class Outer:
    name: str
    inner: tuple[Inner, ...] = ()


OUTER = TypeAdapter(Outer)


def test_a_document_becomes_the_type_and_other_keys_are_ignored():
    document = {"name": "a", "inner": [{"steps": 3, "later": 1}], "later": {}}
    assert validated(OUTER, document) == Outer("a", (Inner(3),))


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({}, "name: field required"),
        ({"name": "a", "inner": [{"steps": 1}, {"steps": "x"}]}, "inner.1.steps: input should be a valid integer"),
        (3, "the whole: input should be "),
    ],
)  # fmt: skip
def test_what_is_none_of_the_type_is_refused_in_one_line_with_its_place(document, said):
    with pytest.raises(ValueError, match=f"^{said}[^\n]*$"):
        validated(OUTER, document)


def test_whole_numbers_are_read_as_far_as_a_float_holds_them():
    assert parsed(f'{{"a": {10**308}, "b": [-3]}}') == {"a": 10**308, "b": [-3]}
    for number in (10**309, -(10**400)):
        with pytest.raises(ValueError, match="digits"):
            parsed(f"[{number}]")
