"""Counts and times calls by the line of the author's code that they come from.

A profile that knows pairs of functions alone, such as cProfile's, cannot tell which line of a model makes which of the calls
that go through `torch.nn.Module.__call__`. This one keeps the stack, and books whatever libraries do to the line that asked for it.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from benchsuite.worker.authorship import INLINED, Authorship, is_builtin, native_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

    from benchsuite.worker.authorship import Callee, Caller

CALIBRATIONS = 5
CALIBRATION_CALLS = 1000
CALIBRATION_LOOPS = 10_000


@dataclass(slots=True)
class Tally:
    """Calls and own time of one callee from one caller."""

    calls: int = 0
    self_ns: int = 0
    events: int = 0
    """How often watching has interrupted it: calls and returns, those that are part of it included."""


@dataclass(frozen=True, slots=True)
class _Level:
    """What runs at one level of the stack."""

    frame: FrameType | None
    """None: native code."""
    author: FrameType | None
    """The innermost frame of the author's own code."""
    tally: Tally
    inside: bool
    """Whether it is a library's or native code, so that further Python of libraries is part of it."""


class CallCounter:
    """Watches the calls of one step, in the thread that takes it; its own work is left out of the times."""

    def __init__(self, authorship: Authorship) -> None:
        """Watch nothing yet."""
        self.calls = 0
        """All calls that were seen, those that have no row of their own included."""
        self._authorship = authorship
        self._tallies: dict[tuple[Caller, Callee], Tally] = {}
        self._native: dict[tuple[str, str | None], str] = {}
        self._engine = _Level(None, None, Tally(), inside=False)
        self._stack = [self._engine]
        self._since_ns = 0

    def watch(self, step: Callable[[], object]) -> None:
        """Run the step and watch it."""
        self._since_ns = perf_counter_ns()
        sys.setprofile(self._see)
        try:
            step()
        finally:
            sys.setprofile(None)
            # The last call that was seen is this one.
            self.calls -= 1

    @property
    def tallies(self) -> Mapping[tuple[Caller, Callee], Tally]:
        """What was seen: from which of the author's lines, and what was called."""
        return self._tallies

    def _see(self, frame: FrameType, event: str, arg: object) -> None:
        now_ns = perf_counter_ns()
        stack = self._stack
        tally = stack[-1].tally
        tally.self_ns += now_ns - self._since_ns
        tally.events += 1
        if event == "call":
            self.calls += 1
            stack.append(self._entered(frame, stack[-1]))
        elif event == "return":
            self._leave(frame)
        elif event == "c_call":
            self.calls += 1
            stack.append(self._asked(arg, stack[-1]))
        elif stack[-1].frame is None and len(stack) > 1:
            stack.pop()
        self._since_ns = perf_counter_ns()

    def _entered(self, frame: FrameType, outer: _Level) -> _Level:
        code = frame.f_code
        if self._authorship.is_own(code):
            if code.co_name in INLINED and outer.author is not None:
                return _Level(frame, frame, outer.tally, outer.inside)
            return _Level(frame, frame, self._book(outer.author, code), inside=False)
        if outer.inside:
            return _Level(frame, outer.author, outer.tally, inside=True)
        return _Level(frame, outer.author, self._book(outer.author, code), inside=True)

    def _asked(self, function: Any, outer: _Level) -> _Level:
        # Never the function itself: bound to a tensor, it would keep that alive.
        key = (function.__qualname__, function.__module__)
        name = self._native.get(key)
        if name is None:
            name = self._native[key] = native_name(function)
        if outer.inside and is_builtin(function):
            return _Level(None, outer.author, outer.tally, inside=True)
        return _Level(None, outer.author, self._book(outer.author, name), inside=True)

    def _leave(self, frame: FrameType) -> None:
        """Drop the levels down to this frame's; a frame that was there before is none of them."""
        stack = self._stack
        for depth in range(len(stack) - 1, 0, -1):
            if stack[depth].frame is frame:
                del stack[depth:]
                return

    def _book(self, author: FrameType | None, callee: Callee) -> Tally:
        place = None if author is None else (author.f_code, author.f_lasti)
        tally = self._tallies.get((place, callee))
        if tally is None:
            tally = self._tallies[place, callee] = Tally()
        tally.calls += 1
        return tally


@dataclass(frozen=True, slots=True)
class WatchCost:
    """What watching costs, though its own work is left out of the times."""

    call_ns: float
    """What a call or a return takes by itself."""
    extra_ns: float
    """What it takes more for being watched."""
    slowdown: float = 1.0
    """So many times as long Python takes between them: up to Python 3.11 it runs other code while it is watched."""

    def own_ns(self, tally: Tally, *, python: bool) -> float:
        """Return a tally's own time as it would be unwatched, but not less than its calls and returns take."""
        between_ns = (tally.self_ns - tally.events * self.extra_ns) / (self.slowdown if python else 1.0)
        return max(tally.events * self.call_ns, between_ns)


def measure_cost() -> WatchCost:
    """Return what watching costs, from calls of a function that does nothing and from a loop that calls none."""
    plain_ns, watched_ns = _compare(_call_often)
    plain_loop_ns, watched_loop_ns = _compare(_loop)
    events = 2 * CALIBRATION_CALLS
    extra_ns = max(0, watched_ns - plain_ns) / events
    return WatchCost(plain_ns / events, extra_ns, max(1.0, watched_loop_ns / max(1, plain_loop_ns)))


def _compare(step: Callable[[], object]) -> tuple[int, int]:
    """Return the least time that a function takes, and that it seems to take while it is watched."""
    plain_ns, watched_ns = [], []
    authorship = Authorship()
    for _ in range(CALIBRATIONS):
        began_ns = perf_counter_ns()
        step()
        plain_ns.append(perf_counter_ns() - began_ns)
        counter = CallCounter(authorship)
        counter.watch(step)
        watched_ns.append(sum(tally.self_ns for tally in counter.tallies.values()))
    return min(plain_ns), min(watched_ns)


def _call_often() -> None:
    for _ in range(CALIBRATION_CALLS):
        _do_nothing()


def _loop() -> None:
    total = 0
    for number in range(CALIBRATION_LOOPS):
        total += number * number


def _do_nothing() -> None:
    pass
