"""Latency percentiles: shown only where enough requests stand behind them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING

from benchsuite.statistics import quantile
from reports import format as fmt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchsuite.record import Record
    from reports.phrases import Statement
    from reports.results import ContextResult, VariantResult

PERCENTS = (50, 90, 99)
SAMPLES_BEYOND = 10
"""A percentile is shown where so many samples, or more, are expected to lie beyond it."""


@dataclass(frozen=True, slots=True)
class Percentile:
    """One percentile of the time of a request."""

    percent: int
    ns: float
    count: int
    """How many requests stand behind it."""


def samples_needed(percent: int) -> int:
    """Return how many samples a percentile needs: 20 for p50, 100 for p90, 1,000 for p99."""
    # In whole numbers: 10 / (1 - 0.99) is a little more than 1,000.
    return -(-100 * SAMPLES_BEYOND // (100 - percent))


def percentiles(samples_ns: Sequence[float], percents: Sequence[int] = PERCENTS) -> tuple[Percentile, ...]:
    """Return those of the percentiles for which there are enough samples."""
    ordered, count = sorted(samples_ns), len(samples_ns)
    return tuple(
        Percentile(percent, quantile(ordered, percent / 100), count)
        for percent in percents
        if count >= samples_needed(percent)
    )


def request_ns(records: Iterable[Record]) -> list[float]:
    """Return the time of every request of several timing trials, in ns, but for the first one of each turn.

    That one finds the caches full of what the other variants' turns have left there: it is up to several
    times as slow, and would be the p99 of turns of less than a hundred requests. Where the device's own
    clock was read, its times count: the host's last one of a turn includes a wait that is the turn's.
    """
    found: list[float] = []
    for record in records:
        samples = record.device_ns or record.step_ns
        firsts = {
            end - turn.steps
            for turn, end in zip(record.turns, accumulate(turn.steps for turn in record.turns), strict=True)
            if turn.steps > 1
        }
        found += [ns for index, ns in enumerate(samples) if index not in firsts]
    return found


def percentile_ns(variant: VariantResult, percent: int) -> float | None:
    """Return one percentile of a variant's steps over all rounds, in ns; None: there are too few of them."""
    found = percentiles(request_ns(variant.timings), (percent,))
    return found[0].ns if found else None


def figures(variant: VariantResult) -> dict[str, float | None]:
    """Return every percentile of a variant's steps in ns by its name, such as `p99_ns`."""
    known = {found.percent: found.ns for found in percentiles(request_ns(variant.timings))}
    return {f"p{percent}_ns": known.get(percent) for percent in PERCENTS}


def with_tails(statement: Statement, context: ContextResult, metric: str) -> Statement:
    """Add to a statement how slow the slowest of a hundred requests is, in each sound variant.

    Args:
        statement: what the context answers.
        context: whose variants are told.
        metric: what the scenario's answer is about; another than `latency` leaves the statement as it is.
    """
    parts = []
    for variant in context.variants if metric == "latency" else ():
        found = percentiles(request_ns(variant.timings), (99,)) if variant.sound else ()
        parts += [f"{variant.label} {fmt.duration(p.ns)} over {fmt.count(p.count)} requests" for p in found]
    if not parts:
        return statement
    told = fmt.sentence(f"p99: {fmt.some(parts)}", capital=False)
    return replace(statement, detail=f"{statement.detail} {told}".strip())
