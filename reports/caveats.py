"""What changes how a run is to be read: told before its numbers."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from benchsuite.comparison import moved_groups
from benchsuite.record import CANARY
from reports import format as fmt
from reports.collect import latest
from reports.phrases import fault

if TYPE_CHECKING:
    from reports.load import ReportData

MOST_NAMES = 4


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
    found += [*_failed(data), *_skipped(data), *_moved(data), *_contended(data)]
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


def _skipped(data: ReportData) -> list[str]:
    reasons: dict[str, list[str]] = defaultdict(list)
    for result in data.scenarios:
        for variant in result.variants:
            if variant.outcome == "skipped":
                reasons[fmt.one_line(variant.reason).rstrip(".")].append(variant.id)
    return [
        fmt.sentence(f"Skipped: {_names(ids)}" + (f" ({why})" if why else "")) for why, ids in reasons.items()
    ]


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
    shown = [fmt.name(name) for name in names[:MOST_NAMES]]
    more = len(names) - len(shown)
    return fmt.listing([*shown, f"{more} more"] if more else shown)
