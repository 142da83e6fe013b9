"""The answer of a scenario that puts the other scenarios' winners on top of each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchsuite.comparison import compare_in_order, judge
from reports import format as fmt
from reports.findings import fewest_rounds, find_field
from reports.labels import CONTEXT_WORDS
from reports.phrases import (
    Statement,
    factor,
    no_comparison,
    no_interval,
    nothing_measured,
    state,
    step,
    unproven,
)
from reports.prices import payback, price, starts

if TYPE_CHECKING:
    from benchsuite.statistics import Interval
    from reports.findings import Field, Rival
    from reports.results import ContextResult, VariantResult

MOST_STEPS = 8
"""So many additions are named one by one."""


def stack(context: ContextResult) -> Statement:
    """Say what the winners bring together, what each of them adds, and which of them add nothing."""
    base = context.baseline
    if base is not None and len(context.variants) == 1 and base.sound:
        text = f"no setting was shown to pay here: the {base.label} stands"
        return state(context, "shown", text, f"it takes {step(base)}")
    field = find_field(context)
    if field is None:
        return no_comparison(context) if context.measured else nothing_measured(context)
    if not field.rivals:
        return no_interval(context, field)
    best = max(field.rivals, key=lambda rival: rival.speedup.value)
    base_step = f"the {field.baseline.label} takes {step(field.baseline)}"
    if best.verdict != "faster":
        shown = fmt.rounds(fewest_rounds(field.rivals))
        text = f"together they bring no gain that {shown} could show: at best {factor(best.speedup)}"
        return state(
            context,
            "open",
            f"{text} the speed of the {field.baseline.label}",
            base_step,
            unproven(field),
        )
    return _gain(context, field, best)


def members(field: Field, variant: str) -> tuple[str, ...]:
    """Return what is added to the reference loop up to one variant, given by its id, in order."""
    ids = [rival.variant.id for rival in field.rivals]
    upto = field.rivals[: ids.index(variant) + 1] if variant in ids else ()
    return tuple(_added(rival) for rival in upto)


def _gain(context: ContextResult, field: Field, best: Rival) -> Statement:
    upto = field.rivals[: field.rivals.index(best) + 1]
    added = _additions(field)
    gains = [member for member in upto if judge(added[member.variant.id]) == "faster"]
    lost = [member for member in field.rivals if member not in (gains if len(upto) > 1 else upto)]
    work = CONTEXT_WORDS.get(str(best.variant.settings.get("phase")), "the work")
    subject = "together they make" if len(upto) > 1 else f"{_added(best)} makes"
    text = f"{subject} {work} {factor(best.speedup)} as fast as the {field.baseline.label}"
    costs = price(best.variant, field.baseline)
    parts = [text + _throughputs(best.variant, field.baseline) + costs]
    if len(upto) > 1 and gains:
        steps = [f"{_added(member)} {factor(added[member.variant.id])}" for member in gains]
        parts.append(f"step by step: {fmt.some(steps, most=MOST_STEPS)}")
    if len(upto) > 1 and not gains:
        parts.append("a gain of any one of them by itself was not shown")
    elif lost:
        parts.append(f"no further gain was shown for {fmt.some([_added(member) for member in lost])}")
    details = (payback(field, best), starts(field, best, f"the {field.baseline.label}"), unproven(field))
    return state(context, "shown", "; ".join(parts), *details)


def _additions(field: Field) -> dict[str, Interval]:
    """Return what each addition brings on top of those before it, by the variants' ids."""
    order = [field.baseline, *(rival.variant for rival in field.rivals)]
    found = compare_in_order([variant.timings for variant in order])
    return {variant.id: speedup for variant, speedup in zip(order[1:], found, strict=True)}


def _added(member: Rival) -> str:
    return member.label.removeprefix("+ ")


def _throughputs(variant: VariantResult, base: VariantResult) -> str:
    if variant.throughput is None or base.throughput is None:
        return ""
    return f": {fmt.rate(variant.throughput.value)} instead of {fmt.count(base.throughput.value)}"
