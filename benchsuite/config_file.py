"""Finds the file that configures the gate, and reads its table; what the table says is checked elsewhere."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchsuite.errors import UsageError
from benchsuite.suggestion import suggest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TABLES = {"pyproject.toml": ("tool", "benchsuite", "gate"), "benchsuite.toml": ("gate",)}
"""Where the gate's table is in each file."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file and its table for the gate."""

    path: Path
    table: Mapping[str, Any]

    def where(self, key: str) -> str:
        """Return the file, as seen from the current directory, and the key in full."""
        return f"{shown(self.path)}: {table_name(self.path.name)}.{key}"


def table_name(file_name: str) -> str:
    """Return the dotted name of the gate's table in a file of this name."""
    return ".".join(TABLES[file_name])


def shown(path: Path) -> str:
    """Return a path as seen from the current directory."""
    return os.path.relpath(path)


def find_config(start: Path) -> ConfigFile | None:
    """Return the nearest file with a table for the gate, from a folder up to the repository's top.

    The top is the first folder that holds `.git`; outside of a repository only `start` itself is looked at.

    Raises:
        UsageError: a file on the way cannot be read, has a key beside the gate's table that is not known, or both
            files of one folder have such a table.
    """
    for folder in _upwards(start.resolve()):
        found = [
            ConfigFile(folder / name, table)
            for name in TABLES
            if (table := _table(folder / name)) is not None
        ]
        if len(found) > 1:
            first, second = (f"{shown(file.path)} ([{table_name(file.path.name)}])" for file in found)
            raise UsageError(
                f"the gate is configured in both {first} and {second}: keep one of the two tables"
            )
        if found:
            return found[0]
    return None


def _upwards(start: Path) -> list[Path]:
    folders = [start, *start.parents]
    for count, folder in enumerate(folders, start=1):
        if (folder / ".git").exists():
            return folders[:count]
    return [start]


def _table(path: Path) -> Mapping[str, Any] | None:
    """Return the gate's table of a file; None: there is no such file, or no such table in it."""
    if not path.is_file():
        return None
    names = TABLES[path.name]
    found: Any = _read(path)
    for depth, name in enumerate(names):
        if depth == len(names) - 1:  # above it stand the tables of other tools
            _demand_alone(path, ".".join(names[:depth]), found, name)
        if name not in found:
            return None
        found = found[name]
        if not isinstance(found, dict):
            raise UsageError(
                f"{shown(path)}: {'.'.join(names[: depth + 1])} is no table: write [{'.'.join(names)}]"
            )
    table: Mapping[str, Any] = found
    return table


def _demand_alone(path: Path, outer: str, found: Mapping[str, Any], known: str) -> None:
    unknown = next((key for key in found if key != known), None)
    if unknown is not None:
        dotted = f"{outer}.{unknown}" if outer else unknown
        raise UsageError(f"{shown(path)}: {dotted} is not known: {suggest(unknown, [known])}")


def _read(path: Path) -> dict[str, Any]:
    text = ""
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"{shown(path)}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{shown(path)}: cannot be read ({error}): TOML is UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", str(error))
        line = (place and place[1]) or len(text.splitlines())
        said = str(error)[: place.start()] if place else str(error)
        raise UsageError(f"{shown(path)}:{line}: not valid TOML: {said}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{shown(path)}: not valid TOML: {error}") from error
