"""The second phase of a plan: what has won in its own scenario is put on top of a shared baseline, one by one."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchsuite.scenario import default_values, settings_values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from benchsuite.catalog import Entry
    from benchsuite.comparison import Comparison
    from benchsuite.scenario import Requirement, Scenario, SettingValue, Variant


@dataclass(frozen=True, slots=True)
class Winner:
    """A variant that was shown to be faster than its baseline, and what it changes against that."""

    variant: Variant
    speedup: float
    changes: Mapping[str, SettingValue]


def combine(
    entry: Entry,
    others: Iterable[Entry],
    comparisons: Iterable[Comparison],
    unmet: Callable[[Requirement], str | None],
) -> Entry:
    """Return a combining scenario's entry with the variants that the others' comparisons call for.

    In each of its contexts the winners that were measured there are taken in the order of their
    speedups. Each variant has the changes of one more of them; a winner whose fields another has
    changed already, or whose changes do not go together with those, gives way to its scenario's next.

    Args:
        entry: a scenario that combines; its own variants are the baselines of its contexts.
        others: the scenarios that were measured.
        comparisons: what was found about them.
        unmet: says why a requirement is not met on this machine, or None.
    """
    scenario = entry.scenario
    found = {comparison.variant: comparison for comparison in comparisons}
    by_scenario = [_winners(other.scenario, found) for other in others]
    combined = [
        settings
        for baseline in scenario.variants
        for settings in _prefixes(scenario, baseline, by_scenario, unmet)
    ]
    return dataclasses.replace(
        entry, scenario=dataclasses.replace(scenario, variants=(*scenario.variants, *combined))
    )


def _winners(scenario: Scenario[Any], found: Mapping[str, Comparison]) -> list[Winner]:
    """Return a scenario's faster variants that can be combined, the fastest first."""
    described = scenario.described()
    defaults = default_values(type(scenario.variants[0]))
    baselines = {str(variant.context): variant for variant in described if variant.baseline}
    winners = []
    for variant in described:
        comparison = found.get(variant.id)
        if comparison is None or comparison.verdict != "faster":
            continue
        before = baselines[str(variant.context)].changes
        changes = {key: value for key, value in variant.changes.items() if before.get(key) != value}
        if changes:
            winners.append(Winner(_with_defaults(variant, defaults), comparison.speedup.value, changes))
    return sorted(winners, key=lambda winner: -winner.speedup)


def _with_defaults(variant: Variant, defaults: Mapping[str, SettingValue]) -> Variant:
    """Return the variant with only those keys in its context that differ from the defaults, or are asked for by name."""
    kept = {key: value for key, value in variant.context.items() if value != defaults[key]}
    return dataclasses.replace(variant, context=kept)


def _prefixes(
    scenario: Scenario[Any],
    baseline: Any,
    by_scenario: Iterable[list[Winner]],
    unmet: Callable[[Requirement], str | None],
) -> list[Any]:
    """Return the baseline with the changes of the first winner, of the first two, and so on."""
    context = {key: value for key, value in settings_values(baseline).items() if key in scenario.within}
    defaults = default_values(type(baseline))
    fitting = [[winner for winner in winners if _fits(winner, context, defaults)] for winners in by_scenario]
    waiting = sorted(filter(None, fitting), key=lambda winners: -winners[0].speedup)
    changed: dict[str, SettingValue] = {}
    settings, prefixes = baseline, []
    for winners in waiting:
        for winner in winners:
            if set(winner.changes) & set(changed):
                continue
            candidate = dataclasses.replace(settings, **winner.changes)
            if any(map(unmet, scenario.requires(candidate))):
                continue
            changed |= winner.changes
            settings = candidate
            prefixes.append(candidate)
            break
    return prefixes


def _fits(winner: Winner, context: Mapping[str, SettingValue], defaults: Mapping[str, SettingValue]) -> bool:
    """Whether a winner was measured in this context: keys that either side does not name have their defaults."""
    measured_in = winner.variant.context
    settings = winner.variant.settings
    return all(settings.get(key, defaults[key]) == value for key, value in context.items()) and not (
        set(measured_in) - set(context)
    )
