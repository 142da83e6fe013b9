"""The page of a history: what changed first, then a plot for each variant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchsuite.record import CANARY
from reports import format as fmt
from reports.document import SCRIPTS, render_document
from reports.gate.words import numbered
from reports.history.plot import drawn_places, history_plot
from reports.history.table import history_table, line_names, notes
from reports.history.words import (
    commit,
    day,
    gap,
    metric_words,
    spell_range,
    spelling,
    tell,
    tell_software,
    tell_unlike,
    tone,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchsuite.history.ledger import Ledger, RunEntry
    from benchsuite.history.series import Line, Point, Step

MOST_TOLD: Final = 40
"""So many changes get a paragraph, the newest; the table and the plots have them all."""
MOST_LINES: Final = 200
"""So many lines are drawn, those with changes first."""
MOST_DOTS: Final = 6000
"""About so many points of a page get a dot and a row of their own, so that it stays below 3 MB."""
FEWEST_DOTS: Final = 20
"""Of a line."""


@dataclass(frozen=True, slots=True)
class Told:
    """A change in sentences, and where its plot is."""

    tone: str
    text: str
    address: str


@dataclass(frozen=True, slots=True)
class Dot:
    """One run of a line, as a row."""

    commit: str
    day: str
    value: str
    interval: str
    notes: str
    tone: str


@dataclass(frozen=True, slots=True)
class Trace:
    """One line with its plot and its numbers."""

    id: str
    name: str
    unlike: str
    """Under which other conditions it stands than its variant's newest line."""
    svg: str
    dots: tuple[Dot, ...]
    left_out: int
    """Older points that are on the curve alone."""
    changed: bool


def render_history(metric: str, ledger: Ledger, lines: Sequence[Line], folder: str) -> str:
    """Return the page of a history as one HTML document.

    Args:
        metric: its name.
        ledger: what the index says about it.
        lines: in the order in which they are to be shown.
        folder: where the runs are, as the user has named it.
    """
    traces = _traces(metric, lines)
    return render_document(
        "history.html.j2",
        scripts=(*SCRIPTS, "history.js"),
        title=f"History of {metric_words(metric)}",
        folder=fmt.clause(folder),
        span=_span(ledger.runs),
        variants=numbered(len({line.variant for line in lines} - {CANARY}), "variant"),
        told=_told(metric, lines)[:MOST_TOLD],
        untold=max(0, sum(len(line.steps) for line in lines) - MOST_TOLD),
        notes=notes(ledger, lines, metric),
        software=_software(lines),
        changed=[trace for trace in traces if trace.changed],
        steady=[trace for trace in traces if not trace.changed],
        undrawn=max(0, len(lines) - MOST_LINES),
        table_of_all=history_table(metric, lines),
    )


def _traces(metric: str, lines: Sequence[Line]) -> list[Trace]:
    drawn = lines[:MOST_LINES]
    most = max(FEWEST_DOTS, MOST_DOTS // max(1, len(drawn)))
    return [
        _trace(metric, line, name, f"line-{number}", most)
        for number, (line, name) in enumerate(zip(drawn, line_names(drawn), strict=True))
    ]


def _trace(metric: str, line: Line, name: str, address: str, most: int) -> Trace:
    places = drawn_places(line, most)
    return Trace(
        id=address,
        name=name,
        unlike=tell_unlike(line),
        svg=history_plot(metric, line, places, address),
        dots=tuple(_dot(metric, line, place) for place in places),
        left_out=len(line.points) - len(places),
        changed=bool(line.steps),
    )


def _dot(metric: str, line: Line, place: int) -> Dot:
    point = line.points[place]
    step = next((step for step in line.steps if step.change.after == place), None)
    figure = point.figure
    return Dot(
        commit=commit(point.run),
        day=day(point.run, with_time=True),
        value=fmt.NOTHING if figure is None else spelling(metric)(figure.value),
        interval="" if figure is None else spell_range(metric, figure),
        notes="; ".join(_notes(line, point, place, changed=step is not None)),
        tone=tone(metric, step) if step else "",
    )


def _notes(line: Line, point: Point, place: int, *, changed: bool) -> list[str]:
    found = ["first with the new level"] if changed else []
    if point.figure is None:
        found.append(gap(point))
    found += [tell_software(event.changed) for event in line.events if event.place == place]
    if point.disturbed:
        found.append(fmt.clause(point.disturbed))
    if not point.run.finished:
        found.append("run not finished")
    return found


def _told(metric: str, lines: Sequence[Line]) -> list[Told]:
    """Return all changes in sentences, the newest first."""
    found: list[tuple[float, Told]] = []
    for number, line in enumerate(lines):
        address = f"#line-{number}" if number < MOST_LINES else ""
        for step in line.steps:
            told = Told(tone(metric, step), tell(metric, line, step), address)
            found.append((_moment(line, step), told))
    return [told for _moment_s, told in sorted(found, key=lambda pair: -pair[0])]


def _moment(line: Line, step: Step) -> float:
    return line.points[step.change.after].run.started_s or 0.0


def _span(runs: Sequence[RunEntry]) -> str:
    if not runs:
        return "no run"
    first, last = day(runs[0]), day(runs[-1])
    return f"{numbered(len(runs), 'run')}, {first if first == last else f'{first} to {last}'}"


def _software(lines: Sequence[Line]) -> list[str]:
    """Say once which software changed, and from which run on."""
    found: dict[str, None] = {}
    for line in lines:
        for event in line.events:
            run = line.points[event.place].run
            found[fmt.sentence(f"From {commit(run)} ({day(run)}) on, {tell_software(event.changed)}")] = None
    return list(found)[:MOST_TOLD]
