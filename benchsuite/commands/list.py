"""`list`: which scenarios there are, and what this machine can run of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from benchsuite import terminal
from benchsuite.commands.options import json_option, load_entries, only_scenarios_option, scenarios_option

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Described = Mapping[str, Any]


@click.command("list", short_help="Show scenarios and their variants.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--variants", "with_variants", is_flag=True, help="Show the variants of every scenario.")
@scenarios_option
@only_scenarios_option
@json_option
def list_(
    names: tuple[str, ...],
    with_variants: bool,
    scenarios: tuple[str, ...],
    only_scenarios: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show all scenarios with their questions, or the variants of NAME..., and what cannot run here."""
    from benchsuite.catalog import select
    from benchsuite.environment import unmet
    from benchsuite.listing import describe

    entries = load_entries(scenarios, only_scenarios)
    described = describe(select(entries, names) if names else entries, unmet)
    if as_json:
        terminal.print_json({"scenarios": described})
        return
    out = terminal.Terminal()
    if names or with_variants:
        for scenario in described:
            _show_variants(scenario, out)
    else:
        rows = [(s["name"], s["question"], _count(s["variants"])) for s in described]
        out.table(("Scenario", "Question", "Variants"), rows)
    if len(described) > 1 or not (names or with_variants):
        _show_total(described, out)
    if names or with_variants:
        out.line("Next: python -m benchsuite run NAME..., and -k TEXT to choose among its variants")
    else:
        out.line("Next: python -m benchsuite list NAME... shows variants; run NAME... or run --all measures")


def _show_variants(scenario: Described, out: terminal.Terminal) -> None:
    """Show one scenario: what can run here first, then the others below their reasons."""
    variants = scenario["variants"]
    out.line(f"{scenario['name']}: {scenario['question']}", style="bold")
    out.line(_count(variants))
    here = [variant for variant in variants if variant["available"]]
    for variant in here:
        out.line(f"  {variant['id']}{_mark(scenario, variant)}")
    for reason in _reasons(variants):
        out.line(f"  not here, {reason}:")
        for variant in variants:
            if variant["reason"] == reason:
                out.line(f"    {variant['id']}{_mark(scenario, variant)}")
    out.line()


def _show_total(described: Sequence[Described], out: terminal.Terminal) -> None:
    variants = [variant for scenario in described for variant in scenario["variants"]]
    number = f"{len(described)} scenario{'' if len(described) == 1 else 's'}, {_count(variants)}"
    reasons = _reasons(variants)
    out.line(f"{number}; not here:" if reasons else f"{number}.")
    for reason, count in reasons.items():
        out.line(f"  {count:>4}  {reason}")


def _count(variants: Sequence[Described]) -> str:
    can_run = sum(variant["available"] for variant in variants)
    return f"{len(variants)} variant{'' if len(variants) == 1 else 's'}, {can_run} here"


def _reasons(variants: Iterable[Described]) -> dict[str, int]:
    """Return how many variants cannot run here for each reason, the commonest first."""
    return dict(Counter(v["reason"] for v in variants if not v["available"]).most_common())


def _mark(scenario: Described, variant: Described) -> str:
    return " (baseline)" if variant["baseline"] and scenario["compare"] else ""
