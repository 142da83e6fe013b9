"""Answers in sentences: pure functions from what was found to words that claim only what the intervals support."""

from __future__ import annotations

import re
import statistics
from typing import TYPE_CHECKING

from benchsuite.comparison import SAME
from reports import format as fmt
from reports.combined import stack
from reports.costs import break_even, knee, trade_off
from reports.findings import Field, Rival, fewest_rounds, find_field
from reports.latency import with_tails
from reports.phrases import (
    Standing,
    Statement,
    absences,
    factor,
    labels,
    level,
    no_comparison,
    no_interval,
    nothing_measured,
    said,
    state,
    step,
    subject,
    takes,
    told,
    unproven,
)
from reports.prices import payback, price, prices, starts

if TYPE_CHECKING:
    from reports.results import ContextResult, ScenarioResult, VariantResult

ACCURACIES = {
    "test_accuracy": "on the test images",
    "accuracy": "",
    "validation_accuracy": "on the validation images",
}
TIME_TO = re.compile(r"time_to_(\d+)_s")


def answer(result: ScenarioResult) -> tuple[Statement, ...]:
    """Answer a scenario's question, one statement for each context; contexts that answer alike share one."""
    contexts: dict[tuple[str, str, Standing], list[str]] = {}
    for context in result.contexts:
        found = with_tails(_answer_context(result, context), context, result.metric)
        contexts.setdefault((found.text, found.detail, found.standing), []).append(found.context)
    return tuple(
        Statement(fmt.listing(labels) if all(labels) else "", text, detail, standing)
        for (text, detail, standing), labels in contexts.items()
    )


def _answer_context(result: ScenarioResult, context: ContextResult) -> Statement:
    if result.answer == "reached":
        return reached(context)
    if result.answer == "stack":
        return stack(context)
    field = find_field(context)
    if field is None:
        return no_comparison(context) if context.measured else nothing_measured(context)
    if not field.rivals:
        return no_interval(context, field)
    if result.answer == "knee":
        return knee(context, field, result.compare)
    kinds = {"break_even": break_even, "trade_off": trade_off}
    return kinds.get(result.answer, best)(context, field)


def best(context: ContextResult, field: Field) -> Statement:
    """Name the fastest variant, or say that the rounds show no difference."""
    base = field.baseline
    if any(rival.verdict == "faster" for rival in field.rivals):
        return _faster(context, field)
    equals = [rival for rival in field.rivals if rival.verdict != "slower"]
    base_step = takes(base)
    if not equals:
        slower = told(
            field.rivals,
            lambda rival: (
                f"{said(rival.variant)} runs at {factor(rival.speedup)} its speed{price(rival.variant, base)}"
            ),
        )
        among = " of those that have an interval" if field.unproven else ""
        text = f"{subject(base)} is the fastest{among}: {slower}"
        return state(context, "shown", text, base_step, unproven(field))
    found = level(equals, base)
    details = (prices(equals, base), base_step, _rest(equals, field), unproven(field))
    if all(rival.verdict == "same" for rival in equals):
        return state(context, "shown", f"the same within {100 * SAME:.0f} %: {found}", *details)
    shown = fmt.rounds(fewest_rounds(equals))
    return state(context, "open", f"no difference that {shown} could show: {found}", *details)


def reached(context: ContextResult) -> Statement:
    """Say how far a work of fixed length got, and how long it took."""
    ran = [variant for variant in context.variants if variant.trials]
    if not any(variant.timings or variant.metric(*ACCURACIES) is not None for variant in ran):
        return nothing_measured(context)
    sound = all(variant.sound for variant in ran)
    texts = "; ".join(_reached_variant(variant, named=len(ran) > 1) for variant in ran)
    runs = sum(len(variant.timings) for variant in ran)
    once = "one training, one seed: another seed ends elsewhere" if runs == 1 else ""
    return state(context, "shown" if sound else "open", texts, once)


def _reached_variant(variant: VariantResult, *, named: bool) -> str:
    parts = []
    for name, where in ACCURACIES.items():
        accuracy = variant.metric(name)
        if accuracy is not None:
            parts.append(f"{fmt.percent(accuracy)} accuracy {where}".strip())
            break
    if epochs := len(variant.series("validation_accuracy")):
        parts.append(f"after {epochs} epochs")
    parts = [" ".join(parts)] if parts else []
    epoch_s = [seconds for _, seconds in variant.series("epoch_s")]
    of_what = " of training" if epoch_s else ""
    for metric in sorted({name for record in variant.trials for name in record.metrics}):
        if goal := TIME_TO.fullmatch(metric):
            seconds = variant.metric(metric)
            taken = f"after {fmt.duration(seconds * 1e9)}{of_what}" if seconds is not None else ""
            parts.append(f"{goal[1]} % reached {taken}" if taken else f"{goal[1]} % not reached")
    if epoch_s:
        parts.append(f"{fmt.duration(statistics.median(epoch_s) * 1e9)} {fmt.one('epoch')}")
    if variant.step_time is not None:
        whole = "with its validation" if epoch_s else fmt.one(variant.step_word)
        parts.append(f"{fmt.duration(variant.step_time.value)} {whole}")
    return (f"{said(variant)}: " if named else "") + ", ".join(parts)


def _faster(context: ContextResult, field: Field) -> Statement:
    base = field.baseline
    winner = max(field.rivals, key=lambda rival: rival.speedup.value)
    ties = [rival for rival in field.rivals if rival is not winner and not winner.surely_beats(rival)]
    text = f"{subject(winner.variant)} is {factor(winner.speedup)} as fast as {said(base)}"
    costs = price(winner.variant, base)
    if not ties and len(field.rivals) > 1 and not field.unproven and not absences(context):
        text += " and the fastest of all"
    parts = [text + costs, payback(field, winner)]
    if ties:
        shown = fmt.rounds(fewest_rounds([winner, *ties]))
        parts.append(f"{shown} could not show whether it beats {labels(ties, 'or')} too")
    steps = f"{takes(winner.variant)}; {said(base)} {step(base)}"
    text = "; ".join(filter(None, parts))
    rest = _rest([winner], field)
    return state(context, "shown", text, steps, starts(field, winner), rest, unproven(field))


def _rest(named: list[Rival], field: Field) -> str:
    others = [rival for rival in field.rivals if rival not in named]
    parts = told(
        others,
        lambda rival: (
            f"{said(rival.variant)} at {factor(rival.speedup)}{price(rival.variant, field.baseline)}"
        ),
    )
    return f"against the speed of {said(field.baseline)}: {parts}" if parts else ""
