"""Metrics that repeat exactly at one thread: compared as they are, with a small absolute floor and no statistics."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from benchsuite.gate.settings import TIME_METRICS
from benchsuite.gate.verdict import Finding, FindingVerdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchsuite.gate.settings import GateSettings
    from benchsuite.record import Record

ABSENT_IS_NONE = frozenset({"graph_breaks", "recompiles", "kernels"})
"""Counts of what only some workloads have: where one side has none of it, there were 0."""
DIGITS = 6
"""Counts a step are means over the steps of a pass."""


def compare(
    variant: str,
    scenario: str,
    base: Sequence[Record],
    head: Sequence[Record],
    settings: GateSettings,
    *,
    repetitions: int = 1,
) -> list[Finding]:
    """Judge every exact metric of a variant.

    A change is claimed only where every repetition of head is beyond every one of base.

    Args:
        variant: its id.
        scenario: its scenario.
        base: all of one side's records, in order.
        head: the other's.
        settings: limits, and which metrics to judge.
        repetitions: a change that was seen less often on either side is inconclusive.
    """
    judged = [
        _judge(variant, scenario, metric, base, head, settings.limit(variant, metric), repetitions)
        for metric in settings.metrics
        if metric not in TIME_METRICS
    ]
    return [finding for finding in judged if finding]


def changed(findings: Sequence[Finding]) -> bool:
    """Whether any of them needs a second look: another repetition must show the same."""
    return any(finding.verdict in {"regression", "improvement"} for finding in findings)


def _judge(  # noqa: PLR0917
    variant: str, scenario: str, metric: str, base: Sequence[Record], head: Sequence[Record], limit: float, repetitions: int
) -> Finding | None:  # fmt: skip
    before, after = _values(metric, base, head), _values(metric, head, base)
    if not before and not after:
        return None

    def found(verdict: FindingVerdict, reason: str = "") -> Finding:
        first, last = (before[-1] if before else None), (after[-1] if after else None)
        ratio = last / first if first and last is not None else None
        return Finding(
            scenario=scenario, variant=variant, metric=metric, verdict=verdict, base=first, head=last, ratio=ratio,
            limit=limit, exact=True, reason=reason,
        )  # fmt: skip

    if not before or not after:
        return found("not comparable", f"{'base' if not before else 'head'} did not measure it")
    if {_verdict(b, h, limit) for b, h in zip(before, after, strict=False)} == {"unchanged"}:
        return found("unchanged")
    verdicts = {_verdict(b, h, limit) for b, h in itertools.product(before, after)}
    if len(verdicts) > 1:
        said = f"base had {_spell(before)}, head {_spell(after)}"
        return found("inconclusive", f"it does not repeat exactly: {said}")
    seen = min(len(before), len(after))
    if seen < repetitions:
        why = "the others failed, or the budget ended"
        return found("inconclusive", f"the change was seen in {seen} of {repetitions} repetitions: {why}")
    return found(verdicts.pop())


def _values(metric: str, own: Sequence[Record], other: Sequence[Record]) -> list[float]:
    """Return what one side's completed trials counted; of what only some workloads have, 0 where it has none of it."""
    completed = [record for record in own if record.outcome == "completed"]
    values = [round(record.metrics[metric], DIGITS) for record in completed if metric in record.metrics]
    if values or metric not in ABSENT_IS_NONE:
        return values
    passes = {record.pass_ for record in other if metric in record.metrics}
    return [0.0 for record in completed if record.pass_ in passes]


def _verdict(base: float, head: float, limit: float) -> FindingVerdict:
    if head - base > limit:
        return "regression"
    return "improvement" if base - head > limit else "unchanged"


def _spell(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.12g}" for value in values)
