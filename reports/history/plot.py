"""The plot of one line: value by run, with its levels, changes, gaps and changes of software.

Drawn by hand, not by matplotlib: a page has a hundred of them, and each dot carries what it stands for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from reports import format as fmt
from reports.gate.words import numbered
from reports.history.words import (
    change_words,
    day,
    metric_words,
    spelling,
    tell,
    tell_point,
    tell_software,
    tone,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchsuite.history.series import Line

WIDTH: Final = 480
HEIGHT: Final = 178
LEFT: Final = 76
RIGHT: Final = 12
TOP: Final = 46
BOTTOM: Final = 26
LEAST_SHARE: Final = 0.03
"""The axis spans at least this share of the values, so that noise does not look like a change."""
PADDING: Final = 0.12
MOST_LABELS: Final = 4
"""So many changes, and so many changes of software, are labelled in the plot; a title names the others."""
WIDEST_RANGE: Final = 3.0
"""The axis shows intervals up to so many times the span of the values; longer ones are cut."""
PER_SECOND: Final = " items/s"
"""Stands once above the axis: beside each tick it would not fit."""
LONGEST_LABEL: Final = 20
"""Characters of what a change of software is labelled with."""
LABEL_WIDTH: Final = 84
"""A label at the right end would leave the plot; closer ones would cover each other."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Where places and values are drawn."""

    count: int
    low: float
    high: float

    def x(self, place: float) -> float:
        """Return where a point's place is."""
        return LEFT + (place + 0.5) / self.count * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Return where a value is, within the axis."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def history_plot(metric: str, line: Line, places: Sequence[int], name: str) -> str:
    """Draw one line as an `<svg>` element.

    Args:
        metric: its name.
        line: what is drawn; all of its values are on the curve.
        places: the points that get a dot with what it stands for.
        name: prefix of the element's ids.
    """
    scale = _scale(line)
    root = ET.Element(
        "svg",
        {
            "class": "plot",
            "viewBox": f"0 0 {WIDTH} {HEIGHT}",
            "role": "img",
            "aria-labelledby": f"{name}-title",
        },
    )
    ET.SubElement(root, "title", {"id": f"{name}-title"}).text = _alternative(metric, line)
    _draw_axes(root, metric, line, scale)
    _draw_events(root, line, scale)
    _path(root, "range", "".join(_interval(line, place, scale) for place in places))
    _path(root, "values", _curve(line, scale))
    _path(root, "level", _levels(line, scale))
    _draw_changes(root, metric, line, scale)
    _draw_points(root, metric, line, places, scale)
    return ET.tostring(root, encoding="unicode")


def _scale(line: Line) -> Scale:
    values = [point.figure.value for point in line.points if point.figure is not None]
    low, high = min(values), max(values)
    span = max(high - low, LEAST_SHARE * max(abs(low), abs(high)))
    reach = WIDEST_RANGE * span
    ends = [
        end
        for point in line.points
        if point.figure is not None
        for end in (point.figure.low, point.figure.high)
        if end is not None
    ]
    low, high = max(min([low, *ends]), low - reach), min(max([high, *ends]), high + reach)
    middle, span = low / 2 + high / 2, max(high - low, span) or 1.0
    least = middle - span * (0.5 + PADDING)
    # A count or a time below zero would puzzle.
    return Scale(
        len(line.points), min(low, max(0.0, least)) if low >= 0 else least, middle + span * (0.5 + PADDING)
    )


def _draw_axes(root: ET.Element, metric: str, line: Line, scale: Scale) -> None:
    spell = spelling(metric)
    ticks = [scale.low + share * (scale.high - scale.low) for share in (0.1, 0.5, 0.9)]
    texts = [spell(tick).removesuffix(PER_SECOND) for tick in ticks]
    if len(set(texts)) < len(texts):  # all values are one and the same, or nearly
        ticks, texts = ticks[1:2], texts[1:2]
    for tick, text in zip(ticks, texts, strict=True):
        y = scale.y(tick)
        _path(root, "grid", f"M{LEFT} {y:.1f}H{WIDTH - RIGHT}")
        _text(root, "tick", LEFT - 6, y + 3, text, anchor="end")
    per_second = "," + PER_SECOND if metric == "throughput" else ""
    _text(root, "tick", 2, 13, metric_words(metric) + per_second)
    base = HEIGHT - BOTTOM
    _path(root, "axis", f"M{LEFT} {base}H{WIDTH - RIGHT}")
    first, last = line.points[0].run, line.points[-1].run
    _text(root, "tick", LEFT, HEIGHT - 8, day(first))
    if len(line.points) > 1:
        _text(root, "tick", WIDTH - RIGHT, HEIGHT - 8, day(last), anchor="end")


def _draw_events(root: ET.Element, line: Line, scale: Scale) -> None:
    for event in line.events:
        x = scale.x(event.place - 0.5)
        mark = _path(root, "event", f"M{x:.1f} {TOP - 19}V{HEIGHT - BOTTOM}")
        ET.SubElement(mark, "title").text = tell_software(event.changed)
    for event in line.events[-MOST_LABELS:]:
        name = "torch" if "torch" in event.changed else next(iter(event.changed))
        new = event.changed[name][1] or "unknown"
        x = scale.x(event.place - 0.5)
        anchor = "end" if x > WIDTH - LABEL_WIDTH else "start"
        shown = fmt.name(f"{name} {new}")[:LONGEST_LABEL]
        _text(root, "tick", _beside(x, anchor), TOP - 22, shown, anchor=anchor)


def _draw_changes(root: ET.Element, metric: str, line: Line, scale: Scale) -> None:
    for step in line.steps:
        x = scale.x((step.change.before + step.change.after) / 2)
        mark = _path(root, f"change {tone(metric, step)}", f"M{x:.1f} {TOP - 4}V{HEIGHT - BOTTOM}")
        ET.SubElement(mark, "title").text = tell(metric, line, step)
    free = float("inf")
    for step in list(reversed(line.steps))[:MOST_LABELS]:
        x = scale.x((step.change.before + step.change.after) / 2)
        text = change_words(metric, step).partition(" (")[0]
        anchor = "end" if x > WIDTH - LABEL_WIDTH else "start"
        if (x if anchor == "end" else x + LABEL_WIDTH) <= free:
            _text(root, f"label {tone(metric, step)}", _beside(x, anchor), TOP - 9, text, anchor=anchor)
            free = x - LABEL_WIDTH if anchor == "end" else x


def _beside(x: float, anchor: str) -> float:
    """Return where a label begins or ends that an upright line at x would touch."""
    return x - 3 if anchor == "end" else x + 3


def _draw_points(root: ET.Element, metric: str, line: Line, places: Sequence[int], scale: Scale) -> None:
    group = ET.SubElement(root, "g", {"class": "points"})
    for place in places:
        point = line.points[place]
        x = scale.x(place)
        if point.figure is None:
            mark = _text(group, "gap", x, HEIGHT - BOTTOM - 3, "\N{MULTIPLICATION SIGN}", anchor="middle")
        else:
            mark = ET.SubElement(
                group, "circle", {"cx": f"{x:.1f}", "cy": f"{scale.y(point.figure.value):.1f}", "r": "2.6"}
            )
            if point.disturbed:
                mark.set("class", "disturbed")
        ET.SubElement(mark, "title").text = tell_point(metric, point)


def _interval(line: Line, place: int, scale: Scale) -> str:
    figure = line.points[place].figure
    if figure is None or figure.low is None or figure.high is None:
        return ""
    return f"M{scale.x(place):.1f} {scale.y(figure.low):.1f}V{scale.y(figure.high):.1f}"


def _curve(line: Line, scale: Scale) -> str:
    """Return the path through all values, broken where there is none."""
    parts, pen = [], "M"
    for place, point in enumerate(line.points):
        if point.figure is None:
            pen = "M"
        else:
            parts.append(f"{pen}{scale.x(place):.1f} {scale.y(point.figure.value):.1f}")
            pen = "L"
    return "".join(parts)


def _levels(line: Line, scale: Scale) -> str:
    if not line.steps:
        return ""
    changes = [step.change for step in line.steps]
    starts = [0, *(change.after for change in changes)]
    ends = [*(change.before for change in changes), len(line.points) - 1]
    levels = [changes[0].old, *(change.new for change in changes)]
    return "".join(
        f"M{scale.x(start - 0.3):.1f} {scale.y(level):.1f}H{scale.x(end + 0.3):.1f}"
        for start, end, level in zip(starts, ends, levels, strict=True)
    )


def _alternative(metric: str, line: Line) -> str:
    spell = spelling(metric)
    first, last = line.measured[0], line.measured[-1]
    values = [point.figure.value for point in line.measured if point.figure is not None]
    text = (
        f"{metric_words(metric)} of {numbered(len(values), 'run')} from {day(first.run)} to {day(last.run)}, "
    )
    text += f"between {spell(min(values))} and {spell(max(values))}, {spell(values[-1])} in the newest."
    changes = " ".join(tell(metric, line, step) for step in line.steps)
    return f"{text[:1].upper()}{text[1:]} {changes or 'No change is shown.'}"


def _path(parent: ET.Element, kind: str, path: str) -> ET.Element:
    return ET.SubElement(parent, "path", {"class": kind, "d": path}) if path else ET.Element("path")


def _text(
    parent: ET.Element, kind: str, x: float, y: float, text: str, *, anchor: str = "start"
) -> ET.Element:
    values = {"class": kind, "x": f"{x:.1f}", "y": f"{y:.1f}"}
    element = ET.SubElement(parent, "text", values | ({"text-anchor": anchor} if anchor != "start" else {}))
    element.text = text
    return element


def drawn_places(line: Line, most: int) -> tuple[int, ...]:
    """Return the points that get a dot: the newest ones, and those beside each change.

    Args:
        line: whose points they are.
        most: about so many; those beside changes come on top.
    """
    count = len(line.points)
    beside = {place for step in line.steps for place in (step.change.before, step.change.after)}
    return tuple(place for place in range(count) if place >= count - most or place in beside)
