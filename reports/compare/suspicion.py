"""What may be behind a change, and how surely that is said."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchsuite.stacks import FRAME
from reports import format as fmt
from reports.compare.metric_changes import spell_counts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ENOUGH: Final = 0.5
"""What explains less than this share of a change is no cause of it."""
ALMOST_ALL: Final = 0.9
"""What explains less than this share of a change is called probable."""
PLACE: Final = re.compile(r"\(.+:\d+\)")
"""A file and a line; where no suspicion names one, such as of what an operator sign does, the changed files are told."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Something that changed together with a metric, and how much of the metric's change it explains."""

    what: str
    """A clause that names the operator, function or line."""
    explained: float | None
    """In the metric's unit, with its sign; None: it is not known how much."""
    aside: str = ""
    """What else is worth knowing, as a clause."""
    sure: bool = True
    """False: it was seen once, in times alone, and is called probable whatever it explains."""

    def share_of(self, change: float) -> float:
        """Return how much of a change it explains, 0 where it goes the other way or is not known."""
        return max(0.0, self.explained / change) if self.explained is not None and change else 0.0


def accuse(
    suspicions: Sequence[Suspicion],
    change: float,
    spell: Callable[[float], str],
    changed_files: Sequence[str],
    unit: str = "",
) -> str:
    """Say what is behind a change, in one sentence: the suspicion that explains most, or that none explains enough.

    Args:
        suspicions: in no order.
        change: of the metric, with its sign.
        spell: how an amount of the metric's unit is told.
        changed_files: what differs between the sides.
        unit: what `spell` does not tell, such as `operators a step`.
    """
    best = max(suspicions, key=lambda one: one.share_of(change), default=None)
    share = best.share_of(change) if best else 0.0
    part = _of(share, change, spell) + (f" {unit}" if unit else "")
    if best is None or share < ENOUGH:
        return _doubt(best, share, part, changed_files)
    asides = [best.aside, "" if PLACE.search(f"{best.what} {best.aside}") else tell_files(changed_files)]
    aside = "".join(f"; {one}" for one in asides if one)
    if best.sure and share >= ALMOST_ALL:
        return fmt.sentence(f"{best.what}{aside}: this explains {part}", capital=False)
    return fmt.sentence(f"Probably {best.what}{aside}: this explains {part}")


def at(frame: str) -> str:
    """Spell a frame in a sentence: `` `forward` (model.py:12) ``."""
    found = FRAME.fullmatch(frame)
    if found is None:
        return fmt.name(frame)
    function, _, place = frame.rpartition(" (")
    return f"`{fmt.name(function)}` ({fmt.clause(place)}"


def called(before: float, after: float) -> str:
    """Spell a change of calls: `2 times a step instead of 1`."""
    old, new = spell_counts(before, after)
    return f"{new} {'time' if after == 1 else 'times'} a step instead of {old}"


def tell_files(changed_files: Sequence[str]) -> str:
    """Name the files that differ between the sides; empty: there are none."""
    if not changed_files:
        return ""
    first, *others = changed_files
    more = f" and {len(others)} more" if others else ""
    return f"changed file{'s are' if others else ' is'} {fmt.clause(first)}{more}"


def _doubt(best: Suspicion | None, share: float, part: str, changed_files: Sequence[str]) -> str:
    files = tell_files(changed_files)
    last = f"; {files}" if files else ""
    if best is not None and best.explained is None:
        return fmt.sentence(
            f"Probably {best.what}, but how much of the change this explains is not known{last}"
        )
    if best is not None and share > 0:
        return fmt.sentence(f"The cause is not clear: {best.what}, but this explains only {part}{last}")
    return fmt.sentence(f"The cause is not clear: no operator, call or line changed by enough{last}")


def _of(share: float, change: float, spell: Callable[[float], str]) -> str:
    whole = spell(abs(change))
    part = spell(min(1.0, share) * abs(change))
    return f"all of {whole}" if part == whole else f"{part} of {whole}"
