"""A run's page as `view` shows it: from the disk where it is current, else built anew."""

from __future__ import annotations

import contextlib
import html
from typing import TYPE_CHECKING, Final

from benchsuite import __version__
from benchsuite.errors import UsageError
from benchsuite.store import INFO_FILE, RECORDS_FILE, REPORT_FILE, VERDICT_FILE
from benchsuite.view.responses import Page
from reports.document import page_policy, write_file
from reports.pages import render_page

if TYPE_CHECKING:
    from pathlib import Path

SOURCES: Final = (INFO_FILE, RECORDS_FILE, VERDICT_FILE)
HEAD_CHARACTERS: Final = 4096
"""The beginning of a page, in which stands what wrote it."""


def report_page(run: Path) -> Page:
    """Return the page of a run or a gate, built anew where it is missing or outdated.

    What was built is kept in the run's directory where that can be written.

    Raises:
        UsageError: the run is damaged.
        NotComparableError: a newer version of benchsuite wrote the run.
    """
    path = run / REPORT_FILE
    if is_current(run):
        return Page(path.read_text(encoding="utf-8", errors="replace"), page_policy())
    document = render_page(run)
    with contextlib.suppress(UsageError):
        write_file(path, document)
    return Page(document, page_policy())


def is_current(run: Path) -> bool:
    """Whether the page is no older than what it was made from, and made by this version with its style and script."""
    try:
        made_ns = (run / REPORT_FILE).stat().st_mtime_ns
        changed_ns = max((run / name).stat().st_mtime_ns for name in SOURCES if (run / name).exists())
        with (run / REPORT_FILE).open(encoding="utf-8", errors="replace") as file:
            head = html.unescape(file.read(HEAD_CHARACTERS))
    except (OSError, ValueError):
        return False
    return (
        not (run / REPORT_FILE).is_symlink()
        and made_ns >= changed_ns
        and f'content="benchsuite {__version__}"' in head
        and f'content="{page_policy()}"' in head
    )
