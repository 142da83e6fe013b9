"""Which calls changed between two passes that counted them, and which of the author's functions take longer."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from benchsuite.stacks import FRAME, is_own
from reports.compare.operator_changes import SAME_COUNT, SHARE_OF_OWN, SHARE_OF_STEP
from reports.compare.site_changes import without_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchsuite.record import CallRow, Record

TORCH = ("torch.", "Tensor.", "_EngineBase.")
"""Native code whose time the operator pass tells better."""


@dataclass(frozen=True, slots=True)
class CallProfile:
    """What a step calls, and the step that its times are part of."""

    rows: tuple[CallRow, ...]
    plain_ns: float
    """The step in the same process before it was watched."""
    rows_dropped: float = 0.0

    @property
    def least_ns(self) -> float:
        """No row that was left out took longer; 0: none was."""
        return self.rows[-1].self_ns if self.rows_dropped and self.rows else 0.0


@dataclass(frozen=True, slots=True)
class CallChange:
    """One callee from one of the author's functions, on two sides; figures of one step."""

    function: str
    """What is called, as in `CallRow`."""
    caller: str
    """The function that calls, with the line that is new or has most of it; empty: the engine."""
    calls_before: float
    calls_after: float
    own_before_ns: float
    own_after_ns: float

    @property
    def counted(self) -> bool:
        """Whether the number of calls changed."""
        change = abs(self.calls_after - self.calls_before)
        return change > SAME_COUNT * max(1.0, self.calls_before, self.calls_after)

    @property
    def explained_ns(self) -> float:
        """How much longer the callee works by itself."""
        return self.own_after_ns - self.own_before_ns

    @property
    def is_authors(self) -> bool:
        """Whether what is called is a function of the author's."""
        return FRAME.fullmatch(self.function) is not None and (is_own(self.function) or not self.caller)

    @property
    def is_torch(self) -> bool:
        """Whether it is torch's native code."""
        return self.function.startswith(TORCH)

    @property
    def author(self) -> str:
        """The author's function whose time this is, with a line."""
        return self.function if self.is_authors else self.caller


@dataclass(frozen=True, slots=True)
class FunctionChange:
    """One of the author's functions with all that it calls in libraries and native code, on two sides."""

    calls: tuple[CallChange, ...]
    """Those that changed in the direction asked for, what explains most first."""
    explained_ns: float
    """How much longer it takes, without the author's functions that it calls."""

    @property
    def lead(self) -> CallChange:
        """What explains most of it."""
        return self.calls[0]


def call_profile(records: Iterable[Record]) -> CallProfile | None:
    """Return the last pass that counted calls; None: there is none."""
    found = [record for record in records if record.pass_ == "calls" and record.calls]
    if not found:
        return None
    plain_ns = float(min(found[-1].step_ns, default=0))
    return CallProfile(found[-1].calls, plain_ns, found[-1].metrics.get("call_rows_dropped", 0.0))


def changed_calls(before: CallProfile, after: CallProfile, scale: float = 1.0) -> tuple[CallChange, ...]:
    """Return what is called more or less often, or takes longer or shorter by itself, by the author's functions.

    Lines do not tell functions apart, as they move when code above them is edited.

    Args:
        before: of the first side.
        after: of the second.
        scale: what both sides' times are multiplied by, to be set beside steps that were timed at another moment.
    """
    old, new = _by_pair(before.rows), _by_pair(after.rows)
    found = []
    for pair in {**old, **new}:
        was, now = old.get(pair, []), new.get(pair, [])
        if not was and sum(row.self_ns for row in now) <= before.least_ns > 0:
            continue
        if not now and sum(row.self_ns for row in was) <= after.least_ns > 0:
            continue
        change = CallChange(
            function=max(now or was, key=lambda row: row.self_ns).function,
            caller=_telling_line(was, now),
            calls_before=sum(row.calls for row in was),
            calls_after=sum(row.calls for row in now),
            own_before_ns=scale * sum(row.self_ns for row in was),
            own_after_ns=scale * sum(row.self_ns for row in now),
        )
        if change.counted or change.explained_ns:
            found.append(change)
    return tuple(sorted(found, key=lambda one: (-abs(one.explained_ns), one.function, one.caller)))


def changed_functions(
    changes: Iterable[CallChange], step_ns: float, *, longer: bool
) -> tuple[FunctionChange, ...]:
    """Return the author's functions that take longer, or shorter, what explains most first.

    What is called as often as before must have changed its own time by 2 % of the step and 20 % of its own longer time;
    of torch's native code it is left to the operator pass.

    Args:
        changes: from `changed_calls`.
        step_ns: the longer step.
        longer: the direction.
    """
    by_author: dict[str, list[CallChange]] = defaultdict(list)
    for change in changes:
        if (change.explained_ns > 0) == longer and (change.counted or _grew_beyond_noise(change, step_ns)):
            by_author[without_line(change.author)].append(change)
    found = [
        FunctionChange(
            tuple(sorted(members, key=lambda one: -abs(one.explained_ns))),
            sum(one.explained_ns for one in members),
        )
        for members in by_author.values()
    ]
    return tuple(sorted(found, key=lambda one: -abs(one.explained_ns)))


def watched_step_ns(records: Sequence[Record]) -> float | None:
    """Return the fastest plain step of all passes that time some, for where there are no timings."""
    samples = [ns for record in records if record.pass_ in {"operators", "calls"} for ns in record.step_ns]
    return float(min(samples)) if samples else None


def _grew_beyond_noise(change: CallChange, step_ns: float) -> bool:
    own_ns = max(change.own_before_ns, change.own_after_ns)
    return not change.is_torch and abs(change.explained_ns) >= max(
        SHARE_OF_STEP * step_ns, SHARE_OF_OWN * own_ns
    )


def _by_pair(rows: Iterable[CallRow]) -> dict[tuple[str, str], list[CallRow]]:
    found: dict[tuple[str, str], list[CallRow]] = defaultdict(list)
    for row in rows:
        found[without_line(row.function), without_line(row.caller)].append(row)
    return {pair: sorted(members, key=lambda row: _line(row.caller)) for pair, members in found.items()}


def _telling_line(before: Sequence[CallRow], after: Sequence[CallRow]) -> str:
    """Return the caller at the line that one side alone has, of several the one with most time.

    Lines are matched in their order, by how often they call: what is left over is new, or gone.
    """
    more, less = (after, before) if len(after) >= len(before) else (before, after)
    matcher = SequenceMatcher(None, [row.calls for row in less], [row.calls for row in more], autojunk=False)
    new = [
        row
        for tag, _, _, start, end in matcher.get_opcodes()
        if tag in {"insert", "replace"}
        for row in more[start:end]
    ]
    return max(new or after or before, key=lambda row: (row.self_ns, row.calls)).caller


def _line(caller: str) -> int:
    found = FRAME.fullmatch(caller)
    return int(found["line"]) if found else 0
