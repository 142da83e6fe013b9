"""The page of two runs, made when it is asked for and kept nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchsuite.view.responses import Page
from reports.compare.difference import compare_runs
from reports.compare.files import Way
from reports.compare.page import render_comparison
from reports.document import page_policy
from reports.load import load

if TYPE_CHECKING:
    from benchsuite.view.site import Shelved


def comparison_page(before: Shelved, after: Shelved, index: str) -> Page:
    """Return the page of two runs.

    Args:
        before: run A.
        after: run B.
        index: the address of all runs.

    Raises:
        UsageError: one of them is damaged.
        NotComparableError: they used different tasks or data, have no variant in common, or a newer version of
            benchsuite wrote one.
    """
    old, new = load(before.path), load(after.path)
    html = render_comparison(
        compare_runs(old, new),
        old,
        new,
        names=(before.path.name, after.path.name),
        ways=(Way(before.files, before.report), Way(after.files, after.report)),
        index=index,
    )
    return Page(html, page_policy())
