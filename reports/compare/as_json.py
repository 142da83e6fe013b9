"""The difference of two runs as one JSON document, described in docs/formats.md."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from benchsuite.record import SCHEMA
from reports.compare.difference_words import tell
from reports.compare.operator_changes import OperatorCause

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from benchsuite.statistics import Interval
    from reports.compare.difference import Cause, RunDifference, Unmatched, VariantDifference


def difference_document(difference: RunDifference, before: Path, after: Path) -> dict[str, Any]:
    """Return the document of `compare --json`; what is not finite is null."""
    return {
        "schema": SCHEMA,
        "a": str(before),
        "b": str(after),
        "warnings": list(difference.warnings),
        "canary_ratio": difference.canary_ratio,
        "variants": [_variant(variant) for variant in difference.variants],
        "only_a": _unmatched(difference.only_before),
        "only_b": _unmatched(difference.only_after),
    }


def _variant(difference: VariantDifference) -> dict[str, Any]:
    return {
        "variant": difference.variant,
        "scenario": difference.scenario,
        "step_ns": {"a": _interval(difference.before), "b": _interval(difference.after)},
        "change_ns": difference.change_ns,
        "verdict": difference.verdict,
        "in_canaries": {
            "a": _interval(difference.before_in_canaries),
            "b": _interval(difference.after_in_canaries),
        },
        "clock": difference.clock,
        "attributed_ns": difference.attributed_ns,
        "unattributed_ns": difference.unattributed_ns,
        "causes": [_cause(cause) for cause in difference.causes],
        "notes": [*difference.notes, *difference.cautions],
        "sentences": list(tell(difference)),
    }


def _cause(cause: Cause) -> dict[str, Any]:
    if isinstance(cause, OperatorCause):
        return {
            "kind": "operator",
            "name": cause.name,
            "a": cause.calls_before,
            "b": cause.calls_after,
            "counted": cause.counted,
            "shapes": {"a": cause.shapes_before, "b": cause.shapes_after},
            "explained_ns": cause.explained_ns,
        }
    return {"kind": "metric", "name": cause.name, "a": cause.before, "b": cause.after, "site": cause.site}


def _interval(interval: Interval | None) -> dict[str, Any] | None:
    if interval is None:
        return None
    known = math.isfinite(interval.high)
    return {
        "value": interval.value,
        "low": interval.low if known else None,
        "high": interval.high if known else None,
        "rounds": interval.count,
    }


def _unmatched(variants: Iterable[Unmatched]) -> list[dict[str, str]]:
    return [{"variant": variant.variant, "reason": variant.reason} for variant in variants]
