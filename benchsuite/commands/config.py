"""`config`: what configures the gate, and where each value came from."""

from __future__ import annotations

import click

from benchsuite import terminal
from benchsuite.commands.options import json_option


@click.group()
def config() -> None:
    """Show what configures the gate."""


@config.command()
@json_option
def show(as_json: bool) -> None:
    """Show every value of the gate's configuration and where it came from.

    Written as in [tool.benchsuite.gate] of pyproject.toml, or in [gate] of benchsuite.toml.
    """
    from benchsuite.config import load_config
    from benchsuite.config_file import TABLES, shown, table_name
    from benchsuite.config_text import as_toml, settings
    from benchsuite.record import SCHEMA

    found = load_config()
    values = settings(found)
    if as_json:
        terminal.print_json({
            "schema": SCHEMA,
            "file": str(found.file) if found.file else None,
            "values": {one.key: {"value": one.value, "text": one.text, "source": one.source} for one in values},
        })  # fmt: skip
        return
    out = terminal.Terminal()
    if found.file is None:
        out.line(f"# No file configures the gate; {' or '.join(TABLES)} can.")
    else:
        out.line(f"# {shown(found.file)}")
    out.line(f"[{table_name(found.file.name if found.file else next(iter(TABLES)))}]")
    for line in as_toml(values):
        out.line(line)
