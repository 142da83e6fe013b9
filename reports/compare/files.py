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
    """Empty: a link would break."""


@dataclass(frozen=True, slots=True)
class Way:
    """Where a run is, seen from the page."""

    folder: str = ""
    """The address of its directory, with the slash; empty: the page and the run may part, so that a link would break."""
    report: str = ""
    """The address of its own page; empty: there is none, or a link to it would break."""


def way(run: Path, page: Path) -> Way:
    """Return where a run is, seen from a page on the disk.

    There are addresses where the two stand in one folder that can be moved as a whole: the page is anywhere in the
    folder that holds the run, or the run anywhere below the page's.
    """
    try:
        folder, root = page.parent.resolve(), run.resolve()
        if not (folder.is_relative_to(root.parent) or root.parent.is_relative_to(folder)):
            return Way()
        address = f"{quote(os.fsencode(Path(os.path.relpath(root, folder)).as_posix()))}/"
    except UNREACHABLE:
        return Way()
    return Way(address, f"{address}{REPORT_FILE}" if _find(run, REPORT_FILE) else "")


def places(data: ReportData, variant: VariantResult, from_page: Way) -> tuple[Place, ...]:
    """Return the trace, the flamegraph and the snapshot of a variant, those that are still on the disk.

    Args:
        data: the run.
        variant: of that run.
        from_page: where that run is.
    """
    run = data.run.path
    found = [file for pass_ in ("operators", "memory") for file in files_of(variant, pass_)]
    return tuple(
        _place(run, name, file.name, file.purpose, from_page)
        for file in found
        if _find(run, name := unquote(file.address))
    )


def _place(run: Path, name: str, shown: str, purpose: str, from_page: Way) -> Place:
    address = f"{from_page.folder}{quote(os.fsencode(name))}" if from_page.folder else ""
    return Place(shown if address else fmt.clause(str(run / name)), purpose, address)


def _find(run: Path, name: str) -> bool:
    """Whether a file is there below a run, and no link leads out of it."""
    try:
        root = run.resolve()
        file = (root / name).resolve(strict=True)
        return file.is_file() and file.is_relative_to(root)
    except UNREACHABLE:
        return False
