"""The page of a gate: its verdict first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reports import format as fmt
from reports.document import date, render_document
from reports.facts import facts, machine_words
from reports.gate.plot import ratio_plot
from reports.gate.rows import (
    cleared,
    cleared_table,
    command,
    commands,
    findings_table,
    headline,
    notable,
    tally,
    tell_cleared,
    title,
)
from reports.gate.sides import sides_line, sides_table, tell_environments
from reports.gate.suspects import tell_cleared_suspects
from reports.gate.words import standing, tell

if TYPE_CHECKING:
    from benchsuite.gate.verdict import Finding, Verdict

MOST_TOLD: Final = 40
"""So many findings get a paragraph of their own, the gravest; the table has them all."""
MANY_LINES: Final = 2
"""From so many lines on a reason is shown as it was written, as a traceback is."""


@dataclass(frozen=True, slots=True)
class Told:
    """A finding in sentences."""

    verdict: str
    tone: str
    text: str
    cause: str
    quarantine: str
    reason: str
    """As it was written, where it has several lines; else it is part of the text."""
    command: str


def render_verdict(verdict: Verdict) -> str:
    """Return the page of a gate as one HTML document."""
    findings = notable(verdict.findings)
    unchanged = cleared(verdict.findings)
    times = [finding for finding in unchanged if not finding.exact]
    exact = [finding for finding in unchanged if finding.exact]
    again, too_long = commands((*findings, *unchanged))
    return render_document(
        "gate.html.j2",
        title=title(verdict),
        verdict=verdict.verdict if verdict.findings else "inconclusive",
        sides=sides_line(verdict),
        started=date(verdict.started),
        took=fmt.duration(verdict.seconds * 1e9),
        machine=machine_words(verdict.machine, verdict.head.environment),
        headline=headline(verdict),
        cleared=tell_cleared(verdict),
        tally=tally(verdict.findings),
        told=[_told(finding) for finding in findings[:MOST_TOLD]],
        untold=max(0, len(findings) - MOST_TOLD),
        warnings=_warnings(verdict),
        stored=any(finding.advisory for finding in verdict.findings),
        suspects=tell_cleared_suspects(unchanged),
        findings=findings_table(findings, reasons=len(findings) > MOST_TOLD),
        plot=ratio_plot(verdict.findings, "gate"),
        times=cleared_table(times),
        exact=findings_table(exact, reasons=False),
        both=sides_table(verdict),
        facts=facts(verdict.machine),
        commands=again,
        too_long=too_long,
        run=fmt.name(verdict.run),
    )


def _warnings(verdict: Verdict) -> list[str]:
    """Return what changes how to read the page; environments that differ come first, as they may be behind everything."""
    said = [fmt.sentence(fmt.clause(text), capital=False) for text in verdict.warnings if text.strip()]
    return list(filter(None, (tell_environments(verdict), *said)))


def _told(finding: Finding) -> Told:
    lines = fmt.prose(finding.reason).splitlines()
    text = tell(finding)
    return Told(
        verdict=standing(finding),
        tone=finding.verdict if finding.counts else "set aside",
        text=fmt.sentence(text, capital=not text.startswith(fmt.name(finding.variant))),
        cause=fmt.sentence(fmt.prose(finding.cause), capital=False) if finding.cause.strip() else "",
        quarantine=fmt.clause(finding.quarantine),
        reason="\n".join(lines) if len(lines) >= MANY_LINES else "",
        command=command(finding),
    )
