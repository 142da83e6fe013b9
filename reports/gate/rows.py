"""A gate's findings in the order of their weight, as a table of words, and what they come to in sentences."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from reports import format as fmt
from reports.gate.suspects import cleared_by
from reports.gate.words import (
    change,
    limit,
    metric_name,
    number_of_pairs,
    numbered,
    standing,
    tell_after_verdict,
    values,
    why,
)
from reports.table import Cell, Column, Row, Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchsuite.gate.verdict import Finding, FindingVerdict, GateVerdict, Verdict

SHOWN_ORDER: Final[tuple[FindingVerdict, ...]] = (
    "failed",
    "regression",
    "not comparable",
    "inconclusive",
    "missing",
    "new",
    "improvement",
    "unchanged",
)
TITLES: Final[dict[GateVerdict, str]] = {
    "pass": "No regression",
    "regression": "Regression",
    "failed": "Failed",
    "not comparable": "Not comparable",
    "inconclusive": "Not decided",
}
LONGEST_COMMAND: Final = 1000
"""Characters of a command that is still shown; `verdict.json` has the others."""
BY_METRIC: Final = "ns, B or count"
"""Times, amounts of memory and counts stand in one column; the metric says which."""
AROUND: Final = ("", "low", "high")
COLUMNS: Final = (
    Column("Variant", essential=True),
    Column("Metric", essential=True),
    Column("Base", numeric=True, unit=BY_METRIC),
    Column("Head", numeric=True, unit=BY_METRIC),
    Column("Change", numeric=True, essential=True, unit="head / base", parts=AROUND),
    Column("Verdict", essential=True),
    Column("Pairs", numeric=True),
    Column("Why", wraps=True),
)
CLEARED_COLUMNS: Final = (
    Column("Variant"),
    Column("Metric"),
    Column("Change", numeric=True, unit="head / base", parts=AROUND),
    Column("Limit", numeric=True, unit="share"),
    Column("Pairs", numeric=True),
    Column("Cleared by"),
    Column("Would have shown", numeric=True, unit="share"),
    Column("Decided in", numeric=True, unit="s"),
)


def title(verdict: Verdict) -> str:
    """Return a gate's verdict as a title; a gate that has measured nothing has decided nothing."""
    undecided = verdict.verdict in {"pass", "inconclusive"} and not verdict.measured
    return "Nothing was decided" if undecided else TITLES[verdict.verdict]


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort findings by their weight: what counts before what does not, large changes before small ones."""
    return tuple(sorted(findings, key=_weight))


def notable(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings that are to be looked at, sorted: all but the unchanged ones."""
    return ordered(finding for finding in findings if finding.verdict != "unchanged")


def cleared(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the unchanged findings, sorted."""
    return ordered(finding for finding in findings if finding.verdict == "unchanged")


def findings_table(findings: Iterable[Finding], *, reasons: bool = True) -> Table:
    """Return findings as rows of words, in the order in which they come; without reasons where these stand elsewhere."""
    columns = COLUMNS if reasons else COLUMNS[:-1]
    return Table(columns, tuple(_row(finding, reasons=reasons) for finding in findings))


def cleared_table(findings: Iterable[Finding]) -> Table:
    """Return cleared times as rows that say why they were: how many pairs, and what those would have shown."""
    return Table(CLEARED_COLUMNS, tuple(map(_cleared_row, findings)))


def headline(verdict: Verdict) -> str:
    """Say in a sentence what the gate's verdict rests on; a second one counts whatever else was found."""
    number = len({finding.variant for finding in verdict.findings})
    if not number:
        return "Nothing was decided: the gate has no findings."
    leading = [f for f in ordered(verdict.findings) if f.counts and f.verdict == verdict.verdict]
    names = len({finding.variant for finding in leading})
    lead = {
        "failed": f"{names:,} of {numbered(number, 'variant')} failed",
        "regression": f"{numbered(len(leading), 'regression')} in {numbered(number, 'variant')}",
        "not comparable": f"{names:,} of {numbered(number, 'variant')} cannot be compared",
        "inconclusive": f"{names:,} of {numbered(number, 'variant')} could not be decided",
        "pass": f"No regression in {numbered(number, 'variant')}"
        if verdict.measured
        else "Nothing was measured",
    }[verdict.verdict]
    if leading:
        more = f", and {len(leading) - 1:,} more" if len(leading) > 1 else ""
        lead = f"{lead}: {tell_after_verdict(leading[0])}{more}"
    weighed = set(map(id, leading))
    others = tally(f for f in verdict.findings if id(f) not in weighed and f.verdict != "unchanged")
    rest = fmt.listing([f"{number:,} {word}" for word, number in others])
    return fmt.sentence(lead) + (f" Besides: {rest}." if rest else "")


def tally(findings: Iterable[Finding]) -> list[tuple[str, int]]:
    """Count findings by their verdict in words, many of one kind in the plural, in the order of weight."""
    counted: dict[str, int] = {}
    for finding in ordered(findings):
        counted[standing(finding)] = counted.get(standing(finding), 0) + 1
    return [
        (re.sub("^(regression|improvement)", r"\1s", words) if number > 1 else words, number)
        for words, number in counted.items()
    ]


def tell_cleared(verdict: Verdict) -> str:
    """Say what was cleared and what it would have taken not to be; empty where nothing was.

    Advisory times are left out: no pairs stand behind them.
    """
    found = cleared(verdict.findings)
    times = [finding for finding in found if not finding.exact and not finding.advisory]
    parts = []
    if times:
        least, most = min(f.pairs for f in times), max(f.pairs for f in times)
        pairs = numbered(most, "pair") if least == most else f"{least} to {most} pairs"
        detectable = [f.smallest_detectable for f in times if f.smallest_detectable is not None]
        shown = (
            f", which would have shown a change of {fmt.percent(max(detectable))} in nine of ten cases"
            if detectable
            else ""
        )
        parts.append(f"{numbered(len(times), 'step time')} by {pairs} each{shown}")
    if exact := sum(finding.exact for finding in found):
        parts.append(f"{numbered(exact, 'count or peak', 'counts and peaks')} within the limits")
    return f"Cleared: {'; '.join(parts)}." if parts else ""


def commands(findings: Iterable[Finding]) -> tuple[tuple[str, ...], int]:
    """Return the commands that decide about these findings again, each once, and how many are too long to be shown."""
    found = {finding.reproduce: command(finding) for finding in findings if finding.reproduce.strip()}
    shown = tuple(text for text in found.values() if text)
    return shown, len(found) - len(shown)


def command(finding: Finding) -> str:
    """Return the command that decides about a finding again, on one line; empty where it is too long, for cut it is worth nothing."""
    fits = len(finding.reproduce) <= LONGEST_COMMAND
    return " ".join(fmt.visible(finding.reproduce).split()) if fits else ""


def explained(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings that say more than their verdict, in the order in which they come."""
    return tuple(f for f in findings if f.reason.strip() or f.cause.strip() or f.quarantine)


def _weight(finding: Finding) -> tuple[int, bool, float, str, str]:
    size = abs(math.log(finding.ratio)) if finding.ratio and finding.ratio > 0 else 0.0
    if finding.exact and finding.base is not None and finding.head is not None:
        size = abs(finding.head - finding.base) / max(abs(finding.base), 1.0)
    return SHOWN_ORDER.index(finding.verdict), not finding.counts, -size, finding.variant, finding.metric


def _row(finding: Finding, *, reasons: bool) -> Row:
    base, head = values(finding)
    ratio = finding.ratio
    if finding.exact and finding.base and finding.head is not None:
        ratio = finding.head / finding.base
    cells = (
        Cell(fmt.name(finding.variant), finding.variant),
        Cell(metric_name(finding.metric), finding.metric),
        Cell(base, finding.base),
        Cell(head, finding.head),
        Cell(change(finding), ratio, parts=(ratio, *(finding.interval or (None, None)))),
        Cell(standing(finding), standing(finding), order=SHOWN_ORDER.index(finding.verdict)),
        Cell(number_of_pairs(finding), finding.pairs),
        *([Cell(why(finding))] if reasons else []),
    )
    return Row(cells, finding.verdict if finding.counts else "set aside", finding.variant)


def _cleared_row(finding: Finding) -> Row:
    detectable = finding.smallest_detectable
    disturbed = f" ({finding.disturbed_pairs} disturbed)" if finding.disturbed_pairs else ""
    cells = (
        Cell(fmt.name(finding.variant), finding.variant),
        Cell(metric_name(finding.metric), finding.metric),
        Cell(change(finding), finding.ratio, parts=(finding.ratio, *(finding.interval or (None, None)))),
        Cell(limit(finding), finding.limit),
        Cell(number_of_pairs(finding) + disturbed, finding.pairs),
        Cell(cleared_by(finding)),
        Cell(fmt.percent(detectable), detectable),
        Cell(fmt.duration(finding.seconds * 1e9) if finding.seconds else fmt.NOTHING, finding.seconds),
    )
    return Row(cells, "unchanged", finding.variant)
