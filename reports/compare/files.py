"""The files that a variant's passes left in a run, as links where the page can reach them, else as paths."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from benchsuite.store import REPORT_FILE
from reports import format as fmt
from reports.files import files_of

if TYPE_CHECKING:
    from reports.load import ReportData
    from reports.results import VariantResult

UNREACHABLE = (OSError, ValueError, RuntimeError)
"""What following a path ends in: no path at all, another drive, links in a circle."""


@dataclass(frozen=True, slots=True)
class Place:
    """A file of a run, as the page shows it."""

    text: str
    """Its name where there is an address, else its path."""
    purpose: str
    address: str
    """Relative to the page; empty: the page and the run may part, so that a link would break."""


def places(data: ReportData, variant: VariantResult, page: Path | None) -> tuple[Place, ...]:
    """Return the trace, the flamegraph and the snapshot of a variant, those that are still on the disk.

    Args:
        data: the run.
        variant: of that run.
        page: where the page will be; None: not known.
    """
    run = data.run.path
    found = [file for pass_ in ("operators", "memory") for file in files_of(variant, pass_)]
    return tuple(
        place
        for file in found
        if (place := _place(run, unquote(file.address), file.name, file.purpose, page)) is not None
    )


def report_address(run: Path, page: Path | None) -> str:
    """Return where a run's own page is; empty: there is none, or a link to it would break."""
    place = _place(run, REPORT_FILE, REPORT_FILE, "", page)
    return place.address if place else ""


def _place(run: Path, name: str, shown: str, purpose: str, page: Path | None) -> Place | None:
    """Return a file below a run; None: it is not there, or a link leads out of the run."""
    try:
        root = run.resolve()
        file = (root / name).resolve(strict=True)
        if not (file.is_file() and file.is_relative_to(root)):
            return None
        address = "" if page is None else _address(root / name, root, page)
    except UNREACHABLE:
        return None
    return Place(shown if address else fmt.clause(str(run / name)), purpose, address)


def _address(file: Path, root: Path, page: Path) -> str:
    """Return a file's address from a page; empty where the two do not stand in one folder that can be moved as a whole.

    That is so where the page is anywhere in the folder that holds the run, or the run anywhere below the page's.
    """
    folder, runs = page.parent.resolve(), root.parent
    if not (folder.is_relative_to(runs) or runs.is_relative_to(folder)):
        return ""
    return quote(Path(os.path.relpath(file, folder)).as_posix(), errors="replace")
