"""Pages that `view` shows beside the report itself: all runs, a run's files, the way into Perfetto."""

from __future__ import annotations

from reports.view.files_page import files_page
from reports.view.index_page import index_page
from reports.view.report_page import report_page
from reports.view.trace_page import trace_page
from reports.view.trouble_page import trouble_page

__all__ = ["files_page", "index_page", "report_page", "trace_page", "trouble_page"]
