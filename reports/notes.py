"""What the rows of a scenario's table cannot say, told once for all variants that share it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports import format as fmt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reports.results import ScenarioResult, VariantResult

MOST_NAMES = 3
"""So many variants are named in a note; more are counted."""


def scenario_notes(result: ScenarioResult) -> list[str]:
    """Return the notes below a scenario's table."""
    shared: dict[str, list[str]] = {}
    for variant in result.variants:
        for note in _variant_notes(variant):
            shared.setdefault(note, []).append(fmt.name(variant.id))
    notes = [f"{_who(names)}: {note}" for note, names in shared.items()]
    disturbed = [variant for variant in result.variants if variant.disturbances]
    if disturbed:
        example = max(disturbed, key=lambda variant: len(variant.disturbances))
        names = _who([fmt.name(variant.id) for variant in disturbed])
        notes.append(f"Under contention: {names} ({example.label} {example.disturbances[-1]}).")
    if any(variant.series("epoch_s") for variant in result.variants):
        notes.append("A step of this scenario is one epoch.")
    return notes


def _variant_notes(variant: VariantResult) -> Iterator[str]:
    if variant.outcome in {"skipped", "not measured"}:
        yield fmt.sentence(f"{variant.outcome}, {fmt.one_line(variant.reason)}", capital=False)
    if variant.unsettled:
        yield f"{fmt.rounds(variant.unsettled)} began before the step time had settled."
    for fault in variant.faults:
        yield fmt.sentence(f"{fault.pass_} pass failed, {fmt.one_line(fault.reason)}", capital=False)


def _who(names: list[str]) -> str:
    return fmt.listing(names) if len(names) <= MOST_NAMES else f"{len(names)} variants"
