"""Answers where speed is bought with something: memory for a larger batch, a dear first step, another resource."""

from __future__ import annotations

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
from reports.phrases import Statement, factor, span, state, step, unproven

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchsuite.statistics import Interval
    from reports.results import ContextResult, VariantResult

CACHE_WORDS = {"empty": "an empty compile cache", "filled": "a filled cache"}


def knee(context: ContextResult, field: Field, axis: str | None) -> Statement:
    """Name the smallest setting that reaches 90 % of the best throughput, and what the next one costs."""
    found = find_knee(field, axis)
    share = f"{100 * KNEE_SHARE:.0f} %"
    details = (_next_cost(found), _beyond(found), unproven(field))
    throughput = fmt.rate(found.at.variant.throughput.value) if found.at.variant.throughput else fmt.NOTHING
    if found.possible is found.certain:
        text = f"{found.at.label} is the smallest that reaches {share} of the best throughput: {throughput}"
        return state(context, "shown", text, *details)
    shown = fmt.rounds(fewest_rounds(field.rivals))
    text = (
        f"the smallest that reaches {share} of the best throughput lies between {found.possible.label} and "
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
        level = [rival for rival in field.rivals if rival.verdict != "slower"]
        rest = ", ".join(
            f"{rival.label} runs at {factor(rival.speedup)} {base.label}'s speed" for rival in field.rivals
        )
        if not level:
            return state(context, "shown", f"it never pays: {rest}", *details)
        shown = fmt.rounds(fewest_rounds(level))
        names = fmt.listing([rival.label for rival in level])
        text = f"no gain that {shown} could show: {names} at {span(level)} times {base.label}'s speed"
        lost = _others([rival for rival in field.rivals if rival not in level], field)
        return state(context, "open", text, lost, *details)
    winner = max(faster, key=lambda rival: rival.speedup.value)
    text = f"{winner.label} is {factor(winner.speedup)} as fast as {base.label}"
    if paid := _paid(winner, found):
        text += f" and has paid {paid}"
    others = _others([rival for rival in field.rivals if rival is not winner], field)
    return state(context, "shown", text, _first_steps(winner, found, field), others, *details)


def trade_off(context: ContextResult, field: Field) -> Statement:
    """Say what each variant gives in speed and takes in memory."""
    base = field.baseline
    decided = [rival for rival in field.rivals if rival.verdict in {"faster", "slower"}]
    base_step = f"{base.label} takes {step(base)}" + _peak(base)
    if not decided:
        shown = fmt.rounds(fewest_rounds(field.rivals))
        names = fmt.listing([rival.label for rival in field.rivals])
        text = f"no difference in speed that {shown} could show: {names} at {span(field.rivals)} times {base.label}'s"
        return state(context, "open", text, _memories(field), base_step, unproven(field))
    text = "; ".join(
        f"{rival.label} runs at {factor(rival.speedup)} {base.label}'s speed" + _for_memory(rival, base)
        for rival in decided
    )
    undecided = [rival.label for rival in field.rivals if rival not in decided]
    left = f"no difference in speed was shown for {fmt.listing(undecided)}" if undecided else ""
    return state(context, "shown", text, left, base_step, unproven(field))


def _next_cost(found: Knee) -> str:
    if found.next is None:
        return ""
    here, there = found.at, found.next
    gain = fmt.factor(there.speedup.value / here.speedup.value)
    ratio = memory_ratio(there.variant, here.variant)
    memory = f" and needs {fmt.factor(ratio)} times the peak memory{_from_to(here, there)}" if ratio else ""
    return f"the next one, {there.label}, does {gain} times the items a second{memory}"


def _beyond(found: Knee) -> str:
    if found.best is not found.members[-1] or found.next is not None:
        return ""
    return "it is also the largest that was measured, so the best may lie beyond"


def _from_to(here: Rival, there: Rival) -> str:
    for name in MEMORY_METRICS:
        before, after = here.variant.metric(name), there.variant.metric(name)
        if before is not None and after is not None:
            return f" ({fmt.size(after)} instead of {fmt.size(before)})"
    return ""


def _paid(rival: Rival, found: tuple[BreakEven, ...]) -> str:
    parts = [
        f"{_after(even.steps)} with {CACHE_WORDS[even.cache]}"
        for even in found
        if even.rival is rival and even.steps is not None
    ]
    return fmt.listing(parts)


def _after(steps: Interval) -> str:
    return f"after about {fmt.count(steps.value)} steps" if steps.value else "at once"


def _others(rivals: Sequence[Rival], field: Field) -> str:
    ending = {"slower": ", never pays", "same": ", no gain", "open": ", no gain shown"}
    parts = [f"{rival.label} {factor(rival.speedup)}{ending.get(rival.verdict, '')}" for rival in rivals]
    return f"against {field.baseline.label}'s speed: {'; '.join(parts)}" if parts else ""


def _first_steps(winner: Rival, found: tuple[BreakEven, ...], field: Field) -> str:
    base_ns = field.baseline.first_step_ns()
    times = [
        f"{fmt.duration(even.first_step_ns)} with {CACHE_WORDS[even.cache]}"
        for even in found
        if even.rival is winner
    ]
    if not times or base_ns is None:
        return ""
    return f"its first step takes {fmt.listing(times)}, {field.baseline.label}'s {fmt.duration(base_ns)}"


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


def _for_memory(rival: Rival, base: VariantResult) -> str:
    ratio = memory_ratio(rival.variant, base)
    return f" with {fmt.factor(ratio)} times the peak memory" if ratio else ""


def _memories(field: Field) -> str:
    ratios = [(r.label, memory_ratio(r.variant, field.baseline)) for r in field.rivals]
    parts = [f"{label} {fmt.factor(ratio)} times" for label, ratio in ratios if ratio]
    return f"peak memory: {', '.join(parts)}" if parts else ""


def _peak(variant: VariantResult) -> str:
    peak = variant.metric(*MEMORY_METRICS)
    return f" and {fmt.size(peak)} at its peak" if peak else ""
