"""How amounts with units are read and spelt: one way for options and for files; what is spelt can be read again."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST_SEED = 2**64 - 1
"""Torch takes no larger one."""

_TEXT = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z%]*)", re.ASCII)
_SECONDS = {"": Decimal(1), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600)}
_SHARES = {"": Decimal(1), "%": Decimal("0.01")}
_BYTES = {
    "": Decimal(1),
    "B": Decimal(1),
    "KiB": Decimal(2**10),
    "MiB": Decimal(2**20),
    "GiB": Decimal(2**30),
}


def parse_duration(value: object) -> float:
    """Return the seconds, above 0, that `90s`, `5m`, `1h` or a number of seconds stand for.

    Raises:
        ValueError: it is none of these; the message says what to write.
    """
    found = _parse(value, _SECONDS)
    if not found:
        raise ValueError(f"{value!r} is not a duration: write 90s, 5m or 1h")
    return found


def parse_share(value: object) -> float:
    """Return the share, from 0 on, that `1%` or `0.01` stand for; without a `%` it must be below 1.

    Raises:
        ValueError: it is no share; the message says what to write.
    """
    found = _parse(value, _SHARES)
    if found is None:
        raise ValueError(f'{value!r} is not a share: write "1%" or 0.01')
    if found >= 1 and "%" not in str(value):
        raise ValueError(f'{value} could be a share or a percentage: write "{spell_number(found)}%"')
    return found


def parse_size(value: object) -> float:
    """Return the bytes, from 0 on, that `16 KiB`, `1 MiB` or a number of bytes stand for.

    Raises:
        ValueError: it is no size; the message says what to write.
    """
    found = _parse(value, _BYTES)
    if found is None:
        raise ValueError(
            f'{value!r} is not a size: write "64 B", "16 KiB", "1 MiB", "1 GiB" or a number of bytes'
        )
    return found


def parse_count(value: object) -> float:
    """Return a number from 0 on, such as calls a step, which need not be whole.

    Raises:
        ValueError: it is none; the message says what to write.
    """
    found = _parse(value, {"": Decimal(1)})
    if found is None:
        raise ValueError(f"{value!r} is not a count: write a number from 0 on")
    return found


def spell_duration(seconds: float) -> str:
    """Return the largest unit that divides it: `10m`, `90s`."""
    return _spell(seconds, (("h", 3600), ("m", 60)), "s")


def spell_share(share: float) -> str:
    """Return a share as a percentage: `1%`."""
    return f"{_plain(Decimal(repr(float(share))) * 100)}%"


def spell_size(size_bytes: float) -> str:
    """Return the largest unit that divides it: `16 KiB`, `1025 B`."""
    return _spell(size_bytes, ((" GiB", 2**30), (" MiB", 2**20), (" KiB", 2**10)), " B")


def spell_number(value: float) -> str:
    """Return a number in full, without an exponent and without a point where it is whole."""
    return _plain(Decimal(repr(float(value))))


def _parse(value: object, units: Mapping[str, Decimal]) -> float | None:
    """Return the amount in the unit that is worth 1; None where it is not one, is negative or not finite."""
    amount: Decimal | float
    if isinstance(value, str):
        match = _TEXT.fullmatch(value.strip())
        if match is None or match[2] not in units:
            return None
        amount = Decimal(match[1]) * units[match[2]]
    elif isinstance(value, int | float) and not isinstance(value, bool):
        amount = value
    else:
        return None
    try:
        found = float(amount)
    except OverflowError:
        return None
    return found if math.isfinite(found) and found >= 0 else None


def _spell(value: float, larger: tuple[tuple[str, int], ...], smallest: str) -> str:
    for unit, size in larger:
        if value >= size and value % size == 0:
            return f"{spell_number(value / size)}{unit}"
    return f"{spell_number(value)}{smallest}"


def _plain(value: Decimal) -> str:
    return format(value.normalize(), "f")
