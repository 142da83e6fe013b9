"""What values of the author's API must be: a wrong one is refused in a line that says what is wrong.

The standard library alone: scenarios are listed and built with it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, SupportsFloat

if TYPE_CHECKING:
    from collections.abc import Iterable

LARGEST_COUNT = 2**63 - 1
"""What files and tables can hold."""
LONGEST_SHOWN = 80


def demand_text(what: str, value: object) -> None:
    """Refuse what is no string.

    Raises:
        TypeError: names the value and what is needed.
    """
    if not isinstance(value, str):
        raise TypeError(f"{what} is {shown(value)}: a string is needed")


def demand_flag(what: str, value: object) -> None:
    """Refuse what is neither True nor False.

    Raises:
        TypeError: names the value and what is needed.
    """
    if not isinstance(value, bool):
        raise TypeError(f"{what} is {shown(value)}: True or False is needed")


def number(what: str, value: object) -> float:
    """Return a number, or what stands for one, such as a tensor of one element, as a float; NaN is one.

    Raises:
        TypeError: it stands for none.
        ValueError: it is too large.
    """
    if not isinstance(value, SupportsFloat):
        raise TypeError(f"{what} is {shown(value)}: a number is needed")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{what} is too large for a float") from None
    except (TypeError, ValueError, RuntimeError):  # such as a tensor of several elements
        raise TypeError(f"{what} is {shown(value)}: one number is needed") from None


def demand_count(what: str, value: object) -> None:
    """Refuse what is no whole number from 1 on.

    Raises:
        TypeError: it is no int.
        ValueError: it is out of range.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{what} is {shown(value)}: a Python int from 1 on is needed")
    if not 1 <= value <= LARGEST_COUNT:
        raise ValueError(f"{what} is {shown(value)}: a Python int from 1 to 2**63 - 1 is needed")


def demand_function(what: str, value: object) -> None:
    """Refuse what cannot be called.

    Raises:
        TypeError: names the value and what is needed.
    """
    if not callable(value):
        raise TypeError(f"{what} is {shown(value)}: a function is needed")


def demand_choice(what: str, value: object, choices: Iterable[str]) -> None:
    """Refuse what is none of these strings.

    Raises:
        ValueError: names the value and the choices.
    """
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{what} is {shown(value)}: it must be one of {', '.join(choices)}")


def demand_environment(what: str, pairs: object) -> None:
    """Refuse what are no environment variables that a process can have.

    Raises:
        TypeError: it is no tuple of pairs of strings.
        ValueError: a system has no variable of such a name, or with such a value.
    """
    if not isinstance(pairs, tuple) or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):  # noqa: PLR2004 - a pair
        raise TypeError(f"{what} is {shown(pairs)}: a tuple of (name, value) pairs is needed")
    for name, value in pairs:
        demand_text(f"a variable's name in {what}", name)
        demand_text(f"variable {name!r} in {what}", value)
        if not name or "=" in name or not _is_plain(name):
            raise ValueError(
                f"a variable's name in {what} is {name!r}: no system has a variable of that name"
            )
        if not _is_plain(value):
            raise ValueError(f"variable {name!r} in {what} is {shown(value)}: no variable can hold that")


def shown(value: object) -> str:
    """Return a value as a message names it: on one line, and not at length."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # noqa: BLE001 - a user's class, or an int of too many digits
        text = f"a value of type {type(value).__name__!r}"
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def _is_plain(text: str) -> bool:
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False
