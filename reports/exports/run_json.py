"""A run as one JSON document: its header, and of each variant what the tables show."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

from reports.answers import answer

if TYPE_CHECKING:
    from benchsuite.statistics import Interval
    from reports.load import ReportData
    from reports.results import ScenarioResult, VariantResult

SCHEMA: Final = 1


def run_json(data: ReportData) -> str:
    """Return a run's header, answers and variants; what is not finite or not known is null.

    Raw samples are left out: `records.jsonl` of the run has them in JSON already.
    """
    document = {
        "schema": SCHEMA,
        "run": {**data.run.info.to_json(), "scenarios": [result.name for result in data.scenarios]},
        "problems": list(data.problems),
        "scenarios": [_scenario(result, whole=result.name not in data.narrowed) for result in data.scenarios],
    }
    return json.dumps(_finite(document), indent=1, allow_nan=False, default=str) + "\n"


def _scenario(result: ScenarioResult, *, whole: bool) -> dict[str, Any]:
    return {
        "name": result.name,
        "question": result.question,
        "compare": result.compare,
        "metric": result.metric,
        "answers": [str(statement) for statement in answer(result)] if whole else None,
        "variants": [_variant(variant) for variant in result.variants],
    }


def _variant(variant: VariantResult) -> dict[str, Any]:
    comparison = variant.comparison
    names = sorted({name for record in variant.trials for name in record.metrics})
    return {
        "id": variant.id,
        "settings": dict(variant.settings),
        "context": dict(variant.context),
        "baseline": variant.baseline,
        "outcome": variant.outcome,
        "reason": variant.reason,
        "sound": variant.sound,
        "step_ns": _interval(variant.step_time),
        "items_per_second": _interval(variant.throughput),
        "speedup": _interval(comparison.speedup) if comparison else None,
        "verdict": comparison.verdict if comparison else None,
        "first_step_ns": variant.first_step_ns(),
        "disturbed": list(variant.disturbances),
        "metrics": {name: variant.metric(name) for name in names},
        "failed_checks": [check.name for check in variant.failed_checks],
        "faults": [{"pass": record.pass_, "reason": record.reason} for record in variant.faults],
    }


def _interval(interval: Interval | None) -> dict[str, Any] | None:
    if interval is None:
        return None
    return {"value": interval.value, "low": interval.low, "high": interval.high, "rounds": interval.count}


def _finite(value: Any) -> Any:
    """Return what JSON can hold: no NaN and no infinity."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(inner) for key, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list | tuple) else value
