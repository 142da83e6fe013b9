"""Options that several commands share, and how their texts are read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchsuite.errors import UsageError

if TYPE_CHECKING:
    from benchsuite.catalog import Entry

scenarios_option = click.option(
    "--scenarios",
    multiple=True,
    metavar="MODULE",
    help="Add the scenarios of a module (dotted name or file).",
)
only_scenarios_option = click.option(
    "--only-scenarios",
    multiple=True,
    metavar="MODULE",
    help="Use this module's scenarios, not the built-in ones.",
)
runs_dir_option = click.option(
    "--runs-dir", type=click.Path(path_type=Path), default=Path("runs"), show_default=True, metavar="DIR",
    help="Where run directories are.",
)  # fmt: skip
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document on stdout, nothing else."
)

_UNITS_S = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


class Duration(click.ParamType[float]):
    """A command line's `90s`, `5m`, `1h` or plain number of seconds, as seconds."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the text, or take seconds as they are."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", str(value).strip())
        if match is None or float(match[1]) <= 0:
            self.fail(f"{value!r} is not a duration: write 90s, 5m or 1h", param, ctx)
        return float(match[1]) * _UNITS_S[match[2]]


def load_entries(scenarios: tuple[str, ...], only_scenarios: tuple[str, ...]) -> dict[str, Entry]:
    """Return the scenarios that the two options ask for.

    Raises:
        UsageError: both were given, or a module cannot be used.
    """
    from benchsuite.catalog import load_catalog

    if scenarios and only_scenarios:
        raise UsageError(
            "--scenarios adds to the built-in scenarios, --only-scenarios replaces them: give one of them"
        )
    return load_catalog(only_scenarios, built_in=False) if only_scenarios else load_catalog(scenarios)
