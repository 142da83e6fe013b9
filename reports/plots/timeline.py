"""The timeline of a step: what the host and the device did, and when, of the baseline and of the fastest variant."""

from __future__ import annotations

import heapq
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator

from reports import format as fmt
from reports.findings import baseline_and_fastest
from reports.plots.figure import Plot, axis_format, data_table, short, to_svg
from reports.plots.label_places import text_width
from reports.plots.svg import BLUE, GREEN, ORANGE, PAPER, PURPLE, SKY, VERMILLION, WIDTH_INCHES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes

    from benchsuite.record import Lane, Span
    from reports.results import ContextResult, VariantResult

COLOURS: dict[Lane, str] = {
    "operators": BLUE,
    "backward": PURPLE,
    "optimizer": SKY,
    "waits": ORANGE,
    "kernels": GREEN,
    "copies": VERMILLION,
}
"""Of the lanes, from top to bottom."""
MOST_SPANS = 110
"""Drawn of one variant, the longest; what is shorter would hardly be seen."""
MOST_ROWS = 12
"""Of the table, for each variant."""
LONGEST_NS = 10**13
"""No step takes hours: what says so is no span."""
SAME_SCALE = 8.0
"""Steps that differ by more each have a scale of their own."""
LEFT, RIGHT, LANE, TITLE, AXIS, BOTTOM = 68.0, 24.0, 19.0, 26.0, 18.0, 20.0
"""Margins, and heights of a lane, a title, the numbers below an axis and its name, in points."""
LABEL_SIZE = 8.5
EDGE_FROM = 2.5
"""Spans of so many points have an edge that tells them from their neighbours."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a variant, in lanes."""

    variant: VariantResult
    spans: tuple[Span, ...]

    @property
    def end_ns(self) -> int:
        """When the last span ends."""
        return max(span.start_ns + span.duration_ns for span in self.spans)

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """The lanes in which something happens, from top to bottom."""
        return tuple(lane for lane in COLOURS if any(span.lane == lane for span in self.spans))

    def busy_ns(self, lane: Lane) -> int:
        """Return the sum of a lane's spans."""
        return sum(span.duration_ns for span in self.spans if span.lane == lane)


def steps_of(context: ContextResult) -> tuple[Step, ...]:
    """Return the steps to be shown: of the baseline and of the fastest variant, else of the first that has one.

    Spans of unknown lanes, or outside of any step, are left out.
    """
    shown = [variant for variant in baseline_and_fastest(context) if variant.timeline]
    shown = shown or [variant for variant in context.variants if variant.timeline][:1]
    found = [Step(variant, _sound(variant.timeline)) for variant in shown]
    return tuple(step for step in found if step.spans)


def timeline_plot(context: ContextResult, prefix: str) -> Plot | None:
    """Draw a step in lanes; None where the operator pass has left no timeline."""
    steps = steps_of(context)
    if not steps:
        return None
    longest = max(step.end_ns for step in steps)
    shared = longest <= SAME_SCALE * min(step.end_ns for step in steps)
    heights = [TITLE + LANE * len(step.lanes) + AXIS for step in steps]
    total = sum(heights) + BOTTOM
    figure = Figure(figsize=(WIDTH_INCHES, total / 72))
    width = 72 * WIDTH_INCHES - LEFT - RIGHT
    top = total
    for step, height in zip(steps, heights, strict=True):
        bottom = (top - height + AXIS) / total
        area = (LEFT / 72 / WIDTH_INCHES, bottom, width / 72 / WIDTH_INCHES, LANE * len(step.lanes) / total)
        _draw(figure.add_axes(area), step, longest if shared else step.end_ns, width)
        top -= height
    figure.axes[-1].set_xlabel("time since the step began, under the profiler", labelpad=3)
    head = f", {context.label}" if context.label else ""
    words = [
        f"{short(step.variant.label, 60)}: "
        + ", ".join(f"{lane} {fmt.duration(step.busy_ns(lane))}" for lane in step.lanes)
        for step in steps
    ]
    alt = f"Timeline of a step{head}: {'; '.join(words)}."
    reading = (
        "One profiled step, from left to right. The host's operators stand without what they call within themselves; those "
        "of the backward pass and of the optimizer have lanes of their own. Gaps are Python, the profiler, or waiting."
    )
    if any(lane in {"kernels", "copies"} for step in steps for lane in step.lanes):
        reading += " Kernels and copies belong to the step that has launched them: where they are dense, the GPU limits it."
    if not shared:
        reading += " Each step has a scale of its own."
    if left := sum(_left_out(step) for step in steps):
        reading += f" {left} shorter spans are not drawn."
    rows = [row for step in steps for row in _rows(step)]
    titles = ("Variant", "What", "Lane", "Spans", "Begins after", "Takes together")
    data = data_table(titles, rows)
    return Plot(f"Timeline of a step{head}", to_svg(figure, f"{prefix}-timeline", alt), reading, data)


def label_for(name: str, room: float) -> str:
    """Return as much of an operator's or a kernel's name as has room, in points; empty: nothing that would say anything."""
    bare = fmt.name(name).removeprefix("aten::")
    last = bare.partition("<")[0].partition("(")[0].rpartition("::")[2]
    return next((text for text in (bare, last) if text and text_width(text, LABEL_SIZE) <= room), "")


def _draw(axes: Axes, step: Step, end_ns: float, width: float) -> None:
    axes.set_title(short(step.variant.label, 52), pad=5)
    axes.set_xlim(0, end_ns)
    axes.set_ylim(len(step.lanes) - 0.5, -0.5)
    axes.set_yticks(range(len(step.lanes)), step.lanes)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axis_format(axes.xaxis, fmt.duration)
    points_per_ns = width / end_ns
    drawn = heapq.nlargest(MOST_SPANS, step.spans, key=lambda span: span.duration_ns)
    for place, lane in enumerate(step.lanes):
        spans = [span for span in drawn if span.lane == lane]
        wide = [span for span in spans if span.duration_ns * points_per_ns >= EDGE_FROM]
        _fill(axes, wide, place, COLOURS[lane], edge=0.6)
        _fill(axes, [span for span in spans if span not in wide], place, COLOURS[lane], edge=0.0)
        for span in _apart(wide):
            if text := label_for(span.name, span.duration_ns * points_per_ns - 4):
                middle = span.start_ns + span.duration_ns / 2
                axes.text(
                    middle,
                    place,
                    text,
                    ha="center",
                    va="center",
                    fontsize=LABEL_SIZE,
                    color=PAPER,
                    clip_on=True,
                )


def _fill(axes: Axes, spans: Iterable[Span], place: int, colour: str, *, edge: float) -> None:
    """Draw all spans of a lane as one path: hundreds of elements would make a page heavy."""
    corners: list[tuple[float, float]] = []
    for span in spans:
        left, right, upper, lower = (
            span.start_ns,
            span.start_ns + span.duration_ns,
            place - 0.36,
            place + 0.36,
        )
        corners += [(left, upper), (right, upper), (right, lower), (left, lower), (left, upper)]
    if corners:
        codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
        path = Path(corners, codes * (len(corners) // len(codes)))
        axes.add_patch(PathPatch(path, facecolor=colour, edgecolor=PAPER if edge else "none", linewidth=edge))


def _apart(spans: Iterable[Span]) -> list[Span]:
    """Return the spans that no other one of the lane overlaps, as those of several streams do: labels fit on these."""
    ordered = sorted(spans, key=lambda span: span.start_ns)
    found = []
    reached = 0
    for index, span in enumerate(ordered):
        end = span.start_ns + span.duration_ns
        following = ordered[index + 1].start_ns if index + 1 < len(ordered) else end
        if span.start_ns >= reached and following >= end:
            found.append(span)
        reached = max(reached, end)
    return found


def _rows(step: Step) -> list[tuple[str, ...]]:
    groups: dict[tuple[Lane, str], list[Span]] = defaultdict(list)
    for span in step.spans:
        groups[span.lane, span.name].append(span)
    ordered = sorted(groups.items(), key=lambda group: -sum(span.duration_ns for span in group[1]))
    label = fmt.name(step.variant.label)
    rows: list[tuple[str, ...]] = [
        (label, fmt.name(name), lane, *_amounts(spans)) for (lane, name), spans in ordered[:MOST_ROWS]
    ]
    if rest := [span for _group, spans in ordered[MOST_ROWS:] for span in spans]:
        rows.append((label, "all others", "", *_amounts(rest)))
    return rows


def _amounts(spans: Sequence[Span]) -> tuple[str, str, str]:
    begin = min(span.start_ns for span in spans)
    return str(len(spans)), fmt.duration(begin), fmt.duration(sum(span.duration_ns for span in spans))


def _left_out(step: Step) -> int:
    return int(step.variant.metric("timeline_spans_dropped") or 0) + max(0, len(step.spans) - MOST_SPANS)


def _sound(spans: Iterable[Span]) -> tuple[Span, ...]:
    return tuple(
        span
        for span in spans
        if span.lane in COLOURS
        and isinstance(span.name, str)
        and _is_time(span.start_ns)
        and _is_time(span.duration_ns)
        and span.duration_ns > 0
    )


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value < LONGEST_NS
