"""What changes how a run is to be read: told before its answers, the gravest first."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from benchsuite.comparison import moved_groups
from benchsuite.record import CANARY, latest
from reports import format as fmt
from reports import leaks
from reports.phrases import fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reports.load import ReportData
    from reports.results import VariantResult

Level: TypeAlias = Literal["problem", "care", "note"]
MOST_NAMES = 4
MOST_FAULTS = 2
"""So many failed variants are told with their reason."""
MOST_LEFT_OUT = 3
MOST_REASONS = 2
"""So many reasons to skip are told one by one."""


@dataclass(frozen=True, slots=True)
class Caveat:
    """One warning: a problem takes numbers away, care widens what they may mean, a note says what is not there."""

    level: Level
    text: str


def caveats(data: ReportData) -> tuple[Caveat, ...]:
    """Return the warnings that stand above the answers, the gravest first."""
    levels: dict[Level, Iterable[str]] = {
        "problem": [*_unfinished(data), *_failed(data), *_unread(data)],
        "care": [*_leaking(data), *_moved(data), *_contended(data), *_fitness(data, "bad")],
        "note": [
            *_other_passes_failed(data),
            *_skipped(data),
            *_left_out(data),
            *map(_spelt, data.problems[len(data.run.problems) :]),
            *_fitness(data, "warn"),
        ],
    }
    return tuple(Caveat(level, text) for level, texts in levels.items() for text in texts if text)


def _spelt(text: str) -> str:
    return fmt.sentence(fmt.clause(text), capital=False) if text else ""


def _unread(data: ReportData) -> list[str]:
    """Tell the first lines that could not be read; the others count."""
    problems = data.run.problems
    rest = len(problems) - MOST_NAMES
    more = [f"{rest} more lines of the run's files could not be read."] if rest > 0 else []
    return [*map(_spelt, problems[:MOST_NAMES]), *more]


def _variants(data: ReportData) -> list[VariantResult]:
    return [variant for result in data.scenarios for variant in result.variants]


def _unfinished(data: ReportData) -> list[str]:
    variants = _variants(data)
    measured = sum(bool(variant.timings) for variant in variants)
    found = []
    if not measured:
        found.append("No timing was completed: there is nothing to answer with.")
    if data.run.info.finished is None:
        possible = sum(variant.outcome != "skipped" for variant in variants)
        found.append(
            "The run was interrupted or is still going on: what stands here is what it had measured so far, "
            f"{measured} of the {possible} variants that can run here."
        )
    return found


def _failed(data: ReportData) -> list[str]:
    variants = _variants(data)
    broken = [variant for variant in variants if variant.failed_checks]
    found = [f"{fmt.name(v.id)} {fault(v)}: its numbers do not count." for v in broken[:MOST_NAMES]]
    if (rest := len(broken) - MOST_NAMES) > 0:
        found.append(f"{rest} more failed a check; which stands with their scenarios.")
    timing = [
        v for v in variants if not v.failed_checks and any(record.pass_ == "timing" for record in v.faults)
    ]
    if len(timing) > MOST_FAULTS:
        return [*found, f"{_names([v.id for v in timing])} failed; the reasons stand with their scenarios."]
    return [*found, *(fmt.sentence(f"{fmt.name(v.id)} {fault(v)}", capital=False) for v in timing)]


def _other_passes_failed(data: ReportData) -> list[str]:
    names = [
        v.id
        for v in _variants(data)
        if v.faults and not v.failed_checks and not any(record.pass_ == "timing" for record in v.faults)
    ]
    return [f"The operator or memory pass of {_names(names)} failed; its timing stands."] if names else []


def _fitness(data: ReportData, level: str) -> list[str]:
    """Return in one sentence what `doctor` found at one level before the run."""
    found = [
        text
        for finding in data.run.info.fitness
        if finding.get("level") == level and (text := fmt.clause(finding.get("message", "")))
    ]
    return [f"Before the run: {fmt.sentence('; '.join(found), capital=False)}"] if found else []


def _leaking(data: ReportData) -> list[str]:
    """Tell the largest leaks one by one; the others count."""
    found = [
        (variant, leaks.verdict(variant, result.memory_bytes))
        for result in data.scenarios
        for variant in result.variants
        if leaks.is_leaking(variant)
    ]
    found.sort(key=lambda pair: -leaks.bytes_a_step(pair[0]))
    told = [fmt.sentence(f"{fmt.name(v.id)} leaks: {text}", capital=False) for v, text in found[:MOST_NAMES]]
    rest = len(found) - len(told)
    return [*told, f"{rest} more leak; how much stands with their scenarios."] if rest else told


def _skipped(data: ReportData) -> list[str]:
    """Tell in one sentence what was skipped, the commonest reason first."""
    reasons: dict[str, list[str]] = defaultdict(list)
    scenarios: dict[str, set[str]] = defaultdict(set)
    for result in data.scenarios:
        for variant in result.variants:
            if variant.outcome == "skipped":
                why = fmt.one_line(variant.reason).rstrip(".")
                reasons[why].append(variant.id)
                scenarios[why].add(result.name)
    if not reasons:
        return []
    ordered = sorted(reasons.items(), key=lambda pair: -len(pair[1]))
    told = ordered if len(ordered) <= MOST_REASONS else ordered[:1]
    parts = [_counted(ids, len(scenarios[why])) + (f" ({why})" if why else "") for why, ids in told]
    if rest := ordered[len(told) :]:
        number = sum(len(ids) for _, ids in rest)
        parts.append(f"{number} more, for {len(rest)} other reasons that stand with their scenarios")
    return [f"Skipped: {'; '.join(parts)}."]


def _left_out(data: ReportData) -> list[str]:
    """Tell the first things that the run did not do; all of them stand with where it was measured."""
    things = [text for thing in data.run.info.left_out if (text := fmt.clause(thing))]
    where = "; Where it was measured has all of them" if len(things) > MOST_LEFT_OUT else ""
    return [f"Left out: {fmt.some(things, most=MOST_LEFT_OUT)}{where}."] if things else []


def _counted(ids: list[str], scenarios: int) -> str:
    """Name a few variants; count them where they are many."""
    if len(ids) <= MOST_NAMES:
        return fmt.listing([fmt.name(id_) for id_ in ids])
    return f"{len(ids)} variants of {scenarios} scenarios" if scenarios > 1 else f"{len(ids)} variants"


def _moved(data: ReportData) -> list[str]:
    records = latest(data.run.records)
    moved = moved_groups(records)
    if not moved:
        return []
    watched = {record.group for record in records if record.scenario == CANARY}
    hit = sorted(
        {record.scenario for record in records if record.group in moved and record.scenario != CANARY}
    )
    where = _names(hit) if len(hit) <= MOST_NAMES else f"{len(hit)} scenarios"
    spread = fmt.percent(max(moved.values()))
    text = (
        f"The machine itself moved: the canary, a fixed workload, spread by up to {spread} in {len(moved)} of "
        f"{len(watched)} groups ({where}). Read their intervals with care."
    )
    return [text]


def _contended(data: ReportData) -> list[str]:
    variants = _variants(data)
    disturbed = [variant for variant in variants if variant.disturbances]
    number = sum(len(variant.disturbances) for variant in disturbed)
    total = sum(len(variant.timings) for variant in variants)
    if not number:
        return []
    few = len(disturbed) <= MOST_NAMES
    names = _names([variant.id for variant in disturbed]) if few else f"{len(disturbed)} variants"
    return [
        f"{number} of {total} timings were taken under contention: {names}, marked under Disturbed in the tables."
    ]


def _names(names: list[str]) -> str:
    return fmt.some([fmt.name(name) for name in names], most=MOST_NAMES)
