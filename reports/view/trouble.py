"""A page that says what is wrong, where another was asked for."""

from __future__ import annotations

from benchsuite.view.responses import Page
from reports import format as fmt
from reports.document import page_policy, render_document


def trouble_page(message: str) -> Page:
    """Return a page with an error's message."""
    html = render_document("trouble.html.j2", title="This page cannot be shown", message=fmt.prose(message))
    return Page(html, page_policy())
