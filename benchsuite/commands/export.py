"""`export`: a run or a gate's verdict for other programs."""

from __future__ import annotations

from pathlib import Path

import click

from benchsuite import terminal
from benchsuite.commands.named_run import named_run
from benchsuite.commands.options import runs_dir_option
from benchsuite.errors import UsageError
from benchsuite.store import INFO_FILE, RECORDS_FILE, VERDICT_FILE

TEXTS = ("json", "junit", "markdown", "pytest-benchmark")
FOLDERS = ("csv", "parquet", "tensorboard")
OF_GATES = ("junit", "markdown")


@click.command(short_help="Write a run for other programs: CSV, Parquet, JUnit ...")
@click.argument("run", type=click.Path(path_type=Path), required=False)
@click.option(
    "--format", "format_", type=click.Choice(sorted(TEXTS + FOLDERS)), required=True, help="What to write."
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The file to write, by default stdout; of csv, parquet and tensorboard, the folder.",
)
@click.option(
    "-k",
    "wanted",
    multiple=True,
    metavar="TEXT",
    help="Only variants whose name contains TEXT; can be given several times.",
)
@runs_dir_option
def export(
    run: Path | None, format_: str, output: Path | None, wanted: tuple[str, ...], runs_dir: Path
) -> None:
    """Write RUN, a run's directory or the name of a baseline, in another format; by default the newest run.

    Of a gate's directory, its verdict can be written as junit or markdown. Needs neither torch nor the scenarios.
    """
    if output is None and format_ in FOLDERS:
        raise UsageError(f"--format {format_} writes a folder of files: name it with --output")
    path = named_run(run, runs_dir, gates=format_ in OF_GATES)
    if output is not None:
        _demand_apart(output, path)
    from reports.document import write_file
    from reports.exports.formats import export_folder, export_text

    if output is not None and format_ in FOLDERS:
        missing = export_folder(path, format_, wanted, output)
    else:
        text = export_text(path, format_, wanted)
        missing = text.caveats
        if output is None:
            terminal.print_document(text.content)
        else:
            write_file(output.resolve(), text.content)
    out = terminal.Terminal(quiet_stdout=output is None)
    for sentence in missing:
        out.note(sentence)
    if output is not None:
        out.line(f"Export: {output}")


def _demand_apart(output: Path, run: Path) -> None:
    """Refuse to write over what a run consists of, and in the place of what is no file, such as `/dev/null`."""
    place, own = output.resolve(), run.resolve()
    if place == own or place in {own / name for name in (INFO_FILE, RECORDS_FILE, VERDICT_FILE)}:
        raise UsageError(f"--output {output}: that is the run itself: name another path")
    if output.exists() and not (output.is_file() or output.is_dir()):
        raise UsageError(f"--output {output}: that is no plain file: leave --output out to write to stdout")
