"""What may be behind a step that takes longer, or calls more operators: operators, and the author's functions that call them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reports import format as fmt
from reports.compare.call_changes import changed_functions
from reports.compare.suspicion import ENOUGH, Suspicion, at, called

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from reports.compare.call_changes import CallChange, FunctionChange
    from reports.compare.operator_changes import OperatorCause

MOST_BEYOND: Final = 1.5
"""An operator that takes longer by more than so many times the step's change was measured on a busy machine."""


def suspect_operators(
    causes: Sequence[OperatorCause],
    calls: Sequence[CallChange],
    explained: float | None,
    *,
    grew: bool,
    sure: bool = True,
) -> Suspicion | None:
    """Suspect the operators that changed, together with the line that calls them; None: none did.

    Args:
        causes: the operators that changed, what explains most first.
        calls: all calls that changed.
        explained: how much they explain together; None: not known.
        grew: the direction of the metric's change.
        sure: whether that much is explained by these operators for certain.
    """
    if not causes:
        return None
    certain = [cause for cause in causes if cause.counted or cause.shapes_after]
    caller = _caller_of(certain or causes, calls, grew=grew)
    lead = _lead(certain or causes, caller)
    further = len(certain) - 1
    aside = (
        f"{further} more {'operator has' if further == 1 else 'operators have'} changed"
        if further > 0
        else ""
    )
    slower = next((cause for cause in causes if cause not in certain), None)
    if certain and slower and abs(slower.explained_ns) > abs(sum(cause.explained_ns for cause in certain)):
        also = f"{fmt.name(slower.name)} takes {_longer(slower.explained_ns)} on as many calls"
        aside = f"{also}, {aside}" if aside else also
    where = _tell_caller(caller, _base(lead.name)) if caller else ""
    return Suspicion(f"{_tell_operator(lead)}{where}", explained, aside, sure=sure and bool(certain))


def suspect_function(found: FunctionChange, *, operators_changed: bool) -> Suspicion:
    """Suspect one of the author's functions, by what explains most of its change."""
    lead = found.lead
    caller = f", from {at(lead.caller)}" if lead.caller else ""
    name = at(lead.function)
    if lead.counted:
        what = f"{name} is called {called(lead.calls_before, lead.calls_after)}{caller}"
    elif lead.is_authors:
        operators = "" if operators_changed else ", with the same operators"
        what = f"{name} takes {_longer(lead.explained_ns)} by itself{operators}{caller}"
    else:
        what = f"{name} takes {_longer(lead.explained_ns)}, called as often as before{caller}"
    return Suspicion(what, found.explained_ns)


def suspect_time(
    causes: Sequence[OperatorCause], calls: Sequence[CallChange] | None, step_ns: float, change_ns: float
) -> list[Suspicion]:
    """Return what may be behind a step that takes longer, or shorter.

    Args:
        causes: of the operator passes.
        calls: of the passes that counted calls; None: there are none.
        step_ns: the longer step.
        change_ns: by how much the step takes longer.
    """
    longer = change_ns > 0
    counted = [cause for cause in causes if cause.counted or cause.shapes_after]
    functions = changed_functions(calls or (), step_ns, longer=longer)
    top = functions[0] if functions else None
    explained_ns = sum(cause.explained_ns for cause in counted)
    found = []
    if top and not top.lead.is_authors and _matches(top.lead, counted):
        # One and the same: what native code takes beside its operators is part of it.
        explained_ns = max(explained_ns, top.explained_ns, key=lambda ns: ns if longer else -ns)
    elif top:
        found.append(suspect_function(top, operators_changed=bool(counted)))
    if not counted or explained_ns / change_ns < ENOUGH:
        slower = [cause for cause in causes if cause not in counted and _is_credible(cause, calls, change_ns)]
        explained_ns += sum(cause.explained_ns for cause in slower)
        counted += slower
    sure = True
    if any(cause.counted or cause.shapes_after for cause in counted):
        # The other pass's view of all torch's native code, these operators and others, where the profile was disturbed.
        native_ns = sum(call.explained_ns for call in calls or () if call.is_torch)
        sure = explained_ns / change_ns >= ENOUGH
        if not sure:
            explained_ns = max(explained_ns, native_ns, key=lambda ns: ns if longer else -ns)
    by_operator = suspect_operators(counted, calls or (), explained_ns, grew=longer, sure=sure)
    return [*found, by_operator] if by_operator else found


def _is_credible(cause: OperatorCause, calls: Sequence[CallChange] | None, change_ns: float) -> bool:
    """Whether an operator that is called as before can be behind a change.

    Each pass runs once, so a busy machine shows in its times: it must not take longer by much more than the step does, and
    where calls were counted, torch's native code must have become slower in that pass too.
    """
    share = cause.explained_ns / change_ns
    if not 0 < share < MOST_BEYOND:
        return False
    if calls is None:
        return True
    native_ns = sum(call.explained_ns for call in calls if call.is_torch)
    return native_ns / cause.explained_ns >= ENOUGH


def _caller_of(
    causes: Iterable[OperatorCause], calls: Sequence[CallChange], *, grew: bool
) -> CallChange | None:
    """Return the call that the operators come from: one of their name, else torch's code that is called more often."""
    along = [
        call
        for call in calls
        if call.caller
        and not call.is_authors
        and (_calls_more(call) if call.counted else call.explained_ns > 0) == grew
    ]
    kinds: tuple[Callable[[CallChange], bool], ...] = (
        lambda call: call.counted and _matches(call, causes),
        lambda call: _matches(call, causes),
        lambda call: call.counted and call.is_torch,
        lambda call: call.is_torch,
    )
    return next((call for kind in kinds for call in along if kind(call)), None)


def _lead(causes: Sequence[OperatorCause], caller: CallChange | None) -> OperatorCause:
    """Return the operator that is named: the one that the author's line calls, else the one that explains most."""
    if caller is not None:
        named = [cause for cause in causes if _base(cause.name) == _base(caller.function)]
        if named:
            return named[0]
    return causes[0]


def _tell_operator(cause: OperatorCause) -> str:
    name = fmt.name(cause.name)
    if cause.counted:
        return f"{name} is called {called(cause.calls_before, cause.calls_after)}"
    if cause.shapes_after:
        return (
            f"{name} works on [{fmt.name(cause.shapes_after)}] instead of [{fmt.name(cause.shapes_before)}]"
        )
    return f"{name} takes {_longer(cause.explained_ns)}, called as often as before"


def _tell_caller(call: CallChange, operator: str) -> str:
    where = f", from {at(call.caller)}"
    if call.counted:
        return f"{where}, which calls {at(call.function)} {called(call.calls_before, call.calls_after)}"
    return where if _base(call.function) == operator else f"{where}, which calls {at(call.function)}"


def _matches(call: CallChange, causes: Iterable[OperatorCause]) -> bool:
    return call.is_torch and _base(call.function) in {_base(cause.name) for cause in causes}


def _calls_more(call: CallChange) -> bool:
    return call.calls_after > call.calls_before


def _base(name: str) -> str:
    return name.rpartition("::")[2].rpartition(".")[2]


def _longer(explained_ns: float) -> str:
    return f"{fmt.duration(abs(explained_ns))} {'longer' if explained_ns > 0 else 'less'}"
