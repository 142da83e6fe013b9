"""Lines of comparable values: one variant under the same conditions, run after run, with what changed."""

from __future__ import annotations

import statistics
from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from benchsuite.environment import differences
from benchsuite.history.change_points import Change, exact_changes, find_changes
from benchsuite.history.metrics import EXACT_FLOORS, LEAST_SHARE, MACHINE_MOVED, TIMES
from benchsuite.record import CANARY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from benchsuite.history.ledger import Ledger, Reading, RunEntry
    from benchsuite.history.readings import Figure

SHARED_FACTS: Final = ("machine.", "data.", "task")
"""What a whole run has in common, and a trial that failed before it could say more."""


@dataclass(frozen=True, slots=True)
class Point:
    """One run on a line: a figure, or a gap with its reason."""

    run: RunEntry
    figure: Figure | None
    outcome: str
    reason: str
    disturbed: str
    software: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Event:
    """Another software from one point on: told, but no other line."""

    place: int
    """Of the first point that has it."""
    changed: Mapping[str, tuple[str | None, str | None]]
    """Versions before and after, by name; None: not known."""


@dataclass(frozen=True, slots=True)
class Step:
    """A change of a line's level, with what is known of its cause."""

    change: Change
    """Its places are those of the line's points."""
    software: Mapping[str, tuple[str | None, str | None]]
    """What changed of the software between the two runs."""
    machine_factor: float | None
    """By how much the fixed workload's step time changed at once; None: little, or not known."""


@dataclass(frozen=True, slots=True)
class Line:
    """One variant under one set of conditions."""

    scenario: str
    variant: str
    conditions: str
    facts: Mapping[str, str]
    points: tuple[Point, ...]
    """In the order of time."""
    events: tuple[Event, ...]
    steps: tuple[Step, ...]
    unlike: Mapping[str, tuple[str | None, str | None]]
    """Facts that the variant's newest line has otherwise, as (there, here); empty: this is it, or the only one."""

    @property
    def measured(self) -> tuple[Point, ...]:
        """The points with a figure; at least one."""
        return tuple(point for point in self.points if point.figure is not None)

    @property
    def latest(self) -> Figure:
        """The newest figure."""
        figure = self.measured[-1].figure
        if figure is None:
            raise RuntimeError("a measured point has a figure")
        return figure


def lines(ledger: Ledger, metric: str, text: str = "") -> tuple[Line, ...]:
    """Return the lines of a metric: those with changes first, the newest change first; then by name.

    Args:
        ledger: what the index says about the metric.
        metric: its name.
        text: what the variants' ids contain, as with `run -k`.
    """
    by_variant: dict[str, list[Reading]] = defaultdict(list)
    for reading in ledger.readings:
        if text in reading.variant:
            by_variant[reading.variant].append(reading)
    canaries = {_place(r): r.figure.value for r in ledger.canaries if r.figure is not None}
    found = [line for members in by_variant.values() for line in _lines_of_variant(members, metric, canaries)]
    if metric == "step_time" and ledger.canaries and text in CANARY:
        found += _lines_of_variant(ledger.canaries, metric, {})
    return tuple(sorted(found, key=_standing))


def select_since(ledger: Ledger, since_s: float) -> Ledger:
    """Return the ledger without what was begun before a time (seconds since 1970), or at a time not known."""

    def recent(run: RunEntry) -> bool:
        return run.started_s is not None and run.started_s >= since_s

    return replace(
        ledger,
        runs=tuple(filter(recent, ledger.runs)),
        readings=tuple(reading for reading in ledger.readings if recent(reading.run)),
        canaries=tuple(reading for reading in ledger.canaries if recent(reading.run)),
    )


def _standing(line: Line) -> tuple[bool, float, bool, str, bool, str]:
    newest = line.points[line.steps[-1].change.after].run.started_s if line.steps else None
    return (
        not line.steps, -(newest or 0.0), line.variant == CANARY, line.variant, bool(line.unlike), line.conditions,
    )  # fmt: skip


def _lines_of_variant(
    readings: Sequence[Reading], metric: str, canaries: Mapping[tuple[str, str], float]
) -> list[Line]:
    """Sort a variant's readings under their conditions; a gap goes where the run before it was."""
    members: dict[str, list[Reading]] = {r.conditions: [] for r in readings if r.figure is not None}
    facts = {r.conditions: r.facts for r in readings}
    last: dict[str, str] = {}
    told = {_place(r) for r in readings if r.figure is not None}
    for reading in readings:
        if reading.figure is None:
            if _place(reading) in told:
                continue  # another pass has the figure, or the same gap
            told.add(_place(reading))
        shared = str(_shared(reading.facts))
        if reading.conditions in members:
            last[shared] = reading.conditions
        if line := last.get(shared):
            members[line].append(reading)
    # Gaps before the first figure belong to no line yet: nothing is known that they interrupt.
    newest = list(dict.fromkeys(r.conditions for r in reversed(readings) if r.figure is not None))
    return [
        _line(members[key], key, facts[key], metric, canaries, differences(facts[newest[0]], facts[key]))
        for key in newest
    ]


def _place(reading: Reading) -> tuple[str, str]:
    return reading.run.root, reading.run.name


def _line(  # noqa: PLR0917 - the parts of a line
    readings: Iterable[Reading],
    conditions: str,
    facts: Mapping[str, str],
    metric: str,
    canaries: Mapping[tuple[str, str], float],
    unlike: Mapping[str, tuple[str | None, str | None]],
) -> Line:
    found = list(readings)
    points = tuple(Point(r.run, r.figure, r.outcome, r.reason, r.disturbed, r.software) for r in found)
    events = tuple(_events(points))
    return Line(
        scenario=found[-1].scenario,
        variant=found[-1].variant,
        conditions=conditions,
        facts=facts,
        points=points,
        events=events,
        steps=tuple(_steps(points, metric, events, canaries)),
        unlike=unlike,
    )


def _events(points: Sequence[Point]) -> Iterable[Event]:
    known = [(place, p.software) for place, p in enumerate(points) if p.figure is not None and p.software]
    for (_place, before), (place, after) in pairwise(known):
        if changed := differences(before, after):
            yield Event(place, changed)


def _steps(
    points: Sequence[Point], metric: str, events: Sequence[Event], canaries: Mapping[tuple[str, str], float]
) -> Iterable[Step]:
    places = [place for place, point in enumerate(points) if point.figure is not None]
    values = [point.figure.value for point in points if point.figure is not None]
    if metric in EXACT_FLOORS:
        changes = exact_changes(values, EXACT_FLOORS[metric])
    else:
        changes = find_changes(values, least_share=LEAST_SHARE)
    starts = [0, *(change.after for change in changes)]
    ends = [*(change.before + 1 for change in changes), len(values)]
    for number, change in enumerate(changes):
        before, after = places[change.before], places[change.after]
        old = [points[place].run for place in places[starts[number] : ends[number]]]
        new = [points[place].run for place in places[starts[number + 1] : ends[number + 1]]]
        yield Step(
            change=Change(before, after, change.old, change.new, change.factor, change.p, change.seen),
            software={
                name: versions
                for event in events
                if before < event.place <= after
                for name, versions in event.changed.items()
            },
            machine_factor=_machine_factor(old, new, canaries) if metric in TIMES else None,
        )


def _machine_factor(
    old: Sequence[RunEntry], new: Sequence[RunEntry], canaries: Mapping[tuple[str, str], float]
) -> float | None:
    """Return by how much the canary changed with the level, where that is much."""
    before, after = (
        [canaries[key] for run in runs if (key := (run.root, run.name)) in canaries] for runs in (old, new)
    )
    if not (before and after):
        return None
    factor = statistics.median(after) / statistics.median(before)
    return None if 1 / (1 + MACHINE_MOVED) <= factor <= 1 + MACHINE_MOVED else factor


def _shared(facts: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in facts.items() if name.startswith(SHARED_FACTS)}
