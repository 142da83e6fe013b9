"""The top of a run's page: what was asked, how many questions have an answer, and the best that was found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports import format as fmt
from reports.combined import members
from reports.facts import took_s
from reports.findings import find_field
from reports.phrases import leading
from reports.prices import MEMORY_TOLD

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from reports.load import ReportData
    from reports.phrases import Standing, Statement
    from reports.ranking import Ranked, Work
    from reports.results import ContextResult, ScenarioResult

WORTH: tuple[Standing, ...] = ("shown", "open", "alone", "missing")
"""How far a question got, the farthest first."""
WORDS: dict[Standing, str] = {
    "shown": "answered",
    "open": "open, where these rounds could show no difference",
    "alone": "with nothing to compare",
    "missing": "without an answer",
}
MOST_PARTS = 6
BEST: tuple[Work, ...] = ("combined", "same step")
"""Whose factor may stand for a whole place, the first first."""


@dataclass(frozen=True, slots=True)
class Headline:
    """The best that was found for one phase on one device."""

    scenario: str
    name: str
    """The scenario's name, fit to be shown."""
    place: str
    factor: str
    interval: str
    text: str


def asked(data: ReportData) -> str:
    """Say what a run asked and measured, and how long that took."""
    variants = [variant for result in data.scenarios for variant in result.variants]
    measured = sum(bool(variant.timings) for variant in variants)
    rounds = max((len(variant.timings) for variant in variants), default=0)
    parts = [_number(len(data.scenarios), "question"), _number(len(variants), "variant")]
    parts.append(f"{measured} of them measured" + (f" in up to {fmt.rounds(rounds)}" if rounds > 1 else ""))
    seconds = took_s(data.run.info)
    took = f", in {fmt.duration(seconds * 1e9)}" if seconds else ""
    return f"{', '.join(parts)}{took}"


def tally(answers: Mapping[str, Sequence[Statement]]) -> str:
    """Say how many questions are answered, open and unanswered, each by the best that it has.

    Args:
        answers: each scenario's statements, by its name.
    """
    best = {
        name: min((statement.standing for statement in statements), key=WORTH.index, default="missing")
        for name, statements in answers.items()
    }
    counts = Counter(best.values())
    parts = [f"{counts[standing]} {WORDS[standing]}" for standing in WORTH if counts[standing]]
    if unanswered := [fmt.name(name) for name, standing in best.items() if standing == "missing"]:
        parts[-1] += f" ({fmt.some(unanswered)})"
    partly = sum(
        best[name] != "missing" and any(statement.standing == "missing" for statement in statements)
        for name, statements in answers.items()
    )
    if partly:
        parts.append(f"{partly} of them for a part of their contexts only")
    return f"{_number(len(best), 'question')}: {'; '.join(parts)}." if parts else ""


def headlines(scenarios: Sequence[ScenarioResult], places: Iterable[Sequence[Ranked]]) -> list[Headline]:
    """Return the best of each place: what was combined, else the fastest change of the step that all share.

    A place where neither was shown to pay has no best: a factor of other work is not one of its step.
    """
    found = []
    for ranked in places:
        best = min(
            (one for one in ranked if one.work in BEST), key=lambda one: BEST.index(one.work), default=None
        )
        if best is None:
            continue
        found.append(
            Headline(
                best.scenario,
                fmt.name(best.scenario),
                best.place,
                fmt.factor(best.speedup),
                fmt.factor_range(best.low, best.high),
                _told(scenarios, best),
            )
        )
    return found


def _told(scenarios: Sequence[ScenarioResult], best: Ranked) -> str:
    context = _context(scenarios, best)
    parts = _parts(context, best) if best.work == "combined" else ()
    axis = next((leading(variant) for variant in context.variants if variant.id == best.variant), "")
    together = " together" if len(parts) > 1 else ""
    what = f"{fmt.some(parts, most=MOST_PARTS)}{together}" if parts else f"{axis}{best.label}"
    base = f"the {best.baseline_label}" if parts else best.baseline_label
    price = (
        f", with {fmt.factor(best.memory_ratio)} times the peak memory"
        if best.memory_ratio is not None and abs(best.memory_ratio - 1) > MEMORY_TOLD
        else ""
    )
    return fmt.clause(f"{what} instead of {base}{price}")


def _context(scenarios: Sequence[ScenarioResult], best: Ranked) -> ContextResult:
    """Return the context in which the best was found."""
    return next(
        context
        for result in scenarios
        if result.name == best.scenario
        for context in result.contexts
        if any(variant.id == best.variant for variant in context.variants)
    )


def _parts(context: ContextResult, best: Ranked) -> tuple[str, ...]:
    """Return what a combination adds to the reference loop, one after the other."""
    field = find_field(context)
    return members(field, best.variant) if field is not None else ()


def _number(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
