"""`baseline`: names for runs, to compare with later."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchsuite import terminal
from benchsuite.commands.options import json_option, runs_dir_option

if TYPE_CHECKING:
    from benchsuite.baselines import Baseline

SHORT_COMMIT = 12


@click.group(short_help="Name runs, to compare with later.")
def baseline() -> None:
    """Name runs, to compare with later; no gate ever changes what a name stands for."""


@baseline.command("set")
@click.argument("name")
@click.argument("run", type=click.Path(path_type=Path), required=False)
@runs_dir_option
@click.option("--replace", is_flag=True, help="The name may stand for another run already.")
def set_(name: str, run: Path | None, runs_dir: Path, replace: bool) -> None:
    """Let NAME stand for RUN, a finished run's directory; by default the newest run."""
    from benchsuite.baselines import set_baseline
    from benchsuite.store import latest_run

    found = set_baseline(
        runs_dir, name, run if run is not None else latest_run(runs_dir, gates=False), replace=replace
    )
    out = terminal.Terminal()
    out.line(f"{name} stands for {found.run} ({_origin(found)}).")
    out.line(f"Next: python -m benchsuite gate --against {name}")


@baseline.command("list")
@runs_dir_option
@json_option
def list_(runs_dir: Path, as_json: bool) -> None:
    """Show all baselines, and which of them can no longer be compared with."""
    from benchsuite.baselines import load_baselines
    from benchsuite.record import SCHEMA

    found = load_baselines(runs_dir)
    if as_json:
        terminal.print_json({"schema": SCHEMA, "baselines": [_document(one) for one in found.values()]})
        return
    out = terminal.Terminal()
    if not found:
        out.line(
            f"{runs_dir}: no baseline is set; `python -m benchsuite baseline set NAME` names the newest run"
        )
        return
    rows = [
        (one.name, str(one.run), one.started, _short(one.commit), one.set_at, one.problem)
        for one in found.values()
    ]
    out.table(("Baseline", "Run", "Started", "Commit", "Set", "Problem"), rows)


@baseline.command()
@click.argument("name")
@runs_dir_option
@json_option
def show(name: str, runs_dir: Path, as_json: bool) -> None:
    """Show what NAME stands for."""
    from benchsuite.baselines import get
    from benchsuite.record import SCHEMA

    found = get(runs_dir, name)
    document = {"schema": SCHEMA, **_document(found), **_measured(found)}
    if as_json:
        terminal.print_json(document)
        return
    out = terminal.Terminal()
    for key, value in document.items():
        if key != "schema" and value not in {None, ""}:
            out.line(f"{key:<9} {value}")


@baseline.command()
@click.argument("name")
@runs_dir_option
def remove(name: str, runs_dir: Path) -> None:
    """Forget NAME; its run stays."""
    from benchsuite.baselines import remove_baseline

    removed = remove_baseline(runs_dir, name)
    terminal.Terminal().line(f"{name} is removed; its run stays: {removed.run}")


def _document(found: Baseline) -> dict[str, Any]:
    return {
        "name": found.name,
        "run": str(found.run),
        "started": found.started,
        "commit": found.commit,
        "set": found.set_at,
        "problem": found.problem,
    }


def _measured(found: Baseline) -> dict[str, Any]:
    """Return what a run holds, where it can still be read."""
    from benchsuite.comparison import timings
    from benchsuite.store import load_run

    if found.problem:
        return {}
    run = load_run(found.run)
    return {
        "finished": run.info.finished,
        "task": run.info.task,
        "variants": len({record.variant for record in timings(run.records)}),
    }


def _origin(found: Baseline) -> str:
    return f"started {found.started}" + (f", commit {_short(found.commit)}" if found.commit else "")


def _short(commit: str | None) -> str:
    """Return a commit's first characters, and that the working tree had changes."""
    if commit is None:
        return ""
    return commit.removesuffix("-dirty")[:SHORT_COMMIT] + ("-dirty" if commit.endswith("-dirty") else "")
