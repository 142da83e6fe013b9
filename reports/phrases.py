"""Parts of sentences that several kinds of answer share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from reports import format as fmt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchsuite.statistics import Interval
    from reports.findings import Field, Rival
    from reports.results import ContextResult, VariantResult

MOST_ABSENT = 3
"""So many absent variants are named; more are counted."""
SEVERAL = re.compile(r"(?!1 )\d+ [a-z ]*s\b")
BESIDE = "beside the neighbours of this run, as they do not slow different numbers of cores alike"
Standing: TypeAlias = Literal["shown", "open", "alone", "missing"]


@dataclass(frozen=True, slots=True)
class Statement:
    """What one context answers: a sentence, and what else is worth knowing."""

    context: str
    """Empty where the scenario has one context only."""
    text: str
    detail: str
    standing: Standing
    """Shown by the intervals, open, alone with nothing to compare, or missing because nothing was measured."""

    def __str__(self) -> str:
        """Return all of it as one paragraph."""
        head = f"{self.context[:1].upper()}{self.context[1:]}: " if self.context else ""
        return f"{head}{self.text} {self.detail}".strip()


def state(context: ContextResult, standing: Standing, text: str, *details: str) -> Statement:
    """Make a statement of its parts; each becomes a sentence, empty ones are left out."""
    detail = " ".join(
        _sentence(context, part) for part in (*details, absences(context), contention(context)) if part
    )
    return Statement(context.label, _sentence(context, text), detail, standing)


def nothing_measured(context: ContextResult) -> Statement:
    """Say that a context has no timing, and why."""
    outcomes = {variant.outcome for variant in context.variants}
    text = {
        frozenset({"skipped"}): "not measured: every variant was skipped",
        frozenset({"failed"}): "no answer: every variant failed",
    }.get(frozenset(outcomes), "no answer: no variant was measured")
    reasons = {_because(variant) for variant in context.variants}
    if len(reasons) == 1:
        return Statement(context.label, fmt.sentence(text + reasons.pop()), "", "missing")
    return state(context, "missing", text)


def no_comparison(context: ContextResult) -> Statement:
    """Say what was measured where there is nothing to compare it with."""
    measured = [variant for variant in context.measured if variant.sound]
    baseline = context.baseline
    if not measured:
        return state(context, "missing", "no answer: no variant ran soundly")
    if len(measured) == 1:
        return state(context, "alone", f"only {said(measured[0])} was measured: {step(measured[0])}")
    figures = fmt.some([takes(variant) for variant in measured])
    if baseline is not None and not baseline.sound:
        return state(context, "alone", f"no comparison without the baseline {said(baseline)}", figures)
    return state(context, "alone", "no comparison: no round holds a variant and its baseline", figures)


def no_interval(context: ContextResult, field: Field) -> Statement:
    """Say what was measured where no comparison has an interval, and that it shows nothing."""
    figures = told(
        field.unproven, lambda rival: f"{said(rival.variant)} at {fmt.factor(rival.speedup.value)} times"
    )
    against = f"against the speed of {said(field.baseline)}: {figures}"
    if any(rival.beside_neighbours for rival in field.unproven):
        return state(
            context,
            "open",
            f"no difference is claimed {BESIDE}",
            f"by the estimates, {against}",
            takes(field.baseline),
        )
    return state(
        context,
        "open",
        "one round has no interval, so no difference is claimed",
        f"in that round, {against}",
        takes(field.baseline),
    )


def unproven(field: Field) -> str:
    """Name those whose comparison has no interval, beside others that have one, and say why."""
    beside = [rival for rival in field.unproven if rival.beside_neighbours]
    once = [rival for rival in field.unproven if not rival.beside_neighbours]
    estimates = told(
        beside, lambda rival: f"{said(rival.variant)} at {fmt.factor(rival.speedup.value)} times"
    )
    parts = [
        f"{labels(once)}: compared in one round only, which shows nothing" if once else "",
        f"no difference is claimed {BESIDE}: {estimates}" if beside else "",
    ]
    return "; ".join(filter(None, parts))


def absences(context: ContextResult) -> str:
    """Say which variants are missing or may not win, and why; those that share a reason are told together."""
    shared: dict[str, list[str]] = {}
    for variant in context.variants:
        if variant.outcome in {"skipped", "not measured"}:
            why = f"{variant.outcome}{_because(variant)}"
            shared.setdefault(why, []).append(said(variant))
    parts = [
        f"{fmt.listing(labels) if len(labels) <= MOST_ABSENT else f'{len(labels)} variants'} "
        f"{'was' if len(labels) == 1 else 'were'} {why}"
        for why, labels in shared.items()
    ]
    unsound = [v for v in context.variants if v.outcome not in {"skipped", "not measured"} and not v.sound]
    parts += [f"{said(variant)} {fault(variant)} and cannot be part of the answer" for variant in unsound]
    return "; ".join(parts)


def contention(context: ContextResult) -> str:
    """Say how many of the timings behind an answer were taken under contention."""
    number = sum(len(variant.disturbances) for variant in context.measured)
    total = sum(len(variant.timings) for variant in context.measured)
    timings = "timing" if total == 1 else "timings"
    return f"taken under contention: {number} of {total} {timings}" if number else ""


def fault(variant: VariantResult) -> str:
    """Say what keeps a variant from being part of an answer."""
    if variant.failed_checks:
        check = variant.failed_checks[0]
        value = "NaN" if check.value is None else fmt.plain(check.value)
        limit = f"{check.direction} {fmt.plain(check.limit)}"
        return f"failed its check “{fmt.name(check.name)}” ({value}, demanded {limit})"
    if variant.timings:
        times = sum(record.pass_ == "timing" for record in variant.faults)
        return f"failed in {times} of {fmt.rounds(times + len(variant.timings))}"
    return f"failed{_because(variant)}"


def step(variant: VariantResult) -> str:
    """Return a variant's step time with its interval, and its throughput."""
    time, throughput = variant.step_time, variant.throughput
    if time is None or throughput is None:
        return "no time"
    interval = fmt.duration_range(time.low, time.high)
    around = "" if interval == fmt.NOTHING else f" ({interval})"
    per_item = variant.timings[0].items_per_step > 1
    return f"{fmt.duration(time.value)} {fmt.one(variant.step_word)}{around}" + (
        f", {fmt.rate(throughput.value)}" if per_item else ""
    )


def factor(speedup: Interval) -> str:
    """Return a factor with its interval: `1.31 times (1.27 to 1.36)`."""
    return f"{fmt.factor(speedup.value)} times ({fmt.factor_range(speedup.low, speedup.high)})"


def span(rivals: Sequence[Rival]) -> str:
    """Return the interval that holds all of these rivals' intervals."""
    return fmt.factor_range(min(r.speedup.low for r in rivals), max(r.speedup.high for r in rivals))


def told(rivals: Sequence[Rival], spell: Callable[[Rival], str]) -> str:
    """List what is to be said of some rivals: of the fastest few where they are many, the others are counted."""
    fastest = sorted(rivals, key=lambda rival: -rival.speedup.value)[: fmt.MOST_NAMED]
    left = len(rivals) - len(fastest)
    counted = [f"{left} more in the table"] if left else []
    return "; ".join([*(spell(rival) for rival in rivals if rival in fastest), *counted])


def said(variant: VariantResult) -> str:
    """Return a variant's label as a sentence says it: `images with 2 workers and prefetch factor 4`."""
    head, *rest = variant.label.split(", ")
    return f"{head} with {fmt.listing(rest)}" if rest and "[" not in head else variant.label


def subject(*variants: VariantResult) -> str:
    """Name what a sentence is about, led by the setting that the first is a value of: `pipeline memory and batched`."""
    return leading(variants[0]) + fmt.some([said(variant) for variant in variants])


def leading(variant: VariantResult) -> str:
    """Return the setting that a label's first word is a value of, with a space: `pipeline `; empty: the label says it."""
    head = variant.label.partition(", ")[0]
    axis = next((axis for axis, value in variant.settings.items() if value == head), "")
    return f"{fmt.name(axis.replace('_', ' '))} " if axis else ""


def labels(rivals: Sequence[Rival], conjunction: str = "and") -> str:
    """Name some rivals, or the first of many."""
    return fmt.some([said(rival.variant) for rival in rivals], conjunction)


def steps(number: float, variant: VariantResult) -> str:
    """Spell a number of steps as a variant's scenario calls them: `1,430 steps`, `2,000 updates`."""
    return f"{fmt.count(number)} {variant.step_word}s"


def takes(variant: VariantResult) -> str:
    """Say how long a variant's step takes: `eager takes 9.31 ms a step`, `2 threads take 9.31 ms a step`."""
    name = said(variant)
    return f"{name} {'take' if SEVERAL.match(name) else 'takes'} {step(variant)}"


def level(rivals: Sequence[Rival], base: VariantResult) -> str:
    """Say how fast some rivals run of which none is shown to differ."""
    run = "runs" if len(rivals) == 1 else "run"
    return f"{subject(*(r.variant for r in rivals))} {run} at {span(rivals)} times the speed of {said(base)}"


def _sentence(context: ContextResult, text: str) -> str:
    """Make a sentence, but leave the spelling of a setting that begins it as it is."""
    heads = {variant.label.partition(", ")[0]: variant for variant in context.variants}
    names = [head for head, variant in heads.items() if head in variant.settings.values()]
    axes = {f"{axis.replace('_', ' ')} " for variant in context.variants for axis in variant.settings}
    named = any(text.startswith(name) for name in names) and not text.startswith(tuple(axes))
    return fmt.sentence(text, capital=not named)


def _because(variant: VariantResult) -> str:
    reason = fmt.one_line(variant.reason).rstrip(".")
    return f" ({reason})" if reason else ""
