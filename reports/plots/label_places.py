"""Where texts stand in a plot so that none lies on another: pure geometry, in points.

The browser's fonts are not known here: widths are estimates on the safe side.
"""

from __future__ import annotations

import itertools
import math
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Point: TypeAlias = tuple[float, float]
Line: TypeAlias = tuple[Point, Point]
"""From one point to another."""
DISTANCES = (6.0, 15.0, 27.0, 40.0)
"""How far a label may stand from its dot."""
DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))
DOT = 4.0
"""Half of the room that a dot keeps for itself."""
LEADER_FROM = 9.0
"""A label that stands further from its dot has a line to it."""
STRIDE = 4.0
"""From one box that covers a line to the next."""
LINE_HEIGHT = 1.25
WIDE_EM, OTHER_EM = 1.0, 0.64
WIDE_LETTERS = frozenset("MWmw@%")


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle; y grows upwards."""

    left: float
    bottom: float
    right: float
    top: float

    def meets(self, other: Box) -> bool:
        """Tell whether the two have more than an edge in common."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.bottom < other.top
            and other.bottom < self.top
        )

    def within(self, other: Box) -> bool:
        """Tell whether this one lies in another."""
        return (
            self.left >= other.left
            and self.right <= other.right
            and self.bottom >= other.bottom
            and self.top <= other.top
        )


@dataclass(frozen=True, slots=True)
class Label:
    """Where a label stands, and the line that leads to it from its dot; None: it stands beside the dot."""

    box: Box
    leader: Line | None


def text_width(text: str, size: float) -> float:
    """Return about how wide a line of text is at most, in the unit of its font's size."""
    wide = sum(
        letter in WIDE_LETTERS or unicodedata.east_asian_width(letter) in {"W", "F"} for letter in text
    )
    return size * (WIDE_EM * wide + OTHER_EM * (len(text) - wide))


def place_labels(
    dots: Sequence[Point], texts: Sequence[str], size: float, area: Box, lines: Sequence[Line] = ()
) -> list[Label | None]:
    """Return where the label of each dot stands: within the area, on no line, no dot and no other label.

    Args:
        dots: where the dots are.
        texts: their labels, one line each.
        size: of the font.
        area: what no label may leave.
        lines: what no label may cover.

    Returns:
        None for a label for which there is no room.
    """
    taken = [Box(x - DOT, y - DOT, x + DOT, y + DOT) for x, y in dots]
    taken += [box for line in lines for box in _along(line)]
    placed: list[Box] = []
    labels: list[Label | None] = []
    for dot, text in zip(dots, texts, strict=True):
        box = next(
            (
                box
                for box in _around(dot, text_width(text, size), LINE_HEIGHT * size)
                if box.within(area)
                and not any(map(box.meets, taken))
                and not any(part.meets(other) for part in _along(_leader(dot, box)) for other in placed)
            ),
            None,
        )
        if box is None:
            labels.append(None)
            continue
        leader = _leader(dot, box)
        is_far = math.dist(*leader) > LEADER_FROM
        labels.append(Label(box, leader if is_far else None))
        placed.append(box)
        taken += [box, *(_along(leader) if is_far else ())]
    return labels


def spaced(places: Sequence[float], widths: Sequence[float], gap: float = 6.0) -> list[int]:
    """Return which of several texts, centred at ascending places, can stand side by side; the first one stays."""
    kept: list[int] = []
    reached = float("-inf")
    for index, (place, width) in enumerate(zip(places, widths, strict=True)):
        if place - width / 2 >= reached + gap or not kept:
            kept.append(index)
            reached = place + width / 2
    return kept


def _leader(dot: Point, box: Box) -> Line:
    x, y = dot
    return dot, (min(max(x, box.left), box.right), min(max(y, box.bottom), box.top))


def _along(line: Line) -> Iterator[Box]:
    """Return boxes that cover a straight line."""
    (left, low), (right, high) = line
    parts = max(1, round(max(abs(right - left), abs(high - low)) / STRIDE))
    for part in range(parts + 1):
        x, y = left + (right - left) * part / parts, low + (high - low) * part / parts
        yield Box(x - STRIDE / 2, y - STRIDE / 2, x + STRIDE / 2, y + STRIDE / 2)


def _around(dot: tuple[float, float], width: float, height: float) -> Iterator[Box]:
    x, y = dot
    for distance, (right, up) in itertools.product(DISTANCES, DIRECTIONS):
        left = x - width / 2 + right * (distance + width / 2)
        bottom = y - height / 2 + up * (distance + height / 2) * (0.7 if right else 1.0)
        yield Box(left, bottom, left + width, bottom + height)
