"""Pages that `view` shows beside the report itself: all runs, two compared, a run's files, the way into Perfetto."""

from __future__ import annotations

from reports.view.comparison import comparison_page
from reports.view.files import files_page
from reports.view.index import index_page
from reports.view.report import report_page
from reports.view.trace import trace_page
from reports.view.trouble import trouble_page

__all__ = ["comparison_page", "files_page", "index_page", "report_page", "trace_page", "trouble_page"]
