"""`history`: one metric over many runs, and where its level changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchsuite import terminal
from benchsuite.commands.options import json_option
from benchsuite.errors import NothingMeasuredError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchsuite.history.ledger import Ledger
    from benchsuite.history.series import Line

PAGE_FILE = "history.html"
MOST_TOLD = 20
"""So many changes are told in sentences; the table and the page have them all."""
MOST_NAMED = 4
PERIODS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


class Since(click.ParamType[float]):
    """A command line's `2026-03-01`, or `30d`, `2w`, `12h` before now, as seconds since 1970."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the text, or take seconds as they are."""
        from benchsuite.history.ledger import seconds_of

        if isinstance(value, float):
            return value
        text = str(value).strip()
        number, period = text[:-1], PERIODS.get(text[-1:])
        try:
            if period is not None and number.isdecimal():
                return (datetime.now(UTC) - int(number) * period).timestamp()
        except OverflowError:
            return 0.0
        found = seconds_of(text)
        if found is None:
            self.fail(f"{text!r} is no time: write 2026-03-01, or 30d, 2w, 12h", param, ctx)
        return found


@click.command(short_help="Show a metric over runs, and where it changed.")
@click.argument("metric", default="step_time")
@click.option("-k", "only", metavar="TEXT", default="", help="Only variants whose name contains TEXT.")
@click.option(
    "--runs-dir", "runs_dirs", type=click.Path(path_type=Path), multiple=True, default=(Path("runs"),),
    show_default=True, metavar="DIR", help="Where run directories are; may be given several times.",
)  # fmt: skip
@click.option(
    "--since", type=Since(), metavar="DATE|30d", help="Only runs begun since then; 30d, 2w, 12h before now."
)
@click.option(
    "--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write a page there."
)
@click.option(
    "--open", "open_", is_flag=True, help=f"Open the page; by default it is {PAGE_FILE} beside the runs."
)
@click.option(
    "--database", envvar="BENCHSUITE_DATABASE", show_envvar=True, metavar="URL",
    help="Keep the index there (SQLite or PostgreSQL), not in a file beside the runs.",
)  # fmt: skip
@json_option
def history(  # noqa: PLR0917 - its options
    metric: str,
    only: str,
    runs_dirs: tuple[Path, ...],
    since: float | None,
    html: Path | None,
    open_: bool,
    database: str | None,
    as_json: bool,
) -> None:
    """Show METRIC, by default step_time, over all runs, the newest last, and between which runs it changed.

    Needs neither torch nor the scenarios. Whether a change is a regression it does not judge: it ends with 0.
    """
    from benchsuite.history.database import read_history
    from benchsuite.history.series import lines, select_since

    out = terminal.Terminal(quiet_stdout=as_json)
    roots = tuple({path.resolve(): path for path in runs_dirs}.values())
    ledger = read_history(roots, metric, database or None, out.note)
    if since is not None:
        ledger = select_since(ledger, since)
    _demand_runs(ledger, roots, since)
    found = lines(ledger, metric, only)
    if not found:
        _refuse(ledger, metric, only, since)
    page = html if html is not None or not open_ else roots[0] / PAGE_FILE
    if page is not None:
        _write(page, metric, ledger, found, roots, out)
    if as_json:
        from reports.history.as_json import history_document

        terminal.print_json(history_document(metric, ledger, found))
    else:
        _show(metric, ledger, found, out)
    if open_ and page is not None:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())


def _demand_runs(ledger: Ledger, roots: Sequence[Path], since: float | None) -> None:
    """Refuse folders in which there is nothing to show.

    Raises:
        UsageError: there is no run; a gate is none.
    """
    if ledger.runs:
        return
    folders = ", ".join(map(str, roots))
    gates = f" but {_numbered(ledger.gates, 'gate')}" if ledger.gates else ""
    if since is not None:
        raise UsageError(f"{folders}: no run was begun since then: name an earlier time with --since")
    raise UsageError(f"{folders}: no run is there{gates}; `python -m benchsuite run --all` makes one")


def _refuse(ledger: Ledger, metric: str, only: str, since: float | None) -> None:
    """Say why a metric has no line.

    Raises:
        UsageError: no run knows the metric, or no variant has the name; the nearest ones are offered.
        NothingMeasuredError: the runs measured nothing at all.
    """
    from benchsuite.suggestion import suggest
    from reports import format as fmt

    variants = sorted(
        {fmt.name(reading.variant) for reading in ledger.readings if reading.figure is not None}
    )
    if only and variants:
        raise UsageError(f"-k {only!r}: no variant with {metric} contains it: {_nearest(only, variants)}")
    if not ledger.metrics:
        problem = next((run for run in ledger.runs if run.problem), None)
        why = f"; {fmt.name(problem.name)}: {fmt.clause(problem.problem)}" if problem else ""
        raise NothingMeasuredError(f"nothing was measured in {_numbered(len(ledger.runs), 'run')}{why}")
    if metric in ledger.metrics and since is not None:
        raise UsageError(f"no run since then has measured {metric}: name an earlier time with --since")
    raise UsageError(
        f"no run has measured a metric {metric!r}: {suggest(metric, sorted(map(fmt.name, ledger.metrics)))}"
    )


def _numbered(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _nearest(text: str, variants: Sequence[str]) -> str:
    """Return the variants that are nearest to a text, or the first ones."""
    import difflib

    near = difflib.get_close_matches(text, variants, n=3, cutoff=0.3)
    if near:
        return f"the nearest are {', '.join(near)}"
    more = f" and {len(variants) - MOST_NAMED} more" if len(variants) > MOST_NAMED else ""
    return f"there are {', '.join(variants[:MOST_NAMED])}{more}"


def _write(  # noqa: PLR0917
    page: Path,
    metric: str,
    ledger: Ledger,
    found: Sequence[Line],
    roots: Sequence[Path],
    out: terminal.Terminal,
) -> None:
    from reports.document import write_file
    from reports.history.page import render_history

    write_file(page, render_history(metric, ledger, found, ", ".join(map(str, roots))))
    out.note(f"Page: {page}")


def _show(metric: str, ledger: Ledger, found: Sequence[Line], out: terminal.Terminal) -> None:
    from reports.history.table import history_table, notes, other_lines, with_trends
    from reports.history.words import tell

    for text in notes(ledger, found, metric):
        out.note(text)
    told = [tell(metric, line, step) for line in found for step in reversed(line.steps)]
    for sentence in told[:MOST_TOLD]:
        out.line(sentence)
    if len(told) > MOST_TOLD:
        out.line(
            f"{len(told) - MOST_TOLD} more changes are in the table, on the page (--html) and in --json."
        )
    if not told:
        out.line("No change is shown.")
    out.line()
    table = with_trends(history_table(metric, found), found).fitting(out.width)
    out.table(table.titles, table.texts, table.numeric)
    for text in other_lines(found):
        out.line(text)
