"""Which step times the screening suspected and new pairs cleared, and why."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from benchsuite.signed_rank import hodges_lehmann
from reports import format as fmt
from reports.gate.words import change, limit, numbered, signed_percent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchsuite.gate.verdict import Finding


def was_suspected(finding: Finding) -> bool:
    """Whether new pairs had to decide about a time; of older gates the test that decided tells."""
    return bool(finding.confirmation_ratios) or (
        finding.p is not None and not finding.exact and not finding.advisory
    )


def cleared_by(finding: Finding) -> str:
    """Say in a word or two what cleared an unchanged time."""
    if finding.advisory:
        return "stored run"
    return "new pairs" if was_suspected(finding) else "screening"


def tell_cleared_suspects(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Say of each time that was suspected at first why it was cleared, in sentences."""
    return tuple(
        _tell(finding) for finding in findings if finding.verdict == "unchanged" and was_suspected(finding)
    )


def _tell(finding: Finding) -> str:
    suspicion = _tell_screening(finding.screening_ratios)
    new = numbered(finding.pairs, "new pair")
    told = f"{fmt.name(finding.variant)}: {suspicion}{new} then said {change(finding)}"
    beyond = (
        f"That shows nothing beyond the limit of {limit(finding)}" if finding.limit is not None else
        "That shows no change"
    )  # fmt: skip
    detectable = finding.smallest_detectable
    if detectable is None or not math.isfinite(detectable):
        return f"{told}. {beyond}."
    return (
        f"{told}. {beyond}, and a change of {fmt.percent(detectable)} would have shown in nine of ten cases."
    )


def _tell_screening(ratios: tuple[float, ...]) -> str:
    if not ratios:
        return "the screening left a doubt, and "
    estimate = signed_percent(math.exp(hodges_lehmann([math.log(ratio) for ratio in ratios])))
    low, high = signed_percent(min(ratios)), signed_percent(max(ratios))
    span = f"{low.removesuffix(' %') if high.endswith(' %') else low} to {high}"
    return f"{numbered(len(ratios), 'pair')} of the screening said {estimate} ({span}), a doubt; "
