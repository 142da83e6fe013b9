"""Which operators changed between two profiles of one variant, and how much step time each explains."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from benchsuite.record import OperatorRow

Clock: TypeAlias = Literal["CPU", "device"]
"""Whose time explains the step's: the launching thread's, or the accelerator's."""

SHARE_OF_STEP = 0.02
"""Time below this share of the longer step is not told of a single operator."""
SHARE_OF_OWN = 0.2
"""An operator with the same calls on the same shapes must have changed its own time by this share to be named."""
SAME_COUNT = 1e-6
DISTURBED = 1.25
"""Own times that add up to more than this many plain steps were taken on a machine that was slower meanwhile."""
BUSY_SHARE = 0.5
"""An accelerator that works for this share of the CPU's time, waits included, is what a step waits for."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A variant's operator table, with what is needed to set its times beside those of a plain step."""

    rows: tuple[OperatorRow, ...]
    step_ns: float
    """The timed step, without a profiler."""
    plain_ns: float = 0.0
    """The step in the profiled process before the profiler was on; 0: not known."""
    overhead: float = 0.0
    """Profiled step time / that plain step time - 1; 0 where it was not measured."""
    operators: float | None = None
    """All operators called in a step, those that the table left out included; None: not known."""
    rows_dropped: float = 0.0
    """So many rows, those with the least time, did not fit in the table."""

    @property
    def reference_ns(self) -> float:
        """The step that the table's times, once freed of the profiler's cost, are part of."""
        return self.plain_ns or self.step_ns


@dataclass(frozen=True, slots=True)
class OperatorCause:
    """An operator or kernel that changed, its rows added up over shapes; figures of one step."""

    name: str
    calls_before: float
    calls_after: float
    counted: bool
    """Whether the number of calls changed for certain; False: the same calls changed their time or shapes."""
    shapes_before: str
    """The shapes that most of the changed time was spent on; both are empty where shapes are the same or not known."""
    shapes_after: str
    explained_ns: float
    """How much longer the step takes for it, below 0: shorter."""


@dataclass(frozen=True, slots=True)
class _Total:
    calls: float = 0.0
    has_cpu_time: bool = False
    calls_by_shapes: tuple[tuple[str, float], ...] = ()


def changed_operators(before: Profile, after: Profile, *, shown: bool) -> tuple[OperatorCause, ...]:
    """Name the operators that changed, those that explain most first.

    Counts are exact: every change of calls or shapes is named, and its time is told. Where a table was cut
    to its dearest rows, a change of calls is certain if it is larger than the calls that the other table
    lacks. An operator with the same calls on the same shapes is named if the step's change is shown and the
    operator's is at least 2 % of the longer step and 20 % of its own longer time, and neither profile was disturbed.

    Args:
        before: the profile of the first run.
        after: that of the second.
        shown: whether the step times differ by more than noise.
    """
    clock = clock_of(before, after)
    by_operator = clock == "CPU" or (
        _operators_have_device_time(before) and _operators_have_device_time(after)
    )
    times_before = plain_times(before, clock, by_operator=by_operator)
    times_after = plain_times(after, clock, by_operator=by_operator)
    totals_before, totals_after = _totals(before.rows), _totals(after.rows)
    missing_before, missing_after = _missing_calls(before), _missing_calls(after)
    cut = bool(missing_before or missing_after or before.rows_dropped or after.rows_dropped)
    floor_ns = SHARE_OF_STEP * max(before.step_ns, after.step_ns)
    told_by_time = shown and not (is_disturbed(before) or is_disturbed(after))
    found = []
    for name in {**totals_before, **totals_after}:
        old, new = totals_before.get(name, _Total()), totals_after.get(name, _Total())
        old_ns, new_ns = times_before.get(name, 0.0), times_after.get(name, 0.0)
        unseen = missing_before if new.calls > old.calls else missing_after
        counted = _calls_differ(old, new, unseen, cut=cut)
        shapes = ("", "") if counted or cut else _changed_shapes(old, new)
        explained_ns = new_ns - old_ns
        beyond_noise = abs(explained_ns) >= max(floor_ns, SHARE_OF_OWN * max(old_ns, new_ns))
        if counted or any(shapes) or (told_by_time and beyond_noise):
            found.append(OperatorCause(name, old.calls, new.calls, counted, *shapes, explained_ns))
    return tuple(sorted(found, key=lambda cause: (-abs(cause.explained_ns), cause.name)))


def clock_of(before: Profile, after: Profile) -> Clock:
    """Say whose time explains the step's: the device's where it is busy for half of the CPU's time in both."""
    busy = all(
        device > 0 and device >= BUSY_SHARE * cpu
        for device, cpu in ((_device_ns(profile), _cpu_ns(profile)) for profile in (before, after))
    )
    return "device" if busy else "CPU"


def is_disturbed(profile: Profile) -> bool:
    """Say whether the operators' own times on the CPU are too long to be those of the timed step.

    The passes run beside each other and are not repeated, so a busy machine shows in them.
    """
    return sum(_own_cpu_times(profile).values()) > DISTURBED * profile.reference_ns


def plain_times(profile: Profile, clock: Clock, *, by_operator: bool) -> dict[str, float]:
    """Return each operator's own time a step in ns as it would be without a profiler.

    A profiler's cost is one for each call, so on the CPU each call gives back an equal share of the
    step's overhead; device times have no such cost. What is left is scaled by the timed step over the plain
    step of the profiled process, and scaled down where it is longer than the timed step: own times do not
    overlap, so together they are no longer than the step.

    Args:
        profile: rows and step time of one run.
        clock: whose time.
        by_operator: whether device time is taken from the operators' rows; else from the kernels' own. One
            kernel's time may stand in both.
    """
    own = _own_cpu_times(profile) if clock == "CPU" else _own_device_times(profile, by_operator=by_operator)
    scale = profile.step_ns / max(profile.reference_ns, sum(own.values()))
    return {name: scale * time_ns for name, time_ns in own.items()}


def _own_cpu_times(profile: Profile) -> dict[str, float]:
    calls = sum(row.calls for row in profile.rows if _on_cpu(row))
    per_call_ns = max(0.0, profile.overhead) * profile.reference_ns / calls if calls else 0.0
    found: dict[str, float] = defaultdict(float)
    for row in profile.rows:
        found[row.name] += max(0.0, row.self_cpu_ns - row.calls * per_call_ns)
    return found


def _own_device_times(profile: Profile, *, by_operator: bool) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for row in profile.rows:
        if _on_cpu(row) == by_operator:
            found[row.name] += row.self_device_ns
    return found


def _totals(rows: Iterable[OperatorRow]) -> dict[str, _Total]:
    by_name: dict[str, list[OperatorRow]] = defaultdict(list)
    for row in rows:
        by_name[row.name].append(row)
    return {name: _total(members) for name, members in by_name.items()}


def _total(rows: list[OperatorRow]) -> _Total:
    calls: dict[str, float] = defaultdict(float)
    # The dearest shapes first: they are told where shapes changed.
    for row in sorted(rows, key=lambda row: -max(row.self_cpu_ns, row.self_device_ns)):
        calls[row.shapes] += row.calls
    return _Total(sum(calls.values()), any(map(_on_cpu, rows)), tuple(calls.items()))


def _calls_differ(old: _Total, new: _Total, unseen: float, *, cut: bool) -> bool:
    """Say whether calls changed by more than the table with fewer of them may have left out."""
    change = abs(new.calls - old.calls)
    if cut and not (old.has_cpu_time or new.has_cpu_time):
        return False  # it is not known how many kernels were left out
    return change > unseen + SAME_COUNT * max(1.0, old.calls, new.calls)


def _changed_shapes(old: _Total, new: _Total) -> tuple[str, str]:
    before, after = dict(old.calls_by_shapes), dict(new.calls_by_shapes)
    if "" in before or "" in after:
        return "", ""
    return _first_more(before, after), _first_more(after, before)


def _first_more(of: Mapping[str, float], than: Mapping[str, float]) -> str:
    return next((shapes for shapes, calls in of.items() if calls > than.get(shapes, 0.0) + SAME_COUNT), "")


def _missing_calls(profile: Profile) -> float:
    if profile.operators is None:
        return 0.0
    listed = sum(row.calls for row in profile.rows if _is_operator(row))
    missing = profile.operators - listed
    return missing if missing > SAME_COUNT * max(1.0, listed) else 0.0


def _is_operator(row: OperatorRow) -> bool:
    """Tell operators, as the metric of that name counts them, from autograd's nodes, runtime calls and kernels."""
    namespace, colons, _name = row.name.partition("::")
    return bool(colons) and namespace not in {"autograd", "torch"} and _on_cpu(row)


def _on_cpu(row: OperatorRow) -> bool:
    """Tell what the CPU did from kernels and copies on a device."""
    return row.total_cpu_ns > 0 or row.self_cpu_ns > 0 or row.self_device_ns <= 0


def _operators_have_device_time(profile: Profile) -> bool:
    return any(row.self_device_ns > 0 and _on_cpu(row) for row in profile.rows)


def _cpu_ns(profile: Profile) -> float:
    return sum(row.self_cpu_ns for row in profile.rows)


def _device_ns(profile: Profile) -> float:
    own = sum(row.self_device_ns for row in profile.rows if not _on_cpu(row))
    return own or sum(row.self_device_ns for row in profile.rows)
