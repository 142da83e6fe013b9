"""A gate's verdict for other programs: JUnit XML for a CI server, Markdown for a pull request."""

from __future__ import annotations

from reports.exports.junit import junit
from reports.exports.markdown import summary

__all__ = ["junit", "summary"]
