"""The command that decides about one variant again."""

from __future__ import annotations

import shlex

import click

from benchsuite.commands.options import given_options

SELECTING = {"names", "texts", "all_", "as_json", "wait", "budget"}
"""What the command does without: it names its one variant itself."""


def reproduction(variant: str) -> str:
    """Return the command that decides about one variant again, with the options that were given now."""
    context = click.get_current_context()
    words = ["python", "-m", "benchsuite", "gate"]
    for name, option in given_options().items():
        value = context.params[name]
        for one in value if isinstance(value, tuple) else (value,):
            if name not in SELECTING:
                words += [option] if one is True else [option, str(one)]
    return shlex.join([*words, "-k", variant])
