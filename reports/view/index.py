"""The list of all runs, the newest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchsuite.store import RECORDS_FILE
from benchsuite.view.responses import Page
from reports import format as fmt
from reports.document import page_policy, render_document
from reports.view.standing import Standing, standing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchsuite.view.site import Shelved


@dataclass(frozen=True, slots=True)
class Entry:
    """A run of the list, with the addresses of its pages; of what is not there: empty."""

    run: Standing
    report: str
    files: str
    records: str


def index_page(root: Path, shelved: Sequence[Shelved]) -> Page:
    """Return the list of runs.

    Args:
        root: the folder that they are in.
        shelved: the runs with their addresses.
    """
    entries = [_entry(one) for one in shelved]
    entries.sort(key=lambda entry: (-entry.run.order_s, entry.run.name))
    html = render_document("runs.html.j2", title="Runs", folder=fmt.visible(str(root)), entries=entries)
    return Page(html, page_policy())


def _entry(one: Shelved) -> Entry:
    run = standing(one.path)
    return Entry(
        run,
        one.report if run.started else "",
        one.files,
        one.records if (one.path / RECORDS_FILE).is_file() else "",
    )
