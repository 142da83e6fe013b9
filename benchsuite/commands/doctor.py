"""`doctor`: is this machine fit to measure, and what is the smallest change that it can show?"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import click

from benchsuite import terminal
from benchsuite.commands.options import json_option, runs_dir_option

if TYPE_CHECKING:
    from pathlib import Path

    from benchsuite.resolution import Resolution


@click.command(short_help="Say what spoils measurements here.")
@runs_dir_option
@click.option(
    "--pairs", type=click.IntRange(0, 100), default=8, show_default=True,
    help="Pairs of identical workers to measure; 0: look only.",
)  # fmt: skip
@json_option
def doctor(runs_dir: Path, pairs: int, as_json: bool) -> None:
    """Say what spoils measurements here, and the smallest change that this machine can show."""
    from benchsuite.doctor import inspect_machine
    from benchsuite.environment import read_machine

    machine = read_machine()
    findings = inspect_machine(runs_dir=runs_dir)
    out = terminal.Terminal(quiet_stdout=as_json)
    if not as_json:
        out.line(machine.describe(), style="bold")
        for finding in findings:
            out.finding(finding.level, finding.name, finding.message, finding.remedy)
    resolution = _measure(pairs, out) if pairs else None
    if as_json:
        terminal.print_json({
            "machine": dataclasses.asdict(machine),
            "findings": [dataclasses.asdict(finding) for finding in findings],
            "resolution": dataclasses.asdict(resolution) if resolution else None,
        })  # fmt: skip
    elif resolution:
        out.line(resolution.describe())


def _measure(pairs: int, out: terminal.Terminal) -> Resolution:
    from benchsuite.lock import machine_lock
    from benchsuite.resolution import measure_resolution

    with machine_lock("benchsuite doctor"), out.progress() as progress:
        return measure_resolution(pairs, lambda what, left_s: progress.working_on(what, 0, left_s))
