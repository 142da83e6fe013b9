"""Some of a run's variants alone, with the figures that they have in the whole run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from benchsuite.errors import UsageError
from benchsuite.suggestion import suggest_variant

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from reports.load import ReportData
    from reports.results import ContextResult, ScenarioResult


def select(data: ReportData, wanted: Iterable[str]) -> ReportData:
    """Keep the variants whose id contains one of the texts; a text that is a whole id stands for that one alone.

    Speedups stay those against the run's baselines, even where these are left out, and so does the canary.

    Raises:
        UsageError: a text is part of no variant's id.
    """
    ids = [variant.id for result in data.scenarios for variant in result.variants]
    kept: set[str] = set()
    for text in wanted:
        found = {text} if text in ids else {id_ for id_ in ids if text in id_}
        if not found:
            raise UsageError(f"-k {text}: no variant's name contains that: {suggest_variant(text, ids)}")
        kept |= found
    gone = set(ids) - kept
    scenarios = tuple(narrowed for result in data.scenarios if (narrowed := _narrowed(result, kept)).contexts)
    records = tuple(record for record in data.run.records if record.variant not in gone)
    cut = {result.name for result in data.scenarios if any(variant.id in gone for variant in result.variants)}
    return replace(data, run=replace(data.run, records=records), scenarios=scenarios, narrowed=frozenset(cut))


def _narrowed(result: ScenarioResult, kept: Collection[str]) -> ScenarioResult:
    contexts = (_context(context, kept) for context in result.contexts)
    return replace(result, contexts=tuple(context for context in contexts if context.variants))


def _context(context: ContextResult, kept: Collection[str]) -> ContextResult:
    return replace(context, variants=tuple(v for v in context.variants if v.id in kept))
