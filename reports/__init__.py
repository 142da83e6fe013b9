"""How a run is shown: tidy frames for a notebook, one page for a browser, sentences and tables for a terminal.

Only a run directory is needed: neither torch nor a scenario is imported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchsuite.store import REPORT_FILE
from reports.answers import answer
from reports.compare.as_json import difference_document
from reports.compare.difference import RunDifference, Unmatched, VariantDifference, compare_runs
from reports.compare.difference_words import has_changed, tell, tell_drift
from reports.document import write_file
from reports.gate.files import load_verdict, write_verdict
from reports.load import ReportData, load
from reports.ranking import Ranked, by_place, rank, ranking_notes
from reports.table import Table
from reports.tables import scenario_table

if TYPE_CHECKING:
    from pathlib import Path

    from benchsuite.store import Run

__all__ = [
    "Ranked",
    "ReportData",
    "RunDifference",
    "ScenarioSummary",
    "Table",
    "Unmatched",
    "VariantDifference",
    "build",
    "by_place",
    "compare_runs",
    "difference_document",
    "has_changed",
    "load",
    "load_verdict",
    "rank",
    "ranking_notes",
    "summarise",
    "tell",
    "tell_drift",
    "write_comparison",
    "write_verdict",
]


@dataclass(frozen=True, slots=True)
class ScenarioSummary:
    """A scenario's question, its answer in sentences and its table, as plain text."""

    name: str
    question: str
    sentences: tuple[str, ...]
    table: Table


def summarise(run: ReportData | Run | Path | str) -> tuple[ScenarioSummary, ...]:
    """Return each scenario's answer and table, for a terminal."""
    data = run if isinstance(run, ReportData) else load(run)
    return tuple(
        ScenarioSummary(
            result.name,
            result.question,
            tuple(str(statement) for statement in answer(result)),
            scenario_table(result),
        )
        for result in data.scenarios
    )


def build(run_path: Path) -> Path:
    """Write `report.html` into a run's or a gate's directory and return its path.

    Raises:
        UsageError: there is no run at this path, or the page cannot be written there.
        NotComparableError: a newer version of benchsuite wrote the run.
    """
    from reports.pages import render_page

    return write_file(run_path / REPORT_FILE, render_page(run_path))


def write_comparison(
    difference: RunDifference, before: ReportData, after: ReportData, path: Path, *, names: tuple[str, str]
) -> Path:
    """Write the page of two runs and return its path.

    Args:
        difference: of the two.
        before: run A.
        after: run B.
        path: of the page.
        names: of both runs, as the user named them.

    Raises:
        UsageError: the page cannot be written there.
    """
    from reports.compare.files import way
    from reports.compare.page import render_comparison

    ways = way(before.run.path, path), way(after.run.path, path)
    return write_file(path, render_comparison(difference, before, after, names=names, ways=ways))
