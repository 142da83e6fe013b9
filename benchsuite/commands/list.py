"""`list`: which scenarios there are, and what this machine can run of them."""

from __future__ import annotations

import click

from benchsuite import terminal
from benchsuite.commands.options import json_option, load_entries, only_scenarios_option, scenarios_option


@click.command("list")
@scenarios_option
@only_scenarios_option
@json_option
def list_(scenarios: tuple[str, ...], only_scenarios: tuple[str, ...], as_json: bool) -> None:
    """Show all scenarios with their variants, and why this machine cannot run one."""
    from benchsuite.environment import unmet
    from benchsuite.listing import describe

    described = describe(load_entries(scenarios, only_scenarios), unmet)
    if as_json:
        terminal.print_json({"scenarios": described})
        return
    out = terminal.Terminal()
    for scenario in described:
        variants = scenario["variants"]
        out.line(f"{scenario['name']}: {scenario['question']}", style="bold")
        for variant in variants:
            baseline = " (baseline)" if variant["baseline"] and scenario["compare"] else ""
            out.line(
                f"  {variant['id']}{baseline}"
                + (f": not here, {variant['reason']}" if variant["reason"] else "")
            )
    total = [variant for scenario in described for variant in scenario["variants"]]
    can_run = sum(variant["available"] for variant in total)
    out.line()
    out.line(f"{len(described)} scenarios; {can_run} of {len(total)} variants can run on this machine.")
    out.line("Next: python -m benchsuite run NAME..., or run --all")
