"""Options that several commands share, and how their texts are read."""

from __future__ import annotations

import contextlib
import functools
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click
from click.core import ParameterSource

from benchsuite import streams
from benchsuite.errors import UsageError
from benchsuite.quantities import LARGEST_SEED, parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchsuite.catalog import Entry

Given = ParamSpec("Given")
Answer = TypeVar("Answer")

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

seed_type = click.IntRange(0, LARGEST_SEED)


def json_option(command: Callable[Given, Answer]) -> Callable[Given, Answer]:
    """Add `--json` to a command; with it, stdout is kept for the document."""

    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, nothing else.")
    @functools.wraps(command)
    def keeping(*values: Given.args, **options: Given.kwargs) -> Answer:
        with streams.kept_for_a_document() if options["as_json"] else contextlib.nullcontext():
            return command(*values, **options)

    return keeping


def given_options() -> dict[str, str]:
    """Return the options of the running command that stand on its command line: how they are spelt, by parameter."""
    context = click.get_current_context()
    return {
        parameter.name: parameter.opts[0]
        for parameter in context.command.params
        if parameter.name is not None
        and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
    }


class Duration(click.ParamType[float]):
    """A command line's `90s`, `5m`, `1h` or plain number of seconds, as seconds."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the text, or take seconds as they are."""
        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


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
