"""The answer of a scenario that puts the other scenarios' winners on top of each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports import format as fmt
from reports.findings import fewest_rounds, find_field
from reports.labels import CONTEXT_WORDS
from reports.phrases import (
    Statement,
    factor,
    no_comparison,
    nothing_measured,
    single_round,
    state,
    step,
    unproven,
)
from reports.prices import payback, price, starts

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        return single_round(context, field)
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
    beyond = field.rivals[len(upto) :]
    work = CONTEXT_WORDS.get(str(best.variant.settings.get("phase")), "the work")
    subject = "together they make" if len(upto) > 1 else f"{_added(best)} makes"
    text = f"{subject} {work} {factor(best.speedup)} as fast as the {field.baseline.label}"
    costs = price(best.variant, field.baseline)
    parts = [text + _throughputs(best.variant, field.baseline) + costs]
    if len(upto) > 1:
        parts.append(f"step by step: {_steps(upto)}")
    if beyond:
        parts.append(f"no further gain was shown for {fmt.some([_added(member) for member in beyond])}")
    details = (payback(field, best), starts(field, best, f"the {field.baseline.label}"), unproven(field))
    return state(context, "shown", "; ".join(parts), *details)


def _steps(members: Sequence[Rival]) -> str:
    """Return what each addition brings on top of those before it, by the estimates."""
    before, parts = 1.0, []
    for member in members:
        parts.append(f"{_added(member)} ({fmt.factor(member.speedup.value / before)} times)")
        before = member.speedup.value
    return fmt.some(parts, most=MOST_STEPS)


def _added(member: Rival) -> str:
    return member.label.removeprefix("+ ")


def _throughputs(variant: VariantResult, base: VariantResult) -> str:
    if variant.throughput is None or base.throughput is None:
        return ""
    return f": {fmt.rate(variant.throughput.value)} instead of {fmt.count(base.throughput.value)}"
