"""`view`: show runs in a browser, from this machine to this machine."""

from __future__ import annotations

import contextlib
import html
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchsuite import terminal
from benchsuite.commands.options import json_option, runs_dir_option
from benchsuite.errors import UsageError
from benchsuite.leftovers import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchsuite.view.library import Library


@click.command(short_help="Show runs in a browser, on this machine alone.")
@click.argument("run", type=click.Path(path_type=Path), required=False)
@runs_dir_option
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="N",
    help="Listen there; by default on a free one.",
)
@click.option(
    "--open/--no-open", "open_", default=None, help="Open the browser; by default where there is a desktop."
)
@json_option
def view(run: Path | None, runs_dir: Path, port: int, open_: bool | None, as_json: bool) -> None:
    """Serve the runs of a folder, or the page of RUN, on 127.0.0.1 until Ctrl-C.

    Traces open in Perfetto where there is a network; everything else works without one. The address holds a secret:
    whoever has it can read the runs. Needs neither torch nor the scenarios.
    """
    from benchsuite.store import REPORT_FILE
    from benchsuite.view.address import Addresses
    from benchsuite.view.server import Server
    from benchsuite.view.site import Pages, Site
    from reports import view as pages

    library, name = _library(run, runs_dir)
    library.runs()
    addresses = Addresses()
    site = Site(
        library,
        addresses,
        Pages(
            index=partial(pages.index_page, library.root),
            files=pages.files_page,
            comparison=pages.comparison_page,
            report=pages.report_page,
            trace=pages.trace_page,
            trouble=pages.trouble_page,
        ),
    )
    with Server(site, port, terminal.print_fault) as server:
        place = f"http://127.0.0.1:{server.server_port}"
        url = place + (addresses.of(name, REPORT_FILE) if name else addresses.index())
        if as_json:
            terminal.print_json({"url": url, "runs": place + addresses.index()})
        else:
            out = terminal.Terminal()
            out.line(f"{'Report' if name else 'Runs'}: {url}")
            if name:
                out.line(f"Files: {place}{addresses.of(name)}")
            out.note("Ctrl-C ends it.")
        with _opened(url) if _wants_browser(open_, as_json=as_json) else contextlib.nullcontext():
            server.serve_forever()


def _library(run: Path | None, runs_dir: Path) -> tuple[Library, str]:
    """Return which runs are served and the name of the one that was asked for.

    A run of the runs folder is shown among the others, another one alone.
    """
    from benchsuite.view.library import Library

    if run is None:
        return Library(runs_dir), ""
    path = run.resolve()
    inside = path.parent == runs_dir.resolve()
    library = Library(runs_dir) if inside else Library(path.parent, only=path.name)
    if library.run(path.name) is None:
        raise UsageError(f"{run}: no run is there; `python -m benchsuite view` lists those of {runs_dir}")
    return library, path.name


def _wants_browser(open_: bool | None, *, as_json: bool) -> bool:
    if open_ is not None:
        return open_
    desktop = sys.platform in {"darwin", "win32"} or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    return desktop and sys.stdout.isatty() and not as_json


@contextlib.contextmanager
def _opened(url: str) -> Iterator[None]:
    """Open the browser by a file that only this user can read: a command line, with the secret in it, everybody can."""
    import webbrowser

    with temporary_folder("view") as folder:
        page = folder / "open.html"
        page.write_text(
            f'<!doctype html><meta name="referrer" content="no-referrer">'
            f'<meta http-equiv="refresh" content="0;url={html.escape(url)}">',
            encoding="ascii",
        )
        webbrowser.open(page.as_uri())
        yield
