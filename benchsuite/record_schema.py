"""Reads records and headers of runs back, and refuses what is none: no value has another type than it should.

A record is written by the same rules: one that could not be read back is never on the disk.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import TypeAdapter

from benchsuite.demands import LARGEST_COUNT
from benchsuite.record import SAMPLES, Record, RunInfo, Span, Turn, demand_schema
from benchsuite.samples import Samples
from benchsuite.validation import validated


@dataclass(frozen=True, slots=True)
class _Variant:
    """What reports rely on in a header's variant; other keys are welcome."""

    id: str
    settings: dict[str, Any] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)
    baseline: bool = False
    available: bool = True
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Scenario:
    """What reports rely on in a header's scenario; other keys are welcome."""

    name: str
    question: str | None = None
    compare: str | None = None
    within: list[str] = field(default_factory=list)
    metric: str = "step_time"
    answer: str = "best"
    once: bool = False
    step: str = "step"
    combines: bool = False
    variants: list[_Variant] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Scenarios:
    scenarios: tuple[_Scenario, ...]


_RECORD: Final = TypeAdapter(Record)
_INFO: Final = TypeAdapter(RunInfo)
_SCENARIOS: Final = TypeAdapter(_Scenarios)
_ROWS: Final = {
    name: tuple(f.name for f in dataclasses.fields(kind))
    for name, kind in (("turns", Turn), ("timeline", Span))
}
"""What stands in a file without the names of its fields."""


def read_record(document: Any) -> Record:
    """Read one line of `records.jsonl`; keys of later minor additions are ignored.

    Raises:
        NotComparableError: the schema is newer than this version reads.
        ValueError: the document is no record; the text says where.
    """
    demand_schema(document)
    values = {key: value for key, value in document.items() if key != "pass"}
    if "pass" in document:
        values["pass_"] = document["pass"]
    for name, fields in _ROWS.items():
        if isinstance(rows := document.get(name), list):
            values[name] = [
                dict(zip(fields, row, strict=False)) if isinstance(row, list) else row for row in rows
            ]
    # They are counted in millions, and an array checks them by itself.
    samples: dict[str, Any] = {name: _samples(name, values.pop(name)) for name in SAMPLES if name in values}
    record = dataclasses.replace(validated(_RECORD, values), **samples)
    if not 1 <= record.items_per_step <= LARGEST_COUNT:
        raise ValueError("items_per_step: it should be a whole number from 1 to 2**63 - 1")
    return record


def written(record: Record) -> tuple[Record, str]:
    """Return a record and its line of `records.jsonl`; one that could not be read back becomes a failed one that says so."""
    try:
        line = _line(record)
    except (TypeError, ValueError, RecursionError) as error:
        record = record.without_findings(f"what it has reported cannot be kept: {error}")
        line = _line(record)
    return record, line


def read_info(document: Any) -> RunInfo:
    """Read `run.json`; keys of later minor additions are ignored.

    Raises:
        NotComparableError: the schema is newer than this version reads.
        ValueError: the document is no header of a run; the text says where.
    """
    demand_schema(document)
    info = validated(_INFO, document)
    validated(_SCENARIOS, {"scenarios": info.scenarios})
    return info


def _line(record: Record) -> str:
    line = json.dumps(record.to_json(), separators=(",", ":"))
    read_record(json.loads(line))
    return line


def _samples(name: str, values: Any) -> Samples:
    if not isinstance(values, list):
        raise ValueError(f"{name}: it should be a list")  # noqa: TRY004 - it is the document that is wrong
    try:
        return Samples(values)
    except (TypeError, OverflowError) as error:
        raise ValueError(f"{name}: {error}") from error
