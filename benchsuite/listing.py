"""Scenarios as data: what `list --json` prints and what a run keeps in its header."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchsuite.errors import UsageError
from benchsuite.suggestion import suggest_variant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchsuite.catalog import Entry
    from benchsuite.scenario import Requirement, Variant


def describe(
    entries: Mapping[str, Entry], unmet: Callable[[Requirement], str | None]
) -> list[dict[str, Any]]:
    """Return every scenario with its variants, and what this machine can run of them."""
    return [
        {
            "name": entry.scenario.name,
            "question": entry.scenario.question,
            "compare": entry.scenario.compare,
            "within": list(entry.scenario.within),
            "metric": entry.scenario.metric,
            "answer": entry.scenario.answer,
            "once": entry.scenario.once,
            "step": entry.scenario.step,
            "combines": entry.scenario.combines,
            "variants": [_describe(variant, unmet) for variant in entry.scenario.described()],
        }
        for entry in entries.values()
    ]


def matching(entries: Mapping[str, Entry], text: str) -> set[str]:
    """Return the ids of variants that contain a text, with the baselines of their contexts.

    Raises:
        UsageError: no variant's id contains it; the message offers the nearest ones.
    """
    chosen: set[str] = set()
    everything: list[str] = []
    for entry in entries.values():
        variants = entry.scenario.described()
        everything += [variant.id for variant in variants]
        found = [variant for variant in variants if text in variant.id]
        contexts = [variant.context for variant in found]
        chosen |= {v.id for v in found} | {v.id for v in variants if v.baseline and v.context in contexts}
    if not chosen:
        hint = suggest_variant(text, everything)
        raise UsageError(f"-k {text}: no variant's name contains that: {hint}")
    return chosen


def _describe(variant: Variant, unmet: Callable[[Requirement], str | None]) -> dict[str, Any]:
    reason = next(filter(None, map(unmet, variant.requirements)), None)
    return {
        "id": variant.id,
        "settings": dict(variant.settings),
        "context": dict(variant.context),
        "baseline": variant.baseline,
        "available": reason is None,
        "reason": reason or "",
        "changes": dict(variant.changes),
    }
