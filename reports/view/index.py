"""The list of all runs, the newest first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from benchsuite.store import RECORDS_FILE
from benchsuite.view.responses import Page
from reports import format as fmt
from reports.document import page_policy, render_document
from reports.view.standing import Standing, standing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchsuite.view.site import Shelved


SUBMIT: Final = "'self'"
"""Where the form of a comparison may lead."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A run of the list, with the addresses of its pages; of what is not there: empty."""

    run: Standing
    report: str
    files: str
    records: str
    form_value: str
    """What stands for it in the form that asks for a comparison; empty: it cannot be compared."""
    picked: str = ""
    """As which side of a comparison it is proposed: "a", "b" or neither."""


def index_page(root: Path, shelved: Sequence[Shelved]) -> Page:
    """Return the list of runs.

    Args:
        root: the folder that they are in.
        shelved: the runs with their addresses.
    """
    entries = [_entry(one) for one in shelved]
    entries.sort(key=lambda entry: (-entry.run.order_s, entry.run.name))
    comparable = [place for place, entry in enumerate(entries) if entry.form_value]
    for place, side in zip(comparable, ("b", "a"), strict=False):
        entries[place] = replace(entries[place], picked=side)
    html = render_document(
        "runs.html.j2",
        submit=SUBMIT,
        title="Runs",
        folder=fmt.visible(str(root)),
        entries=entries,
        can_compare=len(comparable) > 1,
    )
    return Page(html, page_policy(submit=SUBMIT))


def _entry(one: Shelved) -> Entry:
    run = standing(one.path)
    has_records = (one.path / RECORDS_FILE).is_file()
    return Entry(
        run,
        one.report if run.started else "",
        one.files,
        one.records if has_records else "",
        one.form_value if has_records and run.started and run.kind != "gate" else "",
    )
