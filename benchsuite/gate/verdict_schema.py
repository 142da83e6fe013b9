"""Reads verdicts back, and refuses what is none: no value has another type than it should."""

from __future__ import annotations

import math
from typing import Any, Final

from pydantic import TypeAdapter

from benchsuite.gate.verdict import RATIOS, Verdict
from benchsuite.record import demand_schema
from benchsuite.validation import validated

_VERDICT: Final = TypeAdapter(Verdict)


def read_verdict(document: Any) -> Verdict:
    """Read `verdict.json`; keys of later minor additions are ignored.

    Raises:
        NotComparableError: the schema is newer than this version reads.
        ValueError: the document is no verdict; the text says where.
    """
    demand_schema(document)
    return validated(_VERDICT, with_findings(document))


def with_findings(document: Any) -> Any:
    """Return a document whose `findings` hold again what JSON cannot say: an interval that is open at an end.

    Ratios that are none, such as those of a pair that took no time, are left out.
    """
    findings = document.get("findings") if isinstance(document, dict) else None
    return document | {"findings": list(map(_finding, findings))} if isinstance(findings, list) else document


def _finding(document: Any) -> Any:
    if not isinstance(document, dict):
        return document
    values = dict(document)
    match values.get("interval"):
        case [low, high]:
            values["interval"] = (0.0 if low is None else low, math.inf if high is None else high)
    for name in RATIOS:
        if isinstance(ratios := values.setdefault(name, []), list):
            values[name] = [ratio for ratio in ratios if not _is_no_ratio(ratio)]
    return values


def _is_no_ratio(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not 0 < value < math.inf)
