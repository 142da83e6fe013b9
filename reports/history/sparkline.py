"""A series of values in a few characters."""

from __future__ import annotations

import statistics
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

BARS: Final = "▁▂▃▄▅▆▇█"
GAP: Final = "·"
LEAST_RANGE: Final = 0.03
"""Values that lie closer together than this share of their middle do not fill the height: noise is no mountain."""


def sparkline(values: Sequence[float | None], width: int = 24) -> str:
    """Return one character for each value, or for the median of as many as share one; None is a gap.

    Args:
        values: finite, in the order of time.
        width: the most characters.
    """
    shown = _shared(values, width)
    known = [value for value in shown if value is not None]
    if not known:
        return GAP * len(shown)
    low, high = min(known), max(known)
    middle = low / 2 + high / 2
    span = max(high - low, LEAST_RANGE * abs(middle))
    if span == 0:
        return "".join(GAP if value is None else BARS[len(BARS) // 2] for value in shown)
    base = middle - span / 2
    return "".join(
        GAP if value is None else BARS[min(len(BARS) - 1, max(0, int((value - base) / span * len(BARS))))]
        for value in shown
    )


def _shared(values: Sequence[float | None], width: int) -> Sequence[float | None]:
    if len(values) <= width:
        return values
    bounds = [len(values) * place // width for place in range(width + 1)]
    groups = [[v for v in values[a:b] if v is not None] for a, b in pairwise(bounds)]
    return [statistics.median(group) if group else None for group in groups]
