"""Any mapping as labelled lines: machine, environments, data and options are shown whatever keys they hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reports import format as fmt

if TYPE_CHECKING:
    from benchsuite.record import RunInfo
    from reports.load import ReportData

LABELS = {
    "cpu_model": "CPU",
    "num_cores": "Cores",
    "memory_bytes": "Memory",
    "os": "System",
    "python": "Python",
    "torch": "PyTorch",
    "cpu": "CPU",
    "cuda": "CUDA",
    "blas": "BLAS",
    "gpus": "GPUs",
    "env": "Variables",
    "sha256": "SHA-256",
}
RATES: Mapping[str, Callable[[float], str]] = {
    "_flops_per_s": fmt.flop_rate,
    "_bytes_per_s": fmt.byte_rate,
    "_ns": fmt.duration,
}
"""How numbers are spelt that are no plain counts, by the end of their key."""
Facts = list[tuple[str, str]]


def facts(mapping: Mapping[str, object]) -> Facts:
    """Return a mapping as pairs of label and text; nested ones become several pairs, nothing is left out."""
    found: Facts = []
    for key, value in mapping.items():
        label = _label(str(key))
        if isinstance(value, Mapping):
            found += [(f"{label} · {inner}", text) for inner, text in facts(value)] or [(label, "none")]
        else:
            found.append((label, _spell(str(key), value)))
    return found


def merged(mappings: Iterable[Mapping[str, object]]) -> Facts:
    """Return several mappings as one list, in which values that differ stand side by side."""
    found: dict[str, dict[str, None]] = {}
    for mapping in mappings:
        for label, text in facts(mapping):
            found.setdefault(label, {})[text] = None
    return [(label, " or ".join(texts)) for label, texts in found.items()]


def took_s(info: RunInfo) -> float | None:
    """Return how long a run took in seconds: as it says itself, else from its start to its end; None: not known."""
    if (wall_s := info.effort.get("wall_s")) is not None:
        return float(wall_s)
    start, end = seconds_of(info.started), seconds_of(info.finished or "")
    return None if start is None or end is None else max(0.0, end - start)


def seconds_of(text: str) -> float | None:
    """Return a time in ISO 8601 as seconds since 1970; without an offset it is UTC's. None: it is no time."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def machine_line(data: ReportData) -> str:
    """Return a run's machine and software in one line."""
    return machine_words(data.run.info.machine, next(iter(data.run.info.environments.values()), {}))


def machine_words(machine: Mapping[str, object], environment: Mapping[str, object]) -> str:
    """Return a machine and what a worker saw on it in one line."""
    parts = [
        _first(machine, "cpu_model", "cpu"),
        f"{cores} cores" if (cores := _first(machine, "num_cores", "cores")) else "",
        _spell("memory_bytes", machine["memory_bytes"]) if machine.get("memory_bytes") else "",
        *_gpus(machine, environment),
        _first(machine, "os", "system"),
        f"Python {python}" if (python := _first(machine, "python")) else "",
        f"PyTorch {torch}" if (torch := _first(environment, "torch")) else "",
        f"CUDA {cuda}" if machine.get("gpus") and (cuda := _first(environment, "cuda")) else "",
    ]
    return " · ".join(fmt.name(part) for part in parts if part)


def _gpus(machine: Mapping[str, object], environment: Mapping[str, object]) -> list[str]:
    """Return each GPU in a few words; that there is none is said only where somebody has looked."""
    found = [_one(gpu) for gpu in _list(machine.get("gpus") or environment.get("gpus"))]
    looked = isinstance(machine.get("gpus", environment.get("gpus")), list | tuple)
    return found or ["no GPU"] * looked


def _label(key: str) -> str:
    if key in LABELS or key.isupper():
        return LABELS.get(key) or fmt.name(key)
    bare = next(
        (key.removesuffix(ending) for ending in RATES if key.endswith(ending)), key.removesuffix("_s")
    )
    words = fmt.name(bare.replace("_", " "))
    head, _, rest = words.partition(" ")
    return f"{LABELS[head]} {rest}" if head in LABELS and rest else words[:1].upper() + words[1:]


def _spell(key: str, value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    if isinstance(value, int | float):
        return _spell_number(key, value)
    if isinstance(value, list | tuple):
        return "; ".join(_one(item) for item in value) or "none"
    return fmt.clause(str(value)) or "unknown"


def _spell_number(key: str, value: float) -> str:
    for ending, spell in {**RATES, "_bytes": fmt.size}.items():
        if key.endswith(ending):
            return spell(value)
    if key.endswith("_s"):
        return fmt.duration(value * 1e9)
    return fmt.plain(value) if isinstance(value, float) else str(value)


def _one(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{label} {text}" if label != "Name" else text for label, text in facts(value))
    return fmt.clause(str(value))


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []


def _first(mapping: Mapping[str, object], *keys: str) -> str:
    return next((str(mapping[key]) for key in keys if mapping.get(key)), "")
