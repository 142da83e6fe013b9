"""All commands by name; each module imports what it needs only when its command runs."""

from __future__ import annotations

from pathlib import Path

import click

from benchsuite import __version__
from benchsuite.commands.baseline import baseline
from benchsuite.commands.compare import compare
from benchsuite.commands.config import config
from benchsuite.commands.doctor import doctor
from benchsuite.commands.export import export
from benchsuite.commands.gate import gate
from benchsuite.commands.history import history
from benchsuite.commands.list import list_
from benchsuite.commands.report import report
from benchsuite.commands.run import run
from benchsuite.commands.view import view
from benchsuite.errors import UsageError


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=(
        "Exit codes: 0 fine; 1 a confirmed regression; 2 wrong usage; 3 a scenario failed, a check did not hold or nothing "
        "was measured; 4 not comparable; 5 inconclusive, where that fails; 6 the machine is being measured by another; 70 a fault of this program; 130 interrupted."
    ),
)
@click.version_option(__version__, prog_name="benchsuite")
def app() -> None:
    """Measure what settings cost and bring in PyTorch training and inference, with evidence."""
    try:
        Path.cwd()
    except OSError as error:
        raise UsageError(
            f"the working directory is not there any more ({error.strerror}): change to one that is"
        ) from error


for command in (list_, run, report, view, compare, gate, history, baseline, export, config, doctor):
    app.add_command(command)
