"""What a workload says of itself once its steps are done: checks, metrics and curves, as a record holds them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from benchsuite.demands import demand_text, number, shown
from benchsuite.scenario import Check

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchsuite.scenario import Workload


def checks(workload: Workload) -> list[dict[str, Any]]:
    """Run the workload's check; a check that returns nothing proves nothing and does not pass.

    Raises:
        TypeError: it returned something else than checks.
    """
    found = list(workload.check())
    if not found or not all(isinstance(check, Check) for check in found):
        raise TypeError("the check returned no benchsuite.Check: return a list of at least one")
    return [
        {
            "name": check.name,
            "value": check.value if math.isfinite(check.value) else None,
            "limit": check.limit,
            "direction": check.direction,
            "ok": check.ok,
        }
        for check in found
    ]


def metrics(named: Mapping[str, float]) -> dict[str, float]:
    """Return the metrics that are finite.

    Raises:
        TypeError: a name is no string, or a value no number.
        ValueError: a value is too large.
    """
    found = {}
    for name, value in named.items():
        demand_text("a metric's name", name)
        found[name] = number(f"metric {shown(name)}", value)
    return {name: value for name, value in found.items() if math.isfinite(value)}


def series(named: Mapping[str, Sequence[tuple[float, float]]]) -> dict[str, list[tuple[float, float]]]:
    """Return the curves without the points that are not finite.

    Raises:
        TypeError: a name is no string, or a point no pair of numbers.
        ValueError: a number is too large.
    """
    found = {}
    for name, points in named.items():
        demand_text("a curve's name", name)
        pairs = [_point(f"curve {shown(name)}", point) for point in points]
        found[name] = [(x, y) for x, y in pairs if math.isfinite(x) and math.isfinite(y)]
    return found


def _point(what: str, point: object) -> tuple[float, float]:
    if not isinstance(point, tuple | list) or len(point) != 2:  # noqa: PLR2004 - x and y
        raise TypeError(f"{what} has the point {shown(point)}: a pair (x, y) is needed")
    x, y = (number(f"{what}: a coordinate", value) for value in point)
    return x, y
