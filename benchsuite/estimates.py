"""How long what is left of a run will probably take: learnt from the groups that have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchsuite.plan import Group

ONCE_S = 45.0
MEMBER_S = {"timing": 1.2, "operators": 1.0, "memory": 2.0}
"""What each member of a group takes until a first one of its kind has ended."""


class Estimates:
    """Remembers what groups of a kind took: those of one pass, or the rounds of one context."""

    def __init__(self) -> None:
        self._taken_s: dict[str, float] = {}

    def took(self, group: Group, seconds: float) -> None:
        """Remember how long a group took of the run's time."""
        self._taken_s[kind(group)] = seconds

    def left_s(self, pending: Iterable[Group], done: set[str]) -> float:
        """Return the seconds that the groups take which have not ended."""
        return sum(self._expected_s(group) for group in pending if group.id not in done)

    def affordable(self, groups: Sequence[Group], seconds: float) -> list[Group]:
        """Return which of the groups end within so many seconds; the quickest go first, as each answers a question."""
        chosen = []
        for group in sorted(groups, key=self._expected_s):
            seconds -= self._expected_s(group)
            if seconds >= 0:
                chosen.append(group.id)
        return [group for group in groups if group.id in chosen]

    def _expected_s(self, group: Group) -> float:
        guessed = ONCE_S if group.once else MEMBER_S[group.pass_] * len(group.members)
        return self._taken_s.get(kind(group), guessed)


def kind(group: Group) -> str:
    """Return what groups share that take equally long: their pass, or their context."""
    return group.pass_ if group.pass_ != "timing" else group.id.rpartition("/")[0]
