"""Matplotlib figures as inline SVG that follows the page's theme.

A figure is drawn in stand-in colours, which become CSS variables of the page. Inline styles become
presentation attributes, since the page's Content-Security-Policy allows no style attributes; text
stays text, and ids are made unique to the plot.
"""

from __future__ import annotations

import io
import itertools
import re
import warnings
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from matplotlib.axes import Axes

INK, MUTED, LINE, PAPER = "#101112", "#707172", "#d0d1d2", "#fdfeff"
BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
)
"""Okabe and Ito's palette: told apart with every common colour blindness."""
PALETTE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
MARKERS = ("o", "s", "^", "D", "v", "P")
VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    LINE: "var(--line)",
    PAPER: "var(--card)",
    BLUE: "var(--blue)",
    VERMILLION: "var(--vermillion)",
    GREEN: "var(--green)",
    PURPLE: "var(--purple)",
    ORANGE: "var(--orange)",
    SKY: "var(--sky)",
}
SVG = "http://www.w3.org/2000/svg"
XLINK_HREF = "{http://www.w3.org/1999/xlink}href"
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "benchsuite",
    "text.parse_math": False,
    "axes.unicode_minus": True,
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titlepad": 12,
    "axes.labelsize": 9.5,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.linewidth": 0.8,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
}
STYLE_ATTRIBUTES = {"fill", "stroke", "opacity", "text-anchor", "clip-path", "font-weight", "font-style"}
FINE_DIGITS = re.compile(r"(\.\d\d)\d+")
"""What stands behind a hundredth of a point: half of a plot's bytes, and nobody sees it."""
PAINT = ("fill", "fill-opacity", "stroke", "stroke-opacity", "stroke-width")
"""What a group may say for all that is in it."""
MANY_DOTS = 15
DISC = re.compile(r"M0 (\d+\.\d+)C")
"""How matplotlib begins to draw a round marker: at its radius."""
WIDTH_INCHES = 5.6


def new_axes(height: float) -> tuple[Figure, Axes]:
    """Return a figure of the page's width with one pair of axes; to be used within `drawing`."""
    figure = Figure(figsize=(WIDTH_INCHES, height), layout="constrained")
    return figure, figure.add_subplot()


def drawing() -> AbstractContextManager[None]:
    """Return the context in which figures are drawn and saved."""
    return mpl.rc_context(STYLE)


def to_svg(figure: Figure, name: str, alt: str) -> str:
    """Return a figure as an `<svg>` element with a text alternative.

    Args:
        figure: what was drawn within `drawing`.
        name: prefix of the element's ids, letters, digits and dashes alone.
        alt: what the plot shows, for those who cannot see it.
    """
    buffer = io.StringIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # the browser has its own fonts
        FigureCanvasSVG(figure)  # becomes the figure's canvas
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    root = ET.fromstring(buffer.getvalue())  # noqa: S314 - matplotlib wrote it, with names escaped
    _drop_metadata(root)
    _rename_ids(root, name)
    for element in root.iter():
        _restyle(element)
    for element in root.iter(f"{{{SVG}}}g"):
        _share_paint(element)
    _join_dots(root)
    for size in ("width", "height", "version"):
        root.attrib.pop(size, None)
    title = ET.Element(f"{{{SVG}}}title", {"id": f"{name}-title"})
    title.text = alt
    root.insert(0, title)
    root.attrib.update({"role": "img", "aria-labelledby": f"{name}-title", "class": "plot"})
    return _serialise(root)


def _drop_metadata(root: ET.Element) -> None:
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag == f"{{{SVG}}}style" or child.tag.endswith("metadata"):
                parent.remove(child)


def _rename_ids(root: ET.Element, name: str) -> None:
    """Keep the ids that are referred to, numbered under a prefix; matplotlib names every group."""
    used: dict[str, str] = {}
    short = itertools.count()

    def renamed(own: str) -> str:
        if own not in used:
            used[own] = f"{name}-{next(short)}"
        return used[own]

    for element in root.iter():
        if (target := element.attrib.pop(XLINK_HREF, "")).startswith("#"):
            element.set("href", f"#{renamed(target[1:])}")
        for key, value in element.attrib.items():
            element.set(key, re.sub(r"url\(#([^)]+)\)", lambda found: f"url(#{renamed(found[1])})", value))
    for element in root.iter():
        if (own := element.attrib.pop("id", None)) in used:
            element.set("id", used[own])


def _restyle(element: ET.Element) -> None:
    for key in ("d", "x", "y", "transform"):
        if key in element.attrib:
            element.set(key, FINE_DIGITS.sub(r"\1", element.attrib[key]))
    if path := element.attrib.get("d"):
        element.set("d", re.sub(r"\s*([A-Za-z])\s*", r"\1", path).strip())
    for key, value in _declarations(element.attrib.pop("style", "")):
        if key in {"font", "font-size"}:
            _set_font(element, value)
        elif key in STYLE_ATTRIBUTES or key.startswith(("stroke-", "fill-")):
            element.set(key, value)
    for key in ("fill", "stroke"):
        if (colour := element.attrib.get(key, "").lower()) in VARIABLES:
            element.set(key, VARIABLES[colour])
    if element.tag == f"{{{SVG}}}text" and "fill" not in element.attrib:
        element.set("fill", VARIABLES[INK])


def _share_paint(group: ET.Element) -> None:
    """Say once for a group of markers how all of them are painted."""
    if len(group) == 0 or any(child.tag != f"{{{SVG}}}use" for child in group):
        return
    for key in PAINT:
        values = {marker.attrib.get(key) for marker in group}
        if key not in group.attrib and len(values) == 1 and (value := values.pop()):
            group.set(key, value)
            for marker in group:
                del marker.attrib[key]


def _join_dots(root: ET.Element) -> None:
    """Draw a group of many equal dots as one path: a line without length and with a round end each, a quarter of the bytes."""
    markers = {
        f"#{path.get('id')}": path.get("d", "") for path in root.iter(f"{{{SVG}}}path") if path.get("id")
    }
    for group in root.iter(f"{{{SVG}}}g"):
        dots = list(group)
        if len(dots) < MANY_DOTS or "fill" not in group.attrib or "stroke" in group.attrib:
            continue
        shapes = {dot.get("href", "") for dot in dots}
        radius = DISC.match(markers.get(shapes.pop(), "")) if len(shapes) == 1 else None
        if radius is None or any(dot.attrib.keys() != {"x", "y", "href"} for dot in dots):
            continue
        path = ET.Element(
            f"{{{SVG}}}path", {"class": "dots", "fill": "none", "stroke": group.attrib.pop("fill")}
        )
        path.set("d", "".join(f"M{dot.get('x')} {dot.get('y')}h0" for dot in dots))
        path.set("stroke-width", f"{2 * float(radius[1]):.2f}")
        if opacity := group.attrib.pop("fill-opacity", None):
            path.set("stroke-opacity", opacity)
        group[:] = [path]


def _declarations(style: str) -> Iterator[tuple[str, str]]:
    for declaration in style.split(";"):
        key, colon, value = declaration.partition(":")
        if colon:
            yield key.strip(), value.strip()


def _set_font(element: ET.Element, font: str) -> None:
    if found := re.search(r"([\d.]+)px", font):
        element.set("font-size", found[1])
    if "bold" in font or "700" in font or "600" in font:
        element.set("font-weight", "600")


def _serialise(root: ET.Element) -> str:
    ET.register_namespace("", SVG)
    text = ET.tostring(root, encoding="unicode")
    return re.sub(r"\n\s*", "\n", text)
