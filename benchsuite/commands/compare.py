"""`compare`: what changed from one run to another, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchsuite import terminal
from benchsuite.commands.options import json_option, runs_dir_option
from benchsuite.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchsuite.record import RunInfo
    from reports import ReportData, RunDifference, Unmatched


@click.command(short_help="Show what changed between two runs, and why.")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@click.option(
    "--html", "html", type=click.Path(path_type=Path), metavar="PATH", help="Write the comparison as a page."
)
@click.option(
    "--open", "open_", is_flag=True,
    help="Open the page in the browser; without --html it is written into B's directory, in compare/.",
)  # fmt: skip
@runs_dir_option
@json_option
def compare(  # noqa: PLR0917 - one parameter for each option
    before: str, after: str, html: Path | None, open_: bool, runs_dir: Path, as_json: bool
) -> None:
    """Show what changed from run A to run B, and how much of the change each cause explains.

    A and B are runs' directories or names of baselines. Needs neither torch nor the scenarios. Whether a change is a
    regression it does not judge: it ends with 0.
    """
    from benchsuite.commands.named_run import find_run
    from benchsuite.commands.page_place import demand_page_path, page_beside

    if html is not None:
        demand_page_path(html)
    paths = find_run(before, runs_dir), find_run(after, runs_dir)
    if paths[0].resolve() == paths[1].resolve():
        raise UsageError(f"{before} and {after} are the same run, {paths[1]}: name two")
    import reports

    old, new = map(reports.load, paths)
    difference = reports.compare_runs(old, new)
    page = html or (page_beside(paths[1], paths[0]) if open_ else None)
    if page is not None:
        reports.write_comparison(difference, old, new, page, names=(before, after))
    if as_json:
        document = reports.difference_document(difference, *paths)
        terminal.print_json({**document, "page": None if page is None else str(page)})
    else:
        _show_all(difference, (old, new), (before, after), page)
    if page is not None and open_:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())


def _show_all(
    difference: RunDifference, runs: tuple[ReportData, ReportData], names: tuple[str, str], page: Path | None
) -> None:
    import reports

    out = terminal.Terminal()
    for letter, name, data in zip("AB", names, runs, strict=True):
        path = "" if Path(name) == data.run.path else f" = {data.run.path}"
        out.line(f"{letter}: {name}{path} ({_origin(data.run.info)})")
    for letter, data in zip("AB", runs, strict=True):
        for problem in data.problems:
            out.note(f"{letter}: {problem}")
    for warning in difference.warnings:
        out.line(f"warning: {warning}", style="yellow")
    _show(difference, out)
    _show_unmatched("A", "B", difference.only_before, out)
    _show_unmatched("B", "A", difference.only_after, out)
    out.line()
    out.line(reports.tell_drift(difference))
    if page is not None:
        out.line(f"Page: {page}")


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
