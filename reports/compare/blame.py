"""What is behind a metric that changed between two sides of one variant, in one sentence."""

from __future__ import annotations

import math
import re
import statistics
from typing import TYPE_CHECKING, Final

from benchsuite.comparison import MARGIN, timings, undisturbed_log_ratio, undisturbed_step_time_ns
from benchsuite.stacks import FRAME
from reports import format as fmt
from reports.compare.call_changes import call_profile, changed_calls, watched_step_ns
from reports.compare.memory_suspects import KINDS, suspect_memory
from reports.compare.metric_changes import AMOUNTS, COUNTS
from reports.compare.operator_changes import changed_operators
from reports.compare.suspicion import accuse, tell_files
from reports.compare.time_suspects import suspect_operators, suspect_time
from reports.profiles import profile_of
from reports.results import VariantResult

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchsuite.record import Record
    from reports.compare.call_changes import CallChange
    from reports.compare.operator_changes import OperatorCause

STEP_TIME: Final = "step_time"
COMPILED: Final = frozenset({"graph_breaks", "recompiles"})
RESUMED: Final = re.compile(r"torch_dynamo_resume_in_(?P<function>.+)_at_(?P<line>\d+)")
"""What torch.compile calls the rest of a function behind a graph break."""


def blame(
    metric: str,
    base_records: Sequence[Record],
    head_records: Sequence[Record],
    changed_files: Sequence[str] = (),
) -> str:
    """Say in one sentence what is behind a metric's change: the operator, function or line, and how much it explains.

    What explains less than nine tenths of the change is called probable; where nothing explains half of it, the sentence
    says that the cause is not clear.

    Args:
        metric: `step_time`, or one that the records hold.
        base_records: of one variant's first side, from its passes `operators`, `memory`, `calls` and `timing`; any may be missing.
        head_records: of its second side.
        changed_files: paths that differ between the sides, named where the cause is not clear.
    """
    base, head = _side(base_records), _side(head_records)
    before, after = _values(metric, base, head)
    if before is None or after is None or not _changed(metric, before, after):
        return accuse([], 0.0, fmt.plain, changed_files)
    grew = after > before
    causes, calls = (
        _operators(base, head, shown=metric == STEP_TIME),
        _calls(base, head, before + after if metric == STEP_TIME else 0.0),
    )
    if metric == STEP_TIME:
        found = suspect_time(causes, calls, max(before, after), after - before)
        return accuse(found, after - before, fmt.duration, changed_files)
    calls = calls or ()
    if metric in COMPILED and (broken := _breaks(calls, grew=grew)):
        files = tell_files(changed_files)
        return fmt.sentence(f"{broken}; {files}" if files else broken, capital=False)
    counted = [cause for cause in causes if cause.counted or cause.shapes_after]
    explained = sum(map(_operator_calls, counted)) if metric == "operators" else None
    by_operator = suspect_operators(_by_calls(counted, metric), calls, explained, grew=grew)
    found = suspect_memory(metric, base, head, grew=grew)
    if not any(suspicion.share_of(after - before) for suspicion in found) or metric not in KINDS:
        found = [*found, *([by_operator] if by_operator else [])]
    _one, many = COUNTS.get(metric, ("", ""))
    return accuse(found, after - before, _spelling(metric), changed_files, many)


def _side(records: Sequence[Record]) -> VariantResult:
    """Put one side's records together as reports know them."""
    first = records[0] if records else None
    return VariantResult(
        id=first.variant if first else "",
        label="",
        settings=first.settings if first else {},
        context=first.context if first else {},
        changes={},
        baseline=True,
        outcome="completed",
        reason="",
        trials=tuple(record for record in records if record.outcome == "completed"),
        comparison=None,
    )


def _values(metric: str, base: VariantResult, head: VariantResult) -> tuple[float | None, float | None]:
    if metric != STEP_TIME:
        return base.metric(metric), head.metric(metric)
    old, new = ({record.group: record for record in timings(side.trials)} for side in (base, head))
    if not (old and new):
        return watched_step_ns(base.trials), watched_step_ns(head.trials)
    before, after = (
        statistics.median(map(undisturbed_step_time_ns, records.values())) for records in (old, new)
    )
    # What moves the machine from pair to pair moves both sides of one.
    pairs = [(old[group], new[group]) for group in old.keys() & new.keys()]
    if ratios := [undisturbed_log_ratio(old, new) for old, new in pairs if old.turns and new.turns]:
        after = before * math.exp(statistics.median(ratios))
    return before, after


def _changed(metric: str, before: float, after: float) -> bool:
    floor = MARGIN * before if metric == STEP_TIME else 1e-6 * abs(before)
    return abs(after - before) > floor


def _operators(base: VariantResult, head: VariantResult, *, shown: bool) -> tuple[OperatorCause, ...]:
    old, new = profile_of(base), profile_of(head)
    return (
        changed_operators(old, new, shown=shown)
        if old.rows and new.rows and old.step_ns and new.step_ns
        else ()
    )


def _calls(base: VariantResult, head: VariantResult, timed_ns: float) -> tuple[CallChange, ...] | None:
    """Return the calls that changed, at the pace of the timed steps of both sides together; None: not counted on both."""
    old, new = call_profile(base.trials), call_profile(head.trials)
    if old is None or new is None:
        return None
    plain_ns = old.plain_ns + new.plain_ns
    return changed_calls(old, new, timed_ns / plain_ns if timed_ns and plain_ns else 1.0)


def _by_calls(causes: Sequence[OperatorCause], metric: str) -> Sequence[OperatorCause]:
    """Return what matters most to a count first."""
    if metric != "operators":
        return causes
    return sorted(
        (cause for cause in causes if cause.counted), key=lambda cause: -abs(_operator_calls(cause))
    )


def _operator_calls(cause: OperatorCause) -> float:
    """Return by how much an operator's calls grew; of autograd's nodes, kernels and the like none are counted."""
    namespace, colons, _name = cause.name.partition("::")
    return (
        cause.calls_after - cause.calls_before if colons and namespace not in {"autograd", "torch"} else 0.0
    )


def _breaks(calls: Sequence[CallChange], *, grew: bool) -> str:
    """Say where compiled code is left: the functions behind a graph break have names that tell."""
    for call in calls:
        found = RESUMED.search(call.function)
        frame = FRAME.fullmatch(call.function)
        if found and frame and call.counted and (call.calls_after > call.calls_before) == grew:
            place = f"`{found['function']}` ({frame['file']}:{found['line']})"
            return f"{place} {'leaves' if grew else 'no longer leaves'} the compiled code"
    return ""


def _spelling(metric: str) -> Callable[[float], str]:
    return fmt.size if metric in AMOUNTS or metric.endswith(("_bytes", "_leak", "_allocated")) else fmt.count
