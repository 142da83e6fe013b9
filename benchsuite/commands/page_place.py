"""Where a page is written that has no place of its own: never over anything but a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchsuite.errors import UsageError
from benchsuite.store import safe_name

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "compare"
"""In the directory of run B: pages that compare it with others."""
BEGINNING = b"<!doctype html"


def demand_page_path(path: Path) -> Path:
    """Return the path as it was given, if a page may be written there.

    Raises:
        UsageError: it is a folder, in no folder, or something that must not be replaced by a page.
    """
    if path.is_dir():
        raise UsageError(f"--html {path}: that is a folder: name a file, such as {path / 'compare.html'}")
    if not path.parent.is_dir():
        raise UsageError(f"--html {path}: there is no folder {path.parent}: make it, or name another")
    if path.exists() and not path.is_file():
        raise UsageError(f"--html {path}: that is no regular file: name another")
    if path.is_file() and not _is_page(path):
        raise UsageError(f"--html {path}: a file is there that is no page: name another, or remove it first")
    return path


def page_beside(after: Path, before: Path) -> Path:
    """Return where the page of a comparison goes that nobody gave a path: into the second run's directory.

    Args:
        after: the second run's directory.
        before: the first run's, after which the page is named.

    Raises:
        UsageError: the directory cannot be written.
    """
    folder = after / FOLDER
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{folder}: cannot be made ({error.strerror}): say with --html PATH where the page goes"
        ) from error
    return folder / f"{safe_name(before.resolve().name)}.html"


def _is_page(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            start = file.read(len(BEGINNING)).lower()
    except OSError as error:
        raise UsageError(f"--html {path}: cannot be read ({error.strerror}): name another file") from error
    return start in {BEGINNING, b""}
