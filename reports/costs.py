"""Answers where speed is bought with something: memory for a larger batch, a dear first step, another resource."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from reports import format as fmt
from reports.findings import (
    KNEE_SHARE,
    MEMORY_METRICS,
    BreakEven,
    Field,
    Knee,
    Rival,
    fewest_rounds,
    find_break_evens,
    find_knee,
    memory_ratio,
)
from reports.phrases import (
    Statement,
    factor,
    labels,
    level,
    said,
    state,
    steps,
    subject,
    takes,
    told,
    unproven,
)
from reports.prices import price, prices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchsuite.statistics import Interval
    from reports.results import ContextResult, VariantResult

CLOSE_SHARE = 0.98
CACHE_WORDS = {"empty": "an empty compile cache", "filled": "a filled cache"}


def knee(context: ContextResult, field: Field, axis: str | None) -> Statement:
    """Name the smallest setting that reaches 90 % of the best throughput, and what the next one costs."""
    found = find_knee(field, axis)
    share = f"{100 * KNEE_SHARE:.0f} %"
    details = (_next_cost(found), _closer(found), _beyond(found), unproven(field))
    throughput = fmt.rate(found.at.variant.throughput.value) if found.at.variant.throughput else fmt.NOTHING
    if found.possible is found.certain:
        text = f"{found.at.label} is the smallest that reaches {share} of the best throughput measured: {throughput}"
        return state(context, "shown", text, *details)
    shown = fmt.rounds(fewest_rounds(field.rivals))
    text = (
        f"the smallest that reaches {share} of the best throughput measured lies between {found.possible.label} and "
        f"{found.certain.label}; {shown} could not narrow it further"
    )
    estimate = f"by the estimates it is {found.at.label} with {throughput}"
    return state(context, "open", text, estimate, *details)


def break_even(context: ContextResult, field: Field) -> Statement:
    """Say whether a dearer first step pays, and after how many steps."""
    found = find_break_evens(field)
    base = field.baseline
    faster = [rival for rival in field.rivals if rival.verdict == "faster"]
    details = (_graphs(field), unproven(field))
    if not faster:
        equals = [rival for rival in field.rivals if rival.verdict != "slower"]
        rest = told(
            field.rivals,
            lambda r: f"{said(r.variant)} runs at {factor(r.speedup)} the speed of {said(base)}",
        )
        if not equals:
            return state(context, "shown", f"it never pays: {rest}", *details)
        shown = fmt.rounds(fewest_rounds(equals))
        text = f"no gain that {shown} could show: {level(equals, base)}"
        lost = _others([rival for rival in field.rivals if rival not in equals], field)
        return state(context, "open", text, lost, prices(equals, base), *details)
    winner = max(faster, key=lambda rival: rival.speedup.value)
    costs = price(winner.variant, base)
    text = f"{subject(winner.variant)} is {factor(winner.speedup)} as fast as {said(base)}{costs}"
    if paid := _paid(winner, found):
        text += f"{',' if costs else ''} and has paid {paid}"
    others = _others([rival for rival in field.rivals if rival is not winner], field)
    return state(context, "shown", text, _first_steps(winner, found, field), others, *details)


def trade_off(context: ContextResult, field: Field) -> Statement:
    """Say what each variant gives in speed and takes in memory."""
    base = field.baseline
    decided = [rival for rival in field.rivals if rival.verdict in {"faster", "slower"}]
    base_step = takes(base) + _peak(base)
    if not decided:
        shown = fmt.rounds(fewest_rounds(field.rivals))
        text = f"no difference in speed that {shown} could show: {level(field.rivals, base)}"
        return state(context, "open", text, prices(field.rivals, base), base_step, unproven(field))
    named = sorted(decided, key=lambda rival: memory_ratio(rival.variant, base) or math.inf)[: fmt.MOST_NAMED]
    members = [rival for rival in decided if rival in named]
    text = "; ".join(
        f"{subject(rival.variant) if rival is members[0] else said(rival.variant)} runs at {factor(rival.speedup)} "
        f"the speed of {said(base)}{price(rival.variant, base)}"
        for rival in members
    )
    more = len(decided) - len(named)
    others = f"{more} more, with more memory, stand in the table" if more else ""
    undecided = [rival for rival in field.rivals if rival not in decided]
    left = f"no difference in speed was shown for {labels(undecided)}" if undecided else ""
    saved = prices(undecided, base)
    return state(context, "shown", text, others, left, saved, base_step, unproven(field))


def _next_cost(found: Knee) -> str:
    if found.next is None:
        return ""
    here, there = found.at, found.next
    gain = fmt.factor(there.speedup.value / here.speedup.value)
    ratio = memory_ratio(there.variant, here.variant)
    memory = f" and needs {fmt.factor(ratio)} times the peak memory{_from_to(here, there)}" if ratio else ""
    return f"the next one, {there.label}, does {gain} times the items a second{memory}"


def _closer(found: Knee) -> str:
    """Say which setting it would be for somebody who asks for more than the knee gives."""
    top = found.best.speedup.value
    close = next(member for member in found.members if member.speedup.value >= CLOSE_SHARE * top)
    if close.speedup.value <= found.at.speedup.value or close is found.next:
        return ""
    ratio = memory_ratio(close.variant, found.at.variant)
    memory = f", with {fmt.factor(ratio)} times the peak memory" if ratio else ""
    return f"for {100 * CLOSE_SHARE:.0f} % of the best throughput it would be {close.label}{memory}"


def _beyond(found: Knee) -> str:
    """Say that the best may not have been measured, where the largest setting is the best."""
    if found.best is not found.members[-1]:
        return ""
    if found.best is found.at:
        return "it is also the largest that was measured, so the best may lie beyond"
    return f"the best, {found.best.label}, is the largest that was measured, so a better one may lie beyond"


def _from_to(here: Rival, there: Rival) -> str:
    for name in MEMORY_METRICS:
        before, after = here.variant.metric(name), there.variant.metric(name)
        if before is not None and after is not None:
            return f" ({fmt.size(after)} instead of {fmt.size(before)})"
    return ""


def _paid(rival: Rival, found: tuple[BreakEven, ...]) -> str:
    parts = [
        f"{_after(even.steps, rival.variant)} with {CACHE_WORDS[even.cache]}"
        for even in found
        if even.rival is rival and even.steps is not None
    ]
    return fmt.listing(parts)


def _after(paid: Interval, variant: VariantResult) -> str:
    return f"after about {steps(paid.value, variant)}" if paid.value else "at once"


def _others(rivals: Sequence[Rival], field: Field) -> str:
    ending = {"slower": ", never pays", "same": ", no gain", "open": ", no gain shown"}
    parts = told(rivals, lambda r: f"{said(r.variant)} at {factor(r.speedup)}{ending.get(r.verdict, '')}")
    return f"against the speed of {said(field.baseline)}: {parts}" if parts else ""


def _first_steps(winner: Rival, found: tuple[BreakEven, ...], field: Field) -> str:
    base_ns = field.baseline.first_step_ns()
    times = [
        f"{fmt.duration(even.first_step_ns)} with {CACHE_WORDS[even.cache]}"
        for even in found
        if even.rival is winner
    ]
    if not times or base_ns is None:
        return ""
    steps = (
        f"its first step takes {fmt.listing(times)}, that of {said(field.baseline)} {fmt.duration(base_ns)}"
    )
    if not winner.variant.imports_ns:
        return steps
    imports = fmt.duration(winner.variant.imports_ns)
    return f"{steps}; before it, a fresh process imports for {imports} what compiling needs, which has to be paid too"


def _graphs(field: Field) -> str:
    parts = []
    for metric, words in (("graph_breaks", "graph breaks"), ("recompiles", "recompiles")):
        counts = {r.label: r.variant.metric(metric) for r in field.rivals}
        known = {label: number for label, number in counts.items() if number is not None}
        if known and not any(known.values()):
            parts.append(f"no {words}")
        elif known:
            parts.append(
                f"{words}: " + ", ".join(f"{label} {fmt.count(n)}" for label, n in known.items() if n)
            )
    return "; ".join(parts)


def _peak(variant: VariantResult) -> str:
    peak = variant.metric(*MEMORY_METRICS)
    return f" and {fmt.size(peak)} at its peak" if peak else ""
