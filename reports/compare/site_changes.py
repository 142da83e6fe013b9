"""Which code allocates more memory, or less, in one run than in another."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from benchsuite.record import AllocationSite
    from benchsuite.stacks import Stack

LINE = re.compile(r":\d+\)$")


@dataclass(frozen=True, slots=True)
class SiteChange:
    """A function whose allocations changed: bytes or blocks, as they were weighed."""

    frame: str
    """With the line that has most of it, on the side that has more."""
    before: float
    after: float

    @property
    def change(self) -> float:
        """By how much it grew."""
        return self.after - self.before


def changed_sites(
    before: Iterable[AllocationSite],
    after: Iterable[AllocationSite],
    *,
    weigh: Callable[[AllocationSite], float],
    frame_of: Callable[[Stack], str],
) -> tuple[SiteChange, ...]:
    """Return the functions whose allocations changed, what changed most first.

    Args:
        before: sites of one kind, of the first run.
        after: those of the second.
        weigh: what is compared, such as bytes.
        frame_of: the frame of a stack that stands for it.
    """
    old, old_frames = _by_function(before, weigh, frame_of)
    new, new_frames = _by_function(after, weigh, frame_of)
    found = []
    for function in {**old, **new}:
        was, now = old.get(function, 0.0), new.get(function, 0.0)
        if was != now:
            frame = (new_frames if now > was else old_frames)[function]
            found.append(SiteChange(frame, was, now))
    return tuple(sorted(found, key=lambda site: (-abs(site.change), site.frame)))


def without_line(frame: str) -> str:
    """Return a frame without its line: lines move when code above them is edited."""
    return LINE.sub(")", frame)


def _by_function(
    sites: Iterable[AllocationSite],
    weigh: Callable[[AllocationSite], float],
    frame_of: Callable[[Stack], str],
) -> tuple[dict[str, float], dict[str, str]]:
    amounts: dict[str, float] = defaultdict(float)
    most: dict[str, tuple[float, str]] = {}
    for site in sites:
        if site.stack:
            frame = frame_of(site.stack)
            function = without_line(frame)
            amounts[function] += weigh(site)
            most[function] = max(most.get(function, (0.0, frame)), (weigh(site), frame))
    return amounts, {function: frame for function, (_weight, frame) in most.items()}
