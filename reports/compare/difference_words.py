"""The difference of two runs in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from reports import format as fmt
from reports.compare.metric_changes import spell_counts, tell_metric
from reports.compare.operator_changes import SHARE_OF_STEP

if TYPE_CHECKING:
    from benchsuite.statistics import Interval
    from reports.compare.difference import RunDifference, VariantDifference
    from reports.compare.operator_changes import OperatorCause

MOST_OPERATORS: Final = 8
"""So many operators get a line of their own."""
MOST_SMALL: Final = 16
"""So many of the operators that explain next to nothing are named; more are counted."""
HONESTY: Final = (
    "The runs were measured one after the other: unlike the comparisons within a run, step times hold whatever "
    "moved the machine between them."
)


def tell(difference: VariantDifference) -> tuple[str, ...]:
    """Return what changed in one variant, in sentences: the step time first, its causes by weight, then the rest."""
    telling = [cause for cause in difference.operators if _matters(cause, difference)]
    small = [cause for cause in difference.operators if cause not in telling[:MOST_OPERATORS]]
    sentences = [_tell_step_time(difference)]
    sentences += [
        f"{_tell_change(cause)} and {_tell_time(cause, difference)}" for cause in telling[:MOST_OPERATORS]
    ]
    if small:
        sentences.append(f"also: {fmt.some([_tell_change(cause) for cause in small], most=MOST_SMALL)}")
    sentences += map(tell_metric, difference.metrics)
    if difference.operators or difference.verdict != "open":
        sentences.append(_tell_rest(difference))
    return (*sentences, *difference.notes, *difference.cautions)


def has_changed(difference: VariantDifference) -> bool:
    """Whether there is anything to tell of a variant."""
    return bool(difference.causes or difference.notes) or difference.verdict != "open"


def tell_drift(run: RunDifference) -> str:
    """Say what the step times of two runs are worth beside each other."""
    if run.canary_ratio is None:
        return HONESTY
    return f"{HONESTY} The canary, a fixed workload, takes {_tell_percent(run.canary_ratio)} in B."


def _tell_step_time(difference: VariantDifference) -> str:
    text = f"{_time(difference.after)} a step instead of {_time(difference.before)}"
    if difference.verdict == "open":
        if not (math.isfinite(difference.before.high) and math.isfinite(difference.after.high)):
            return f"{text}: one round has no interval, so no change is claimed"
        return f"{text}: no change is shown"
    ratio = math.exp(difference.log_ratio)
    told = f"{text}: {fmt.duration(abs(difference.change_ns))} ({fmt.percent(abs(ratio - 1))}) {difference.verdict}"
    beside = difference.ratio_in_canaries
    return told if beside is None else f"{told}; relative to the canary, {_tell_percent(beside)}"


def _time(interval: Interval) -> str:
    around = fmt.duration_range(interval.low, interval.high)
    return fmt.duration(interval.value) + (f" ({around})" if around != fmt.NOTHING else "")


def _tell_percent(ratio: float) -> str:
    return f"{fmt.percent(abs(ratio - 1))} {'longer' if ratio >= 1 else 'shorter'}"


def _matters(cause: OperatorCause, difference: VariantDifference) -> bool:
    longer_ns = max(difference.before.value, difference.after.value)
    return abs(cause.explained_ns) >= SHARE_OF_STEP * longer_ns


def _tell_change(cause: OperatorCause) -> str:
    name = fmt.name(cause.name)
    if cause.counted:
        counts = spell_counts(cause.calls_before, cause.calls_after)
        times = "time" if cause.calls_after == 1 else "times"
        return f"{name} is called {counts[1]} {times} a step instead of {counts[0]}"
    if cause.shapes_after:
        return (
            f"{name} works on [{fmt.name(cause.shapes_after)}] instead of [{fmt.name(cause.shapes_before)}]"
        )
    return f"{name} is called as often as before"


def _tell_time(cause: OperatorCause, difference: VariantDifference) -> str:
    time = fmt.duration(abs(cause.explained_ns))
    longer = cause.explained_ns > 0
    if difference.verdict != "open" and longer == (difference.change_ns > 0):
        return f"explains {time} of {fmt.duration(abs(difference.change_ns))}"
    on = " on the device" if difference.clock == "device" else ""
    return f"takes {time} {'longer' if longer else 'less'} a step{on}"


def _tell_rest(difference: VariantDifference) -> str:
    return f"unattributed: {_signed(difference.unattributed_ns)}"


def _signed(ns: float) -> str:
    """Spell a time that may be below zero, with a sign that says so."""
    return f"{'-' if ns < 0 else ''}{fmt.duration(abs(ns))}"
