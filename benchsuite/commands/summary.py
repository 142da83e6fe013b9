"""What a run shows when it has ended: the answers, the tables, where the report is and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchsuite import terminal
from benchsuite.errors import NothingMeasuredError
from benchsuite.store import load_run

if TYPE_CHECKING:
    from pathlib import Path


def show(path: Path, out: terminal.Terminal, as_json: bool) -> None:
    """Write the report of a run and show its answers.

    Raises:
        NothingMeasuredError: a variant failed, or nothing was measured.
    """
    import reports

    page = reports.build(path)
    loaded = load_run(path)
    summaries = reports.summarise(loaded)
    for summary in summaries:
        out.line()
        out.line(f"{summary.name}: {summary.question}", style="bold")
        for sentence in summary.sentences:
            out.line(sentence)
        out.table(summary.table.titles, summary.table.texts, summary.table.numeric)
        for note in summary.table.notes:
            out.line(note)
    failed = [record for record in loaded.records if record.outcome == "failed"]
    completed = [record for record in loaded.records if record.outcome == "completed"]
    out.line()
    out.line(f"Report: {page}")
    out.line(f"Next: open it in a browser, or python -m benchsuite report {path} --open")
    if as_json:
        terminal.print_json({
            "run": str(path),
            "report": str(page),
            "completed": len(completed),
            "failed": [{"variant": record.variant, "pass": record.pass_, "reason": record.reason} for record in failed],
            "answers": {summary.name: list(summary.sentences) for summary in summaries},
        })  # fmt: skip
    else:
        out.line(str(path))
    if failed:
        names = sorted({record.variant for record in failed})
        raise NothingMeasuredError(
            f"{len(names)} of the variants failed: {', '.join(names)}; the report says why"
        )
    if not completed:
        raise NothingMeasuredError("nothing was measured: no variant can run here; the report says why")
