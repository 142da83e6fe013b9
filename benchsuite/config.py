"""What configures the gate: its file and the command line, checked, with where each value came from."""

from __future__ import annotations

import dataclasses
import math
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from benchsuite.config_file import find_config, shown, table_name
from benchsuite.errors import UsageError
from benchsuite.gate.settings import DEFAULT_LIMITS, TIME_METRICS, GateSettings
from benchsuite.origin import DEFAULT_TASK
from benchsuite.quantities import spell_share

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

DEFAULT = "default"
COMMAND_LINE = "command line"
_SPELT = {"budget_s": "budget", "timeout_s": "timeout"}
"""Keys that carry their unit in their value, and not in their name as fields do."""
_FIELDS = {key: name for name, key in _SPELT.items()}
_OWN = ("task", "scenarios", "only_scenarios", "seed")


@dataclass(frozen=True, slots=True, kw_only=True)
class GateConfig:
    """All that the gate is told, and where each value came from."""

    settings: GateSettings = field(default_factory=GateSettings)
    task: str = DEFAULT_TASK
    scenarios: tuple[str, ...] = ()
    """Modules added to the built-in ones; files as seen from the current directory."""
    only_scenarios: tuple[str, ...] = ()
    """Modules instead of the built-in ones."""
    seed: int = 0
    file: Path | None = None
    """The file that was read; None: there is none."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """By dotted key as in the file: `default`, the file's name, or `command line`."""

    def values(self) -> dict[str, Any]:
        """Return all values by dotted key, limits one by one."""
        found: dict[str, Any] = {key: getattr(self, key) for key in _OWN[:3]}
        for one in dataclasses.fields(self.settings):
            value = getattr(self.settings, one.name)
            if one.name == "limits":
                found.update({f"limits.{metric}": limit for metric, limit in value.items()})
            else:
                found[_SPELT.get(one.name, one.name)] = value
        return {**found, "seed": self.seed}

    def source(self, key: str) -> str:
        """Return where a value came from; of an entry of a list, where the list did."""
        return self.sources.get(key.partition("[")[0], DEFAULT)

    def where(self, key: str) -> str:
        """Return where a value was said, for an error about it."""
        source = self.source(key)
        if self.file is not None and source == self.file.name:
            return f"{shown(self.file)}: {table_name(source)}.{key}"
        return f"{source}: {key}"


def load_config(start: Path | None = None, today: date | None = None) -> GateConfig:
    """Return what the nearest configuration file says, and defaults for the rest.

    Args:
        start: where to look first; by default the current directory.
        today: the day that decides whether a quarantine has ended; by default today's, UTC.

    Raises:
        UsageError: a file or a key in it does not do; the message names both and says what to write.
    """
    config = _with_sources(GateConfig())
    found = find_config(start or Path.cwd())
    if found is not None:
        config = dataclasses.replace(config, file=found.path)
        config = _apply(config, found.table, found.path.name, found.where(""))
    _demand_consistent(config, today or datetime.now(UTC).date())
    return config


def overridden(config: GateConfig, values: Mapping[str, Any]) -> GateConfig:
    """Return the configuration with what the command line says in its place.

    Args:
        config: what the file says.
        values: by dotted key, such as `budget` or `limits.step_time`, spelt as in the file or in the settings' own
            units. None and an empty tuple stand for an option that was not given.

    Raises:
        UsageError: a key or a value does not do, alone or with the others.
    """
    table: dict[str, Any] = {}
    for key, value in values.items():
        if value is not None and value != ():
            outer, _, inner = key.partition(".")
            if inner:
                table.setdefault(outer, {})[inner] = value
            else:
                table[key] = value
    for one, other in (("scenarios", "only_scenarios"), ("only_scenarios", "scenarios")):
        if one in table and other not in table:
            table[other] = ()
    changed = _apply(config, table, COMMAND_LINE, f"{COMMAND_LINE}: ")
    _demand_consistent(changed, None)
    return changed


def fewest_confirmation_pairs(level: float) -> int:
    """Return how many pairs a suspect needs at least: `2**-n`, the smallest p value of n pairs, is below half the level.

    Half of it, since each of two looks, after the confirmation and after further pairs, is held against half the level.
    """
    return math.floor(1 - math.log2(level)) + 1


def _with_sources(config: GateConfig) -> GateConfig:
    return dataclasses.replace(config, sources=MappingProxyType(dict.fromkeys(config.values(), DEFAULT)))


def _apply(config: GateConfig, table: Mapping[str, Any], source: str, prefix: str) -> GateConfig:
    # Importing pydantic takes a while: only what reads a configuration pays for it.
    from benchsuite.config_schema import WrongKeyError, check_table

    try:
        given = check_table(table)
    except WrongKeyError as error:
        raise UsageError(f"{prefix}{error.key}: {error}") from error
    own_limits = {
        key.removeprefix("limits."): value for key, value in given.items() if key.startswith("limits.")
    }
    changes = {_FIELDS.get(key, key): value for key, value in given.items() if not key.startswith("limits.")}
    own = {key: changes.pop(key) for key in _OWN if key in changes}
    if source != COMMAND_LINE and config.file is not None:
        own = _from_folder(own, config.file.parent)
    limits = MappingProxyType({**config.settings.limits, **own_limits})
    return dataclasses.replace(
        config,
        settings=dataclasses.replace(config.settings, limits=limits, **changes),
        sources=MappingProxyType({**config.sources, **dict.fromkeys(given, source)}),
        **own,
    )


def _from_folder(own: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return modules named by their files as seen from the current directory, not from the configuration's folder."""

    def seen(spec: str) -> str:
        return os.path.relpath(folder / spec) if spec.endswith(".py") or "/" in spec else spec

    found = dict(own)
    for key in {"scenarios", "only_scenarios"} & own.keys():
        found[key] = tuple(map(seen, own[key]))
    if "task" in own:
        module, _, attribute = own["task"].rpartition(":")
        found["task"] = f"{seen(module)}:{attribute}"
    return found


def _demand_consistent(config: GateConfig, today: date | None) -> None:
    if config.scenarios and config.only_scenarios:
        raise UsageError(
            f"{config.where('only_scenarios')}: `scenarios` adds to the built-in scenarios, `only_scenarios` replaces "
            "them: keep one of them"
        )
    _demand_detectable(config)
    _demand_enough_pairs(config)
    for index, entry in enumerate(config.settings.quarantine):
        if today is not None and entry.until < today:
            reason = " ".join(entry.reason.split())
            raise UsageError(
                f"{config.where(f'quarantine[{index}].until')}: the quarantine of {entry.match!r} ({reason}) "
                f"ended on {entry.until}: remove the entry, or give it a later date"
            )


def _demand_detectable(config: GateConfig) -> None:
    """Refuse a time limit that reaches what must be detectable: no slowdown would lie between the two."""
    detect = config.settings.detect
    for key, limit in _time_limits(config):
        if limit >= detect:
            raise UsageError(
                f"{_last_said(config, key, 'detect')}: a slowdown of {spell_share(detect)} "
                f"(detect, {config.source('detect')}) is to be detected, yet {spell_share(limit)} is allowed: make detect larger than every limit of a time"
            )


def _time_limits(config: GateConfig) -> Iterator[tuple[str, float]]:
    for metric in DEFAULT_LIMITS:
        if metric in TIME_METRICS and metric in config.settings.metrics:
            yield f"limits.{metric}", config.settings.limits[metric]
            for index, own in enumerate(config.settings.scenario_limits):
                if metric in own.limits:
                    yield f"scenario_limits[{index}].limits.{metric}", own.limits[metric]


def _demand_enough_pairs(config: GateConfig) -> None:
    pairs, level = config.settings.confirmation_pairs, config.settings.level
    fewest = fewest_confirmation_pairs(level)
    if pairs < fewest:
        raise UsageError(
            f"{_last_said(config, 'confirmation_pairs', 'level')}: {pairs} pairs "
            f"(confirmation_pairs, {config.source('confirmation_pairs')}) cannot decide at level {spell_share(level)}: write confirmation_pairs = {fewest} or more"
        )


def _last_said(config: GateConfig, *keys: str) -> str:
    """Return where to look for the mistake when values do not go together: at the one that was said last."""

    def weight(key: str) -> int:
        source = config.source(key)
        return 0 if source == DEFAULT else 2 if source == COMMAND_LINE else 1

    return config.where(max(keys, key=weight))
