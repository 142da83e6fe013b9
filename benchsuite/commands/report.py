"""`report`: build a run's page anew."""

from __future__ import annotations

from pathlib import Path

import click

from benchsuite import terminal
from benchsuite.commands.options import json_option, runs_dir_option


@click.command(short_help="Build the HTML page of a run or a gate.")
@click.argument("run", type=click.Path(path_type=Path), required=False)
@runs_dir_option
@click.option("--open", "open_", is_flag=True, help="Open the page in the browser.")
@json_option
def report(run: Path | None, runs_dir: Path, open_: bool, as_json: bool) -> None:
    """Build the HTML page of RUN, a run's directory or the name of a baseline; by default of the newest run.

    Needs neither torch nor the scenarios.
    """
    import reports
    from benchsuite.commands.named_run import named_run

    path = reports.build(named_run(run, runs_dir))
    if as_json:
        terminal.print_json({"report": str(path)})
    else:
        terminal.Terminal().line(f"Report: {path}")
    if open_:
        import webbrowser

        webbrowser.open(path.resolve().as_uri())
