"""The page that hands a trace over to Perfetto, from window to window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchsuite.view.responses import Page
from reports import format as fmt
from reports.document import SCRIPTS, page_policy, render_document

if TYPE_CHECKING:
    from pathlib import Path

TRACE_SCRIPTS: Final = (*SCRIPTS, "perfetto.js")
CONNECT: Final = "'self'"


def trace_page(run: Path, names: tuple[str, ...], size_bytes: int) -> Page:
    """Return the page of one trace, which lies at the page's own address with `?raw`.

    Args:
        run: the run's directory.
        names: the trace's path from there.
        size_bytes: of the trace.
    """
    *folders, name = map(fmt.name, names)
    html = render_document(
        "trace.html.j2",
        scripts=TRACE_SCRIPTS,
        connect=CONNECT,
        title=" ".join(folders[1:] or [name]),
        run=fmt.name(run.name),
        name=name,
        size=fmt.size(size_bytes),
    )
    return Page(html, page_policy(scripts=TRACE_SCRIPTS, connect=CONNECT), opens_windows=True)
