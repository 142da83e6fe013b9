"""What the rows of a scenario's table cannot say, told once for all variants that share it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports import format as fmt
from reports import leaks, roofline
from reports.bottleneck import find_bottleneck
from reports.findings import baseline_and_fastest
from reports.results import WHOLE_STEP

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reports.results import ContextResult, ScenarioResult, VariantResult

MOST_NAMES = 3
"""So many variants are named in a note; more are counted."""


def scenario_notes(result: ScenarioResult) -> list[str]:
    """Return the notes below a scenario's table."""
    shared: dict[str, list[str]] = {}
    for variant in result.variants:
        # A fault of every round is one note of its variant.
        for note in dict.fromkeys(_variant_notes(variant, result.memory_bytes)):
            shared.setdefault(note, []).append(fmt.name(variant.id))
    notes = [f"{_who(names)}: {note}" for note, names in shared.items()]
    notes += filter(None, (_limits(context, result.ceilings) for context in result.contexts))
    if any(map(leaks.is_searched, result.variants)) and not any(map(leaks.is_leaking, result.variants)):
        notes.append(fmt.sentence(leaks.NONE))
    disturbed = [variant for variant in result.variants if variant.disturbances]
    if disturbed:
        example = max(disturbed, key=lambda variant: len(variant.disturbances))
        names = _who([fmt.name(variant.id) for variant in disturbed])
        notes.append(f"Under contention: {names} ({example.label} {example.disturbances[-1]}).")
    if result.step_word != WHOLE_STEP:
        notes.append(f"A step of this scenario is one {result.step_word}.")
    if any(variant.series("epoch_s") for variant in result.variants):
        notes.append(
            "Step time and throughput hold the validation after an epoch, the training time does not."
        )
    return notes


def _variant_notes(variant: VariantResult, memory_bytes: float | None) -> Iterator[str]:
    if leaks.is_leaking(variant):
        yield fmt.sentence(leaks.verdict(variant, memory_bytes), capital=False)
    if variant.outcome in {"skipped", "not measured"}:
        yield fmt.sentence(f"{variant.outcome}, {fmt.one_line(variant.reason)}", capital=False)
    if variant.unsettled:
        yield f"{fmt.rounds(variant.unsettled)} began before the step time had settled."
    for fault in variant.faults:
        yield fmt.sentence(f"{fault.pass_} pass failed, {fmt.one_line(fault.reason)}", capital=False)
    for record in variant.trials:
        if record.outcome == "completed" and record.reason:
            yield fmt.sentence(f"{record.pass_} pass, {fmt.one_line(record.reason)}", capital=False)


def _limits(context: ContextResult, ceilings: Mapping[str, float]) -> str:
    """Say what limits the steps of a context's baseline and of its fastest variant; empty: nothing is known of either."""
    told: list[str] = []
    kinds: set[str] = set()
    for variant in baseline_and_fastest(context):
        found = find_bottleneck(variant, ceilings)
        if found is None:
            continue
        if found.kind in kinds:
            told.append(f"{variant.label} is {found.kind} too ({fmt.percent(found.share)}).")
        else:
            told.append(f"{variant.label} is {found.kind}: {fmt.sentence(found.evidence, capital=False)}")
            told += [fmt.sentence(found.what_if)] if found.what_if else []
        kinds.add(found.kind)
        place = roofline.place_of(variant, ceilings)
        told += [roofline.tell(place)] if place else []
    where = f", {context.label}" if context.label else ""
    return f"Where the time goes{where}: {' '.join(told)}" if told else ""


def _who(names: list[str]) -> str:
    return fmt.listing(names) if len(names) <= MOST_NAMES else f"{len(names)} variants"
