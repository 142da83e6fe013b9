"""What a gate shows when it has ended: its verdict, what it rests on, why, and how to decide again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchsuite.store import REPORT_FILE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchsuite.gate.verdict import Finding, Verdict
    from benchsuite.terminal import Terminal

MOST_ROWS: Final = 40
MOST_TOLD: Final = 12
"""So many findings are shown in the table and told in sentences; the page has the others."""
STYLES: Final = {"pass": "bold green", "regression": "bold red", "failed": "bold red"}
"""Of the headline, by the gate's verdict; the others are bold yellow."""


def show(verdict: Verdict, out: Terminal) -> None:
    """Show a gate's verdict: the headline, what is not unchanged, causes, warnings, commands and where the page is."""
    from reports import format as fmt
    from reports.gate import rows as gate_rows
    from reports.gate import sides as gate_sides

    findings = gate_rows.notable(verdict.findings)
    out.line()
    style = STYLES.get(verdict.verdict, "bold yellow") if verdict.findings else "bold yellow"
    out.line(gate_rows.headline(verdict), style=style)
    out.line(f"{gate_sides.sides_line(verdict)}; {fmt.duration(verdict.seconds * 1e9)}.")
    _show_table(findings, out)
    if cleared := gate_rows.tell_cleared(verdict):
        out.line(cleared)
    _show_reasons(findings, out)
    for warning in verdict.warnings:
        out.line(f"warning: {fmt.clause(warning)}", style="yellow")
    _show_commands(findings, out)
    if verdict.run:
        out.line()
        out.line(f"Report: {fmt.visible(verdict.run)}/{REPORT_FILE}")


def _show_table(findings: Sequence[Finding], out: Terminal) -> None:
    """Show as many columns as fit; reasons get lines of their own."""
    from reports.gate import rows as gate_rows

    if not findings:
        return
    table = gate_rows.findings_table(findings[:MOST_ROWS], reasons=False).fitting(out.width)
    out.table(table.titles, table.texts, table.numeric)
    _show_left(len(findings) - MOST_ROWS, "findings", out)


def _show_reasons(findings: Sequence[Finding], out: Terminal) -> None:
    from reports import format as fmt
    from reports.gate import rows as gate_rows
    from reports.gate import words as gate_words

    explained = gate_rows.explained(findings)
    if explained:
        out.line()
    for finding in explained[:MOST_TOLD]:
        metric = f", {gate_words.metric_name(finding.metric)}" if finding.metric else ""
        out.line(f"{fmt.name(finding.variant)}{metric}: {gate_words.why(finding)}")
    _show_left(len(explained) - MOST_TOLD, "reasons and causes", out)


def _show_commands(findings: Sequence[Finding], out: Terminal) -> None:
    from reports.gate import rows as gate_rows

    commands, too_long = gate_rows.commands(findings)
    if commands:
        out.line()
        out.line("Decide again:", style="bold")
    for command in commands[:MOST_TOLD]:
        out.line(f"  {command}")
    _show_left(max(0, len(commands) - MOST_TOLD) + too_long, "commands", out)


def _show_left(number: int, what: str, out: Terminal) -> None:
    if number > 0:
        out.line(f"{number:,} more {what}: the report has them.")
