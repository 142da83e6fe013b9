"""What is behind a variant's changes between two runs: one sentence for each, and the operators, lines and calls as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchsuite.stacks import own_frame
from reports import format as fmt
from reports.compare.blame import blame
from reports.compare.call_changes import call_profile, changed_calls
from reports.compare.metric_changes import SITES, WEIGHTS, spell_counts
from reports.compare.site_changes import changed_sites
from reports.compare.suspicion import accuse
from reports.compare.time_suspects import suspect_time
from reports.gate.words import metric_name
from reports.table import Cell, Column, Row, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchsuite.record import SiteKind
    from reports.compare.call_changes import CallChange
    from reports.compare.difference import VariantDifference
    from reports.compare.operator_changes import OperatorCause
    from reports.compare.site_changes import SiteChange
    from reports.results import VariantResult

BLAMED: Final = (
    "peak_heap",
    "cuda_peak_allocated",
    "leak",
    "temporary_allocations",
    "graph_breaks",
    "recompiles",
    "operators",
)
"""Metrics whose changes are traced back; the others follow from these."""
MOST_ROWS: Final = 20
"""So many rows of a table, those that changed most, are shown."""
LEAST_OF_LARGEST: Final = 0.02
"""A line whose allocations changed by less than this share of what changed most is left out."""
SITE_WORDS: Final[Mapping[SiteKind, str]] = {
    "peak": "at the peak",
    "cuda_peak": "on the GPU at its peak",
    "temporary": "blocks freed at once, a step",
    "leak": "left behind, a step",
}


def culprits(difference: VariantDifference, before: VariantResult, after: VariantResult) -> tuple[str, ...]:
    """Say what explains each change of a variant, in a sentence each, its step time's first."""
    found = []
    if difference.verdict != "open":
        found.append(f"Step time: {_blame_time(difference, before, after)}")
    changed = {cause.name for cause in difference.metrics}
    told = bool(found)  # what makes a step longer names the operators already
    for metric in BLAMED:
        if metric in changed and not (metric == "operators" and told):
            name = metric_name(metric)
            cause = blame(metric, before.trials, after.trials)
            found.append(f"{name[:1].upper()}{name[1:]}: {fmt.prose(cause)}")
    return tuple(found)


def operators_table(difference: VariantDifference) -> Table:
    """Return the operators that changed, what explains most first."""
    columns = (
        Column("Operator"),
        Column("Calls a step in A", numeric=True),
        Column("in B", numeric=True),
        Column("Own time a step", numeric=True),
        Column("What changed", wraps=True),
    )
    rows = [_operator_row(cause) for cause in difference.operators[:MOST_ROWS]]
    return Table(columns, tuple(rows), _left(len(difference.operators)))


def sites_table(difference: VariantDifference, before: VariantResult, after: VariantResult) -> Table:
    """Return the author's lines whose allocations changed, for each kind of memory that did."""
    columns = (
        Column("Memory"),
        Column("Line", wraps=True),
        Column("A", numeric=True),
        Column("B", numeric=True),
        Column("Change", numeric=True),
    )
    changed = {cause.name for cause in difference.metrics}
    rows = [
        _site_row(kind, site)
        for metric, kind in SITES.items()
        if metric in changed
        for site in _sites(metric, kind, before, after)
    ]
    return Table(columns, tuple(rows[:MOST_ROWS]), _left(len(rows)))


def calls_table(before: VariantResult, after: VariantResult) -> Table:
    """Return the calls of the author's functions that changed in number; without rows where either run counted none."""
    columns = (
        Column("Called", wraps=True),
        Column("From", wraps=True),
        Column("Calls a step in A", numeric=True),
        Column("in B", numeric=True),
        Column("Own time a step", numeric=True),
    )
    old, new = call_profile(before.trials), call_profile(after.trials)
    if old is None or new is None:
        return Table(columns, ())
    found = [call for call in changed_calls(old, new) if call.counted]
    return Table(columns, tuple(map(_call_row, found[:MOST_ROWS])), _left(len(found)))


def _blame_time(difference: VariantDifference, before: VariantResult, after: VariantResult) -> str:
    """Accuse by the very change that is shown: `blame` would pair rounds, and those of two runs are no pairs."""
    old, new = call_profile(before.trials), call_profile(after.trials)
    calls = None
    if old is not None and new is not None:
        plain_ns, timed_ns = old.plain_ns + new.plain_ns, difference.before.value + difference.after.value
        calls = changed_calls(old, new, timed_ns / plain_ns if plain_ns else 1.0)
    longer_ns = max(difference.before.value, difference.after.value)
    found = suspect_time(difference.operators, calls, longer_ns, difference.change_ns)
    return fmt.prose(accuse(found, difference.change_ns, fmt.duration, ()))


def _operator_row(cause: OperatorCause) -> Row:
    before, after = spell_counts(cause.calls_before, cause.calls_after)
    if cause.counted:
        what = "number of calls"
    elif cause.shapes_after or cause.shapes_before:
        what = f"shapes: [{fmt.name(cause.shapes_after)}] instead of [{fmt.name(cause.shapes_before)}]"
    else:
        what = "time alone"
    cells = (
        Cell(fmt.name(cause.name), cause.name),
        Cell(before, cause.calls_before),
        Cell(after, cause.calls_after),
        _time(cause.explained_ns),
        Cell(what, what),
    )
    return Row(cells)


def _sites(metric: str, kind: SiteKind, before: VariantResult, after: VariantResult) -> Iterator[SiteChange]:
    changes = changed_sites(
        before.sites(kind),
        after.sites(kind),
        weigh=WEIGHTS.get(metric, lambda site: site.size_bytes),
        frame_of=own_frame,
    )
    floor = LEAST_OF_LARGEST * abs(changes[0].change) if changes else 0.0
    return (change for change in changes if abs(change.change) >= floor)


def _site_row(kind: SiteKind, site: SiteChange) -> Row:
    spell = fmt.count if kind == "temporary" else fmt.size
    sign = "+" if site.change > 0 else "-"
    cells = (
        Cell(SITE_WORDS[kind], kind),
        Cell(fmt.clause(site.frame) or fmt.NOTHING, site.frame),
        Cell(spell(site.before), site.before),
        Cell(spell(site.after), site.after),
        Cell(f"{sign}{spell(abs(site.change))}", site.change),
    )
    return Row(cells)


def _call_row(call: CallChange) -> Row:
    before, after = spell_counts(call.calls_before, call.calls_after)
    cells = (
        Cell(fmt.clause(call.function), call.function),
        Cell(fmt.clause(call.caller) or fmt.NOTHING, call.caller),
        Cell(before, call.calls_before),
        Cell(after, call.calls_after),
        _time(call.explained_ns),
    )
    return Row(cells)


def _time(ns: float) -> Cell:
    """Return by how much something takes longer, with its sign."""
    shown = fmt.duration(abs(ns))
    return Cell(f"{'+' if ns > 0 else '-' if ns < 0 else ''}{shown}", ns)


def _left(number: int) -> tuple[str, ...]:
    return (f"{number - MOST_ROWS:,} more changed by less.",) if number > MOST_ROWS else ()
