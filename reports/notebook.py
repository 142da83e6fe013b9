"""A run as a notebook shows it: a small piece of HTML with a style that reaches nothing else on the page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import jinja2

from reports import format as fmt
from reports.answers import answer
from reports.caveats import caveats
from reports.columns import encodable
from reports.document import date
from reports.facts import machine_line
from reports.overview import asked
from reports.tables import scenario_table

if TYPE_CHECKING:
    from reports.load import ReportData
    from reports.results import ScenarioResult
    from reports.table import Table

TEMPLATE: Final = "notebook.html.j2"
MOST_ROWS: Final = 60
"""Of one table; the frames have all of them."""


@dataclass(frozen=True, slots=True)
class _Question:
    name: str
    text: str
    answers: tuple[str, ...]
    table: Table
    left: int
    """Rows that are not shown."""


def run_html(data: ReportData) -> str:
    """Return a run as HTML: its answers, each with its table behind a line that opens it. It needs no network and no script."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reports"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    info = data.run.info
    html = environment.get_template(TEMPLATE).render(
        title=f"Run of {fmt.name(info.task_name or info.task)}, {date(info.started)}",
        asked=asked(data),
        machine=machine_line(data),
        caveats=[caveat for caveat in caveats(data) if caveat.level != "note"],
        questions=[_question(result, whole=result.name not in data.narrowed) for result in data.scenarios],
    )
    return encodable(html)


def _question(result: ScenarioResult, *, whole: bool) -> _Question:
    table = scenario_table(result).essential()
    shown = replace(table, rows=table.rows[:MOST_ROWS])
    answers = tuple(str(statement) for statement in answer(result)) if whole else ()
    return _Question(
        fmt.name(result.name), result.question, answers, shown, len(table.rows) - len(shown.rows)
    )
