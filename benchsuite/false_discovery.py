"""The step-up procedure of Benjamini and Hochberg: pure functions.

Source: Benjamini and Hochberg, Controlling the false discovery rate (1995). It holds for tests that are
independent or positively dependent (Benjamini and Yekutieli, 2001).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def adjusted(ps: Sequence[float]) -> list[float]:
    """Return for each p value the smallest false discovery rate at which its hypothesis is rejected.

    Args:
        ps: p values, each between 0 and 1, in any order.

    Returns:
        Adjusted p values in the same order.

    Raises:
        ValueError: a p value is not between 0 and 1.
    """
    if not all(0 <= p <= 1 for p in ps):
        raise ValueError("p values lie between 0 and 1")
    found = [1.0] * len(ps)
    least = 1.0
    for rank, place in sorted(enumerate(_ascending(ps), 1), reverse=True):
        least = min(least, ps[place] * len(ps) / rank)
        found[place] = least
    return found


def rejected(ps: Sequence[float], level: float) -> list[bool]:
    """Return which hypotheses are rejected, so that at most `level` of those are true ones on average.

    Args:
        ps: p values, each between 0 and 1, in any order.
        level: the false discovery rate.

    Raises:
        ValueError: a p value is not between 0 and 1.
    """
    return [p <= level for p in adjusted(ps)]


def _ascending(ps: Sequence[float]) -> list[int]:
    return sorted(range(len(ps)), key=ps.__getitem__)
