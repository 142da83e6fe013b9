"""The gate's configuration as one would write it in its table: TOML, with where each value came from."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchsuite.gate.settings import TIME_METRICS, Quarantine, ScenarioLimits
from benchsuite.quantities import spell_duration, spell_number, spell_share, spell_size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchsuite.config import GateConfig

SIZE_METRICS = frozenset({"peak_heap", "leak", "cuda_peak_allocated"})
SHARES = frozenset({"detect", "level"})
DURATIONS = frozenset({"budget", "timeout"})
WIDEST_VALUE = 48
"""Characters that a value may take before its source no longer stands in the column."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One value, as it is written, and where it came from."""

    key: str
    value: Any
    """As in JSON, in the units of `GateSettings`."""
    text: str
    """As in TOML; empty: not set, which TOML cannot say."""
    source: str


def settings(config: GateConfig) -> list[Setting]:
    """Return every value of a configuration, in the order in which they are documented."""
    return [
        Setting(key, _plain(value), _spell(key, value), config.sources[key])
        for key, value in config.values().items()
    ]


def as_toml(found: list[Setting]) -> list[str]:
    """Return aligned lines that could stand in the gate's table as they are."""
    keys = max(len(setting.key) for setting in found)
    lines = [
        f"{setting.key:<{keys}} = {setting.text}" if setting.text else f"# {setting.key} is not set"
        for setting in found
    ]
    fitting = [len(line) for line in lines if len(line) <= keys + 3 + WIDEST_VALUE]
    width = max(fitting, default=0)
    return [f"{line:<{width}}  # {setting.source}" for line, setting in zip(lines, found, strict=True)]


def _spell(key: str, value: Any) -> str:
    outer, _, metric = key.partition(".")
    if outer == "limits":
        return _spell_limit(metric, value)
    if key in SHARES:
        return _quote(spell_share(value))
    if key in DURATIONS:
        return _quote(spell_duration(value))
    return "" if value is None else _toml(value)


def _spell_limit(metric: str, limit: float) -> str:
    if metric in TIME_METRICS:
        return _quote(spell_share(limit))
    return _quote(spell_size(limit)) if metric in SIZE_METRICS else spell_number(limit)


def _toml(value: Any) -> str:
    if isinstance(value, str):
        return _quote(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, ScenarioLimits):
        limits = {metric: _spell_limit(metric, limit) for metric, limit in value.limits.items()}
        return _inline({"match": _quote(value.match), "limits": _inline(limits)})
    if isinstance(value, Quarantine):
        given = {name: one for name, one in dataclasses.asdict(value).items() if one is not None}
        return _inline({name: _toml(one) for name, one in given.items()})
    return str(value)


def _inline(texts: Mapping[str, str]) -> str:
    return "{ " + ", ".join(f"{key} = {text}" for key, text in texts.items()) + " }" if texts else "{}"


def _quote(text: str) -> str:
    # JSON's escapes are TOML's too, but for the one control character that JSON leaves as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, ScenarioLimits):
        return {"match": value.match, "limits": dict(value.limits)}
    if isinstance(value, Quarantine):
        return {**dataclasses.asdict(value), "until": value.until.isoformat()}
    return value
