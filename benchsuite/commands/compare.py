"""`compare`: what changed from one run to another, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchsuite import terminal
from benchsuite.commands.options import json_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchsuite.record import RunInfo
    from reports import RunDifference, Unmatched


@click.command(short_help="Show what changed between two runs, and why.")
@click.argument("before", metavar="A", type=click.Path(path_type=Path))
@click.argument("after", metavar="B", type=click.Path(path_type=Path))
@json_option
def compare(before: Path, after: Path, as_json: bool) -> None:
    """Show what changed from run A to run B, two runs' directories, and how much of the change each cause explains.

    Needs neither torch nor the scenarios. Whether a change is a regression it does not judge: it ends with 0.
    """
    import reports

    old, new = reports.load(before), reports.load(after)
    difference = reports.compare_runs(old, new)
    if as_json:
        terminal.print_json(reports.difference_document(difference, before, after))
        return
    out = terminal.Terminal()
    out.line(f"A: {before} ({_origin(old.run.info)})")
    out.line(f"B: {after} ({_origin(new.run.info)})")
    for problem in (*(f"A: {text}" for text in old.problems), *(f"B: {text}" for text in new.problems)):
        out.note(problem)
    for warning in difference.warnings:
        out.line(f"warning: {warning}", style="yellow")
    _show(difference, out)
    _show_unmatched("A", "B", difference.only_before, out)
    _show_unmatched("B", "A", difference.only_after, out)
    out.line()
    out.line(reports.tell_drift(difference))


def _origin(info: RunInfo) -> str:
    """Say when a run was begun, and on which commit."""
    return info.started + (f", commit {info.commit}" if info.commit else "")


def _show(difference: RunDifference, out: terminal.Terminal) -> None:
    import reports
    from reports import format as fmt

    changed = [variant for variant in difference.variants if reports.has_changed(variant)]
    for variant in sorted(changed, key=lambda variant: -abs(variant.log_ratio)):
        out.line()
        out.line(fmt.name(variant.variant), style="bold")
        for sentence in reports.tell(variant):
            out.line(f"  {sentence}")
    same = [fmt.name(variant.variant) for variant in difference.variants if variant not in changed]
    if same:
        out.line()
        out.line(f"No change is shown in {fmt.some(same)}.")


def _show_unmatched(
    measured: str, other: str, unmatched: Sequence[Unmatched], out: terminal.Terminal
) -> None:
    from reports import format as fmt

    if unmatched:
        out.line()
        out.line(f"Measured in {measured} only:")
        for variant in unmatched:
            out.line(f"  {fmt.name(variant.variant)}; in {other}: {fmt.clause(variant.reason)}")
