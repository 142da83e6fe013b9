"""What a gate has found, spelt: values in their units, changes with their intervals, a sentence for each finding."""

from __future__ import annotations

import math
import re
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Final

from benchsuite.gate.settings import TIME_METRICS
from reports import format as fmt
from reports.compare.metric_changes import AMOUNTS, COUNTS, MetricCause, tell_metric

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchsuite.gate.verdict import Finding

METRIC_WORDS: Final = {
    "step_time": "step time",
    "peak_heap": "peak heap",
    "allocations": "heap allocations a step",
    "leak": "leak a step",
    "operators": "operators a step",
    "kernels": "kernels a step",
    "graph_breaks": "graph breaks",
    "recompiles": "recompiles",
    "cuda_peak_allocated": "GPU memory peak",
}
PHASES: Final = {"train": "training step", "infer": "inference step"}
WITHOUT_RATIO: Final = 10.0
"""From this ratio on a change is told in times, not in percent."""


def metric_name(metric: str) -> str:
    """Return words for a metric's name; without a metric a finding is about the whole variant."""
    return METRIC_WORDS.get(metric) or fmt.name(metric.replace("_", " ")) or "the whole variant"


def values(finding: Finding) -> tuple[str, str]:
    """Spell what the base and the head have: counts in full, and two amounts that differ never alike."""
    if finding.metric in COUNTS:
        return _in_full(finding.base), _in_full(finding.head)
    if finding.exact and finding.base is not None and finding.head is not None:
        rounded = {f"{value:.2e}" for value in (finding.base, finding.head)}
        if len(rounded) == 1 and finding.base != finding.head:
            unit = " B" if _spelling(finding.metric) is fmt.size else ""
            return f"{finding.base:,.15g}{unit}", f"{finding.head:,.15g}{unit}"
    return _spell(finding.metric, finding.base), _spell(finding.metric, finding.head)


def _in_full(count: float | None) -> str:
    return fmt.NOTHING if count is None else f"{count:,.15g}"


def change(finding: Finding) -> str:
    """Spell how the head differs from the base: `+5.1 % (+4.2 to +6.3 %)`, `+1 MiB (+12.1 %)`, `none`."""
    if finding.exact:
        return _difference(finding)
    if finding.ratio is None or not math.isfinite(finding.ratio):
        return fmt.NOTHING
    around = interval(finding)
    return signed_percent(finding.ratio) + (f" ({around})" if around else "")


def interval(finding: Finding) -> str:
    """Spell the interval of a ratio as changes, rounded outward; empty where there is none."""
    low, high = finding.interval or (0.0, math.inf)
    if low <= 0:
        return f"at most {signed_percent(high, ROUND_CEILING)}" if math.isfinite(high) else ""
    lower = signed_percent(low, ROUND_FLOOR)
    if not math.isfinite(high):
        return f"at least {lower}"
    upper = signed_percent(high, ROUND_CEILING)
    return f"{lower.removesuffix(' %') if upper.endswith(' %') else lower} to {upper}"


def signed_percent(ratio: float, rounding: str = ROUND_HALF_EVEN) -> str:
    """Spell a ratio as a change: `+5.1 %`, `-3.0 %`, `12.3 times`."""
    if ratio >= WITHOUT_RATIO:
        return f"{fmt.factor(ratio)} times"
    shown = f"{_percent(ratio, rounding):+.1f} %"
    return "0.0 %" if shown in {"+0.0 %", "-0.0 %"} else shown


def limit(finding: Finding) -> str:
    """Spell what a metric may grow by."""
    if finding.limit is None:
        return fmt.NOTHING
    return _spell(finding.metric, finding.limit) if finding.exact else fmt.percent(finding.limit)


def number_of_pairs(finding: Finding) -> str:
    """Spell how many pairs stand behind a finding; against a stored run, and where nothing was timed, there are none."""
    if finding.pairs:
        return str(finding.pairs)
    return "exact" if finding.exact else fmt.NOTHING


def tell(finding: Finding) -> str:
    """Say what was found of a variant, in a clause that begins small unless it begins with a name."""
    if finding.verdict in {"regression", "improvement", "unchanged"}:
        who = fmt.name(finding.variant)
        return _tell_exact(finding, who) if finding.exact else _tell_time(finding, who)
    words = {
        "inconclusive": "is not decided",
        "not comparable": "is not comparable",
        "missing": "is missing in the head",
        "new": "is new in the head",
        "failed": "failed",
    }[finding.verdict]
    return _tell_open(finding, f" {words}")


def tell_after_verdict(finding: Finding) -> str:
    """Say what was found of a variant in a clause that follows its verdict."""
    judged = finding.verdict in {"failed", "not comparable", "inconclusive"}
    return _tell_open(finding, "") if judged else tell(finding)


def standing(finding: Finding) -> str:
    """Return the verdict in words, and what takes its weight from it."""
    if finding.quarantine:
        return f"{finding.verdict} (quarantined)"
    return f"{finding.verdict} (advisory)" if finding.advisory else finding.verdict


def why(finding: Finding) -> str:
    """Return the reason, the cause and the reason of a quarantine, those that there are, in sentences."""
    texts = [
        fmt.sentence(fmt.clause(finding.reason)) if finding.reason.strip() else "",
        fmt.sentence(fmt.clause(finding.cause), capital=False) if finding.cause.strip() else "",
        fmt.sentence(f"Quarantined: {fmt.clause(finding.quarantine)}") if finding.quarantine else "",
    ]
    return " ".join(text for text in texts if text)


def numbered(number: int, word: str, many: str = "") -> str:
    """Count things: `1 regression`, `3 regressions`."""
    return f"{number:,} {word if number == 1 else many or f'{word}s'}"


def _tell_open(finding: Finding, words: str) -> str:
    who = fmt.name(finding.variant)
    what = f"{metric_name(finding.metric)} of {who}" if finding.metric else who
    shown = change(finding) if finding.verdict == "inconclusive" else fmt.NOTHING
    measured = f" at {shown}" if shown != fmt.NOTHING else ""
    reason = fmt.clause(finding.reason).rstrip(".")
    return f"{what}{words}{measured}" + (f": {reason}" if reason else "")


def _tell_time(finding: Finding, who: str) -> str:
    phase = re.search(r"[\[,]phase=(train|infer)[,\]]", finding.variant)
    if finding.metric == "step_time":
        what = f"{PHASES[phase[1]] if phase else 'step'} of {who} takes"
    else:
        what = f"{metric_name(finding.metric)} of {who} is"
    if finding.ratio is None:
        return f"{what} {'longer' if finding.verdict == 'regression' else 'less'}"
    if finding.ratio >= WITHOUT_RATIO:
        return f"{what} {fmt.factor(finding.ratio)} times as long"
    longer = finding.ratio >= 1
    low, high = finding.interval or (0.0, math.inf)
    around = interval(finding)
    if longer and low >= 1 and high < WITHOUT_RATIO:
        around = f"{_percent(low, ROUND_FLOOR):.1f} to {_percent(high, ROUND_CEILING):.1f} %"
    elif not longer and low > 0 and high <= 1:
        around = f"{abs(_percent(high, ROUND_CEILING)):.1f} to {abs(_percent(low, ROUND_FLOOR)):.1f} %"
    direction = "longer" if longer else "less time" if finding.metric == "step_time" else "shorter"
    told = f"{what} {abs(_percent(finding.ratio)):.1f} % {direction}"
    return told + (f" ({around})" if around else "")


def _tell_exact(finding: Finding, who: str) -> str:
    base, head = finding.base, finding.head
    if base is None or head is None:
        return f"{metric_name(finding.metric)} of {who} changed"
    if base == head:
        return f"{metric_name(finding.metric)} of {who} did not change"
    if finding.metric in COUNTS or finding.metric in AMOUNTS:
        told = tell_metric(MetricCause(finding.metric, base, head))
        return f"{who} {told}" if finding.metric == "leak" else f"{who} has {told}"
    before, after = values(finding)
    return f"{metric_name(finding.metric)} of {who} is {after} instead of {before}"


def _difference(finding: Finding) -> str:
    if finding.base is None or finding.head is None:
        return fmt.NOTHING
    difference = finding.head - finding.base
    if not difference:
        return "none"
    shown = f"{'+' if difference > 0 else '-'}{_spell(finding.metric, abs(difference))}"
    share = signed_percent(finding.head / finding.base) if finding.base > 0 else "0.0 %"
    return shown if share == "0.0 %" else f"{shown} ({share})"


def _percent(ratio: float, rounding: str = ROUND_HALF_EVEN) -> float:
    share = 100 * (Decimal(repr(float(ratio))) - 1)
    return float(share.quantize(Decimal("0.1"), rounding=rounding))


def _spell(metric: str, value: float | None) -> str:
    return _spelling(metric)(value)


def _spelling(metric: str) -> Callable[[float | None], str]:
    """Return how a metric's values are spelt, by its name's ending where it is not known."""
    if metric in TIME_METRICS or metric.endswith(("_time", "_ns")):
        return fmt.duration
    if metric in AMOUNTS or metric.endswith(("_bytes", "_heap", "_rss")):
        return fmt.size
    return fmt.count if metric in COUNTS else fmt.plain
