"""One step of a profiler's trace as spans in lanes: what the host and the device did, and when.

Of the host's operators the outermost ones alone: what an operator calls within itself is no span of its own. Work on a
device belongs to the step whose calls have launched it, however late it runs.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeGuard

from benchsuite.record import Span
from benchsuite.worker.trace import BLOCKING_COPIES, DEVICE_CATEGORIES, RUNTIME_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from benchsuite.record import Lane
    from benchsuite.worker.trace import Event, Interval

MOST_SPANS = 200
MOST_NOTED = 100_000
"""Of a trace that holds more, the outermost operators are not looked for."""
LONGEST_NAME = 80
BACKWARD = "autograd::engine::evaluate_function: "
"""How the names of autograd's nodes begin."""
OPTIMIZER = "Optimizer."
"""How the annotations begin that torch's optimizers put around their own steps."""


@dataclass(frozen=True, slots=True)
class _Noted:
    """One event of the trace: times in µs."""

    name: str
    start: float
    end: float
    thread: str
    correlation: int | None
    """What a call shares with the work that it has launched; None: it has launched none, or the trace does not say."""


@dataclass(slots=True)
class StepTimeline:
    """Looks at the events of a trace while they go by to whoever else reads them."""

    step_name: str
    """The annotation around each step."""
    most_noted: int = MOST_NOTED
    _left: int = field(default=0, init=False)
    _steps: list[Interval] = field(default_factory=list, init=False)
    _operators: list[_Noted] = field(default_factory=list, init=False)
    _optimizers: list[_Noted] = field(default_factory=list, init=False)
    _calls: list[_Noted] = field(default_factory=list, init=False)
    _kernels: list[_Noted] = field(default_factory=list, init=False)
    _copies: list[_Noted] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self._left = self.most_noted

    def watch(self, events: Iterable[Event]) -> Iterator[Event]:
        """Pass the events on, and note what a timeline is made of."""
        for event in events:
            self._note(event)
            yield event

    def spans(self) -> tuple[tuple[Span, ...], int]:
        """Return the spans of the step of median length in the order of their starts, and how many were left out.

        They are the 200 longest. None where no step was seen, or there was too much to look at.
        """
        if not self._steps or self._left < 0:
            return (), 0
        ordered = sorted(self._steps, key=lambda step: step[1] - step[0])
        begin, end = ordered[(len(ordered) - 1) // 2]
        found = [_span(lane, event, begin) for lane, event in self._of_step(begin, end)]
        kept = heapq.nlargest(MOST_SPANS, found, key=lambda span: span.duration_ns)
        return tuple(sorted(kept, key=lambda span: span.start_ns)), len(found) - len(kept)

    def _note(self, event: Event) -> None:
        if not isinstance(event, dict) or not isinstance(category := event.get("cat"), str):
            return
        if (place := self._place(category, event.get("name"))) is None:
            return
        start, length = event.get("ts"), event.get("dur")
        if not _is_time(start) or not _is_time(length):
            return
        if place is self._steps:
            self._steps.append((start, start + length))
            return
        self._left -= 1
        if self._left >= 0:
            arguments = event.get("args")
            correlation = arguments.get("correlation") if isinstance(arguments, dict) else None
            correlation = correlation if isinstance(correlation, int) else None
            name, thread = str(event.get("name", "")), str(event.get("tid"))
            place.append(_Noted(name, start, start + length, thread, correlation))

    def _place(self, category: str, name: object) -> list[Any] | None:
        """Return where an event is kept; None: it is no part of a timeline."""
        if category == "cpu_op":
            return self._operators
        if category in DEVICE_CATEGORIES:
            return self._kernels if category == "kernel" else self._copies
        if category.endswith(RUNTIME_SUFFIXES):
            return self._calls
        if category == "user_annotation" and isinstance(name, str):
            if name == self.step_name:
                return self._steps
            return self._optimizers if name.startswith(OPTIMIZER) else None
        return None

    def _of_step(self, begin: float, end: float) -> Iterator[tuple[Lane, _Noted]]:
        def begun(events: Iterable[_Noted], until: float = end) -> list[_Noted]:
            return [event for event in events if begin <= event.start < until]

        optimizers = begun(self._optimizers)
        for event in outermost(begun(self._operators)):
            yield _host_lane(event, optimizers), event
        calls = begun(self._calls)
        for event in calls:
            if event.name.endswith("Synchronize") or event.name in BLOCKING_COPIES:
                yield "waits", event
        launched = {event.correlation for event in calls} - {None}
        until = min((start for start, _end in self._steps if start >= end), default=math.inf)
        for lane, events in (("kernels", self._kernels), ("copies", self._copies)):
            by_time = begun(events, until)
            for event in [e for e in events if e.correlation in launched] if launched else by_time:
                yield lane, event  # type: ignore[misc]


def outermost(events: Iterable[_Noted]) -> Sequence[_Noted]:
    """Return the events that lie in no other one of their thread."""
    found = []
    reached: dict[str, float] = {}
    for event in sorted(events, key=lambda event: (event.start, -event.end)):
        if event.start >= reached.get(event.thread, -math.inf):
            found.append(event)
            reached[event.thread] = event.end
    return found


def _host_lane(event: _Noted, optimizers: Iterable[_Noted]) -> Lane:
    if event.name.startswith(BACKWARD):
        return "backward"
    inside = any(o.thread == event.thread and o.start <= event.start < o.end for o in optimizers)
    return "optimizer" if inside else "operators"


def _span(lane: Lane, event: _Noted, begin: float) -> Span:
    name = event.name.removeprefix(BACKWARD)
    name = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 3]}..."
    return Span(lane, name, round(1000 * (event.start - begin)), round(1000 * (event.end - event.start)))


def _is_time(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value)
