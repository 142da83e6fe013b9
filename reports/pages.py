"""The page of a run's directory, whether a run or a gate left it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.gate.files import load_verdict
from reports.gate.page import render_verdict
from reports.load import load
from reports.page import render

if TYPE_CHECKING:
    from pathlib import Path


def render_page(run: Path) -> str:
    """Return the page of a run or a gate as one HTML document.

    Raises:
        UsageError: there is no run at this path, or it is damaged.
        NotComparableError: a newer version of benchsuite wrote it.
    """
    verdict = load_verdict(run)
    return render_verdict(verdict) if verdict else render(load(run))
