"""A sequence of whole numbers that takes 8 bytes for each: runs hold millions of samples."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import overload


class Samples(Sequence[int]):
    """An immutable sequence of 64-bit integers, equal to any sequence of the same numbers.

    Raises:
        OverflowError: a number does not fit.
        TypeError: something is no whole number.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Iterable[int]) -> None:
        self._values = array("q", values)

    def __len__(self) -> int:
        return len(self._values)

    @overload
    def __getitem__(self, place: int) -> int: ...
    @overload
    def __getitem__(self, place: slice) -> Samples: ...
    def __getitem__(self, place: int | slice) -> int | Samples:
        found = self._values[place]
        return Samples(found) if isinstance(found, array) else found

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Samples):
            return self._values == other._values
        return isinstance(other, Sequence) and tuple(self._values) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self._values))

    def __repr__(self) -> str:
        return f"Samples({list(self._values)})"
