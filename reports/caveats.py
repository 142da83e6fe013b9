"""What changes how a run is to be read: told before its numbers."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from benchsuite.comparison import moved_groups
from benchsuite.record import CANARY
from reports import format as fmt
from reports import leaks
from reports.collect import latest
from reports.phrases import fault

if TYPE_CHECKING:
    from reports.load import ReportData

MOST_NAMES = 4
MOST_REASONS = 4
"""So many reasons to skip are told one by one."""


def caveats(data: ReportData) -> tuple[str, ...]:
    """Return the warnings that stand above the answers' evidence, the gravest first."""
    info = data.run.info
    found = []
    if not any(variant.timings for result in data.scenarios for variant in result.variants):
        found.append("No timing was completed: there is nothing to answer with.")
    if info.finished is None:
        found.append(
            "The run was interrupted or is still going on: what stands here is what it had measured so far."
        )
    found += [*_failed(data), *_leaking(data), *_skipped(data), *_moved(data), *_contended(data)]
    found += [
        fmt.sentence(fmt.clause(f"{finding.get('message', '')}; {finding.get('remedy', '')}".rstrip("; ")))
        for finding in info.fitness
        if finding.get("level") not in {"ok", None}
    ]
    found += [
        fmt.sentence(fmt.clause(text), capital=False) for text in (*info.left_out, *data.problems) if text
    ]
    return tuple(found)


def _failed(data: ReportData) -> list[str]:
    variants = [variant for result in data.scenarios for variant in result.variants]
    broken = [v for v in variants if v.failed_checks]
    failed = [v for v in variants if v.faults and not v.failed_checks]
    found = [f"{fmt.name(variant.id)} {fault(variant)}: its numbers do not count." for variant in broken]
    timing = [v for v in failed if any(record.pass_ == "timing" for record in v.faults)]
    if timing:
        found.append(f"{_names([v.id for v in timing])} failed; the reasons stand with the scenario.")
    others = [v for v in failed if v not in timing]
    if others:
        found.append(
            f"The operator or memory pass of {_names([v.id for v in others])} failed; its timing stands."
        )
    return found


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
    """Tell what was skipped by its reason, the commonest first; the rarest only count."""
    reasons: dict[str, list[str]] = defaultdict(list)
    scenarios: dict[str, set[str]] = defaultdict(set)
    for result in data.scenarios:
        for variant in result.variants:
            if variant.outcome == "skipped":
                why = fmt.one_line(variant.reason).rstrip(".")
                reasons[why].append(variant.id)
                scenarios[why].add(result.name)
    ordered = sorted(reasons.items(), key=lambda pair: -len(pair[1]))
    told = len(ordered) if len(ordered) == MOST_REASONS + 1 else MOST_REASONS
    found = [
        fmt.sentence(f"Skipped: {_counted(ids, len(scenarios[why]))}" + (f" ({why})" if why else ""))
        for why, ids in ordered[:told]
    ]
    if rest := ordered[told:]:
        number = sum(len(ids) for _, ids in rest)
        found.append(
            f"Skipped: {number} more, for {len(rest)} other reasons that stand with their scenarios."
        )
    return found


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
    text = (
        f"The machine itself moved: the canary, a fixed workload, spread by up to {fmt.percent(max(moved.values()))} "
        f"in {len(moved)} of {len(watched)} groups ({_names(hit)}). Read their intervals with care."
    )
    return [text]


def _contended(data: ReportData) -> list[str]:
    variants = [variant for result in data.scenarios for variant in result.variants]
    disturbed = [variant for variant in variants if variant.disturbances]
    number = sum(len(variant.disturbances) for variant in disturbed)
    total = sum(len(variant.timings) for variant in variants)
    if not number:
        return []
    names = _names([variant.id for variant in disturbed])
    return [
        f"{number} of {total} timings were taken under contention: {names}; they are marked in the tables."
    ]


def _names(names: list[str]) -> str:
    return fmt.some([fmt.name(name) for name in names], most=MOST_NAMES)
