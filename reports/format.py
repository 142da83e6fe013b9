"""How numbers and names are spelt: one place for the page, the tables and the terminal.

Values are rounded to two or three significant digits. The ends of an interval are rounded outward,
so that what is shown never claims more than what was measured.
"""

from __future__ import annotations

import math
import unicodedata
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

NOTHING: Final = "—"
"""Stands where there is no value."""
DIGITS: Final = 3
LONGEST_NUMBER: Final = 400
"""Digits: no float has more before and after its point together that are shown."""
LONGEST_NAME: Final = 80
LONGEST_CLAUSE: Final = 240
LONGEST_TEXT: Final = 4000
LARGEST_FACTOR: Final = 1e12
"""From here on a ratio says nothing but that it is not known, as its interval from two rounds may."""
VOWELS: Final = "aeiou"
MOST_NAMED: Final = 4
"""So many things are named in a sentence; more are counted."""

_Units = tuple[tuple[float, str], ...]
_TIME: Final[_Units] = ((1, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s"), (600e9, "min"), (36e12, "h"))
_TIME_SCALE: Final = {"min": 60e9, "h": 3600e9}
_BYTES: Final[_Units] = ((1, "B"), (2**10, "KiB"), (2**20, "MiB"), (2**30, "GiB"), (2**40, "TiB"))
_ENERGY: Final[_Units] = ((1e-6, "µJ"), (1e-3, "mJ"), (1, "J"), (1e3, "kJ"))
_FLOPS: Final[_Units] = (
    (1, "FLOP/s"),
    (1e6, "MFLOP/s"),
    (1e9, "GFLOP/s"),
    (1e12, "TFLOP/s"),
    (1e15, "PFLOP/s"),
)
_COUNT: Final[_Units] = ((1, ""), (1e6, "million"), (1e9, "billion"))


def duration(ns: float | None) -> str:
    """Spell a time given in nanoseconds: `9.31 ms`."""
    return _spell(ns, _TIME)


def duration_range(low_ns: float, high_ns: float) -> str:
    """Spell an interval of times in one unit: `9.12 to 9.48 ms`."""
    return _spell_range(low_ns, high_ns, _TIME)


def size(num_bytes: float | None) -> str:
    """Spell an amount of memory: `41.2 MiB`."""
    return _spell(num_bytes, _BYTES)


def energy(joules: float | None) -> str:
    """Spell an energy given in joules: `41.2 mJ`."""
    return _spell(joules, _ENERGY)


def count(value: float | None) -> str:
    """Spell a count: exactly below 1,000, then with three significant digits: `2,410`."""
    return _spell(value, _COUNT).strip()


def flop_rate(flops_per_second: float | None) -> str:
    """Spell a rate of floating-point operations: `98.1 GFLOP/s`."""
    return _spell(flops_per_second, _FLOPS)


def byte_rate(bytes_per_second: float | None) -> str:
    """Spell a rate of bytes: `11.2 GiB/s`."""
    shown = size(bytes_per_second)
    return shown if shown == NOTHING else f"{shown}/s"


def rate(items_per_second: float | None) -> str:
    """Spell a throughput: `10,700 items/s`."""
    shown = count(items_per_second)
    return shown if shown == NOTHING else f"{shown} items/s"


def rate_range(low: float, high: float) -> str:
    """Spell an interval of throughputs: `10,500 to 10,900 items/s`."""
    return f"{_spell_range(low, high, _COUNT).strip()} items/s"


def factor(value: float | None) -> str:
    """Spell a ratio: `1.31`, `0.98`, `57.3`."""
    if value is None or not value < LARGEST_FACTOR:
        return NOTHING
    return _factor(value, ROUND_HALF_EVEN)


def factor_range(low: float, high: float) -> str:
    """Spell an interval of ratios, rounded outward: `1.27 to 1.36`."""
    if not high < LARGEST_FACTOR:
        return NOTHING
    return f"{_factor(low, ROUND_FLOOR)} to {_factor(high, ROUND_CEILING)}"


def overhead(share: float, when: str) -> str:
    """Say what an instrument costs: `A step takes 1.31 times as long under memray`."""
    if share <= 0:
        return f"That a step takes longer {when} could not be seen."
    return f"A step takes {factor(1 + share)} times as long {when}."


def percent(share: float | None) -> str:
    """Spell a share of one: `96.2 %`."""
    if share is None or not math.isfinite(share):
        return NOTHING
    return f"{100 * share:.1f} %"


def points(value: float | None) -> str:
    """Spell a difference of two shares, given in points: `+0.4 points`, `-1.2 points`."""
    if value is None or not math.isfinite(value):
        return NOTHING
    shown = f"{value:+.1f}"
    return f"{shown if float(shown) else '0.0'} points"


def plain(value: float | None) -> str:
    """Spell a number whose unit is not known, such as a check's value."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if value != 0 and not 1e-4 <= abs(value) < 1e7:  # noqa: PLR2004 - where digits become hard to count
        return f"{value:.2e}"
    return significant(value, DIGITS)


def significant(value: float, digits: int = DIGITS, rounding: str = ROUND_HALF_EVEN) -> str:
    """Round to significant digits and spell without an exponent, thousands separated by commas."""
    exact = Decimal(repr(float(value)))
    rounded = Context(prec=digits, rounding=rounding).plus(exact)
    if not rounded:
        return "0"
    decimals = max(0, digits - 1 - rounded.adjusted())
    return f"{rounded:,.{decimals}f}"


def name(text: str) -> str:
    """Return a name fit to be shown: on one line, without invisible characters, of bounded length."""
    start = text[: LONGEST_NAME + 1]
    shown = "".join("\N{REPLACEMENT CHARACTER}" if _unseen(letter) else letter for letter in start)
    return _clip(shown, LONGEST_NAME)


def visible(text: str) -> str:
    """Return a text of any length without invisible characters but line breaks and tabs."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if _unseen(letter) and letter not in "\n\t" else letter for letter in text
    )


def prose(text: str) -> str:
    """Return a message fit to be shown: line breaks stay, other invisible characters do not."""
    shown = visible(text[-LONGEST_TEXT - 1 :])
    return shown.strip() if len(shown) <= LONGEST_TEXT else f"…{shown[-LONGEST_TEXT:].strip()}"


def clause(text: str) -> str:
    """Return a sentence or a value fit to be shown: on one line, of bounded length."""
    return _clip(" ".join(prose(text[:LONGEST_TEXT]).split()), LONGEST_CLAUSE)


def one_line(text: str) -> str:
    """Return the first line of a message that says something, of bounded length."""
    return next((clause(line) for line in prose(text).splitlines() if line.strip()), "")


def listing(words: Sequence[str], conjunction: str = "and") -> str:
    """Join words as a sentence does: `a, b and c`; by semicolons where a comma is part of one."""
    if len(words) <= 1:
        return "".join(words)
    between = "; " if any(", " in word for word in words) else ", "
    last = f"; {conjunction} " if between == "; " and len(words) > 2 else f" {conjunction} "  # noqa: PLR2004
    return f"{between.join(words[:-1])}{last}{words[-1]}"


def some(words: Sequence[str], conjunction: str = "and", most: int = MOST_NAMED) -> str:
    """Join the first words as a sentence does and count the others: `a, b, c, d and 12 more`."""
    left = len(words) - most
    return listing([*words[:most], f"{left} more"] if left > 0 else words, conjunction)


def sentence(text: str, *, capital: bool = True) -> str:
    """Return the text with a full stop, and with a capital first letter unless it begins with a name."""
    stop = "" if text.endswith((".", "!", "?", "…")) else "."
    return (text[:1].upper() if capital else text[:1]) + text[1:] + stop


def one(noun: str) -> str:
    """Put an article before a noun: `a step`, `an update`."""
    return f"{'an' if noun[:1] in VOWELS else 'a'} {noun}"


def rounds(number: int) -> str:
    """Spell a number of rounds: `1 round`, `5 rounds`."""
    return f"{number} round" if number == 1 else f"{number} rounds"


def _clip(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _unseen(letter: str) -> bool:
    """Whether a character is a control, a mark of direction or otherwise without a shape of its own."""
    return unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def _factor(value: float, rounding: str) -> str:
    """Round to two decimals, to fewer above 10 and to more below 0.1."""
    exact = Decimal(repr(float(value)))
    decimals = min(
        6, max(0, DIGITS - 1 - max(exact.adjusted(), -2) if value >= 1 else max(2, 1 - exact.adjusted()))
    )
    # The default context has room for 28 digits, and a damaged file for any number of them.
    shown = exact.quantize(Decimal(1).scaleb(-decimals), rounding, Context(prec=LONGEST_NUMBER))
    return f"{shown:,f}"


def _unit(value: float, units: _Units) -> tuple[float, str]:
    """Return the largest unit in which the value, as it will be rounded, is at least one."""
    rounded = float(f"{abs(value):.{DIGITS - 1}e}")
    fitting = [unit for unit in units if rounded >= unit[0]]
    scale, unit = fitting[-1] if fitting else units[0]
    return _TIME_SCALE.get(unit, scale), unit


def _spell(value: float | None, units: _Units) -> str:
    if value is None or not math.isfinite(value):
        return NOTHING
    scale, unit = _unit(value, units)
    return f"{_number(value / scale, units, ROUND_HALF_EVEN)} {unit}"


def _spell_range(low: float, high: float, units: _Units) -> str:
    if not math.isfinite(high):
        return NOTHING
    scale, unit = _unit(high, units)
    lower = _number(low / scale, units, ROUND_FLOOR)
    upper = _number(high / scale, units, ROUND_CEILING)
    return f"{lower} to {upper} {unit}"


def _number(value: float, units: _Units, rounding: str) -> str:
    if units in {_BYTES, _COUNT} and value == int(value) and abs(value) < 10**DIGITS:
        return f"{int(value)}"
    return significant(value, DIGITS, rounding)
