"""What a run shows when it has ended: the answers, the tables, where the report is and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchsuite import terminal
from benchsuite.comparison import timings
from benchsuite.errors import NothingMeasuredError
from benchsuite.store import load_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from reports.ranking import Ranked
    from reports.table import Table

MOST_NAMED = 4
"""So many failed variants are named in an error; more are counted."""


def show(path: Path, out: terminal.Terminal, as_json: bool) -> None:
    """Write the report of a run and show its answers.

    Raises:
        NothingMeasuredError: a variant failed, or nothing was measured.
    """
    import reports

    page = reports.build(path)
    loaded = load_run(path)
    data = reports.load(loaded)
    summaries, ranking = reports.summarise(data), reports.rank(data.scenarios)
    for summary in summaries:
        out.line()
        out.line(f"{summary.name}: {summary.question}", style="bold")
        for sentence in summary.sentences:
            out.line(sentence)
        _show_table(summary.table, out)
    if not data.comparisons.empty:
        _show_ranking(ranking, out)
    failed = [record for record in loaded.records if record.outcome == "failed"]
    completed = timings(loaded.records)
    out.line()
    if loaded.info.effort:
        out.line(_effort(loaded.info.effort))
    out.line(f"Report: {page}")
    out.line(f"Next: open it in a browser, or python -m benchsuite report {path} --open")
    if as_json:
        terminal.print_json({
            "run": str(path),
            "report": str(page),
            "completed": len(completed),
            "failed": [{"variant": record.variant, "pass": record.pass_, "reason": record.reason} for record in failed],
            "answers": {summary.name: list(summary.sentences) for summary in summaries},
            "ranking": [ranked.figures() for ranked in ranking],
            "effort": dict(loaded.info.effort),
        })  # fmt: skip
    else:
        out.line(str(path))
    if failed:
        names = sorted({record.variant for record in failed})
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        raise NothingMeasuredError(
            f"{len(names)} of the variants failed: {', '.join(names[:MOST_NAMED])}{more}; the report says why"
        )
    if not completed:
        raise NothingMeasuredError("nothing was measured: the report says of each variant why")


def _show_ranking(ranking: Sequence[Ranked], out: terminal.Terminal) -> None:
    """Show what pays, a line for each, below the place where it was measured."""
    import reports

    out.line()
    out.line("What pays on this machine", style="bold")
    for place, members in reports.by_place(ranking).items():
        out.line(f" {place}")
        for ranked in members:
            out.line(f"  {ranked}")
    for note in reports.ranking_notes(ranking):
        out.line(note)


def _effort(effort: Mapping[str, float]) -> str:
    """Say how long measuring took, and how much of that was measuring indeed."""
    minutes, seconds = divmod(round(effort["wall_s"]), 60)
    share = effort["working_s"] / max(effort["wall_s"], 1e-9)
    return f"Measured in {minutes} min {seconds} s, {share:.0%} of it in the trials' own set-up, warm-up and steps."


def _show_table(table: Table, out: terminal.Terminal) -> None:
    """Show as much of a table as fits; the context, where there is one, stands above its rows."""
    context_width = table.widths[0] if table.titles[0] == "Context" else 0
    shown = table.fitting(out.width + context_width)
    for context, texts in _by_context(shown).items():
        if context:
            out.line(f" {context}")
        kept = slice(1, None) if context else slice(None)
        out.table(shown.titles[kept], texts, shown.numeric[kept])
    for note in shown.notes:
        out.line(note)


def _by_context(table: Table) -> dict[str, list[tuple[str, ...]]]:
    """Return a table's rows by the context in their first column; what was not run stands in the notes."""
    has_context = table.titles[0] == "Context"
    found: dict[str, list[tuple[str, ...]]] = {}
    for row, text in zip(table.rows, table.texts, strict=True):
        if row.tone not in {"skipped", "not measured"}:
            found.setdefault(text[0] if has_context else "", []).append(text[1:] if has_context else text)
    return found
