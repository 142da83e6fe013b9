"""Tidy pandas frames of a run: one row for each variant, sample, comparison, operator or point of a curve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from reports import latency, roofline
from reports.bottleneck import find_bottleneck
from reports.ranking import FIGURES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchsuite.record import Record
    from reports.ranking import Ranked
    from reports.results import ScenarioResult, VariantResult

SAMPLES = ("scenario", "variant", "repetition", "group", "kind", "index", "ns")
COMPARISONS = ("scenario", "variant", "baseline", "speedup", "low", "high", "rounds", "verdict")
OPERATORS = (
    "scenario", "variant", "name", "shapes", "calls", "self_cpu_ns", "total_cpu_ns", "self_device_ns", "total_device_ns",
    "flops",
)  # fmt: skip
SERIES = ("scenario", "variant", "repetition", "name", "x", "y")


def variants_frame(scenarios: Sequence[ScenarioResult]) -> pd.DataFrame:
    """Return one row for each variant, skipped and failed ones included, with its settings and metrics."""
    return pd.DataFrame([_variant_row(s, variant) for s in scenarios for variant in s.variants])


def samples_frame(records: Iterable[Record]) -> pd.DataFrame:
    """Return every raw sample in ns: first step, warm-up, steps, CPU and device time, and turns by the step."""
    rows: list[tuple[object, ...]] = []
    for record in records:
        samples: dict[str, Sequence[float]] = {
            "first": () if record.first_step_ns is None else (record.first_step_ns,),
            "warmup": record.warmup_ns,
            "step": record.step_ns,
            "cpu": record.cpu_ns,
            "device": record.device_ns,
            "turn": [turn.step_ns for turn in record.turns],
        }
        head = (record.scenario, record.variant, record.repetition, record.group)
        rows.extend(
            (*head, kind, index, value)
            for kind, values in samples.items()
            for index, value in enumerate(values)
        )
    return pd.DataFrame(rows, columns=list(SAMPLES))


def comparisons_frame(scenarios: Sequence[ScenarioResult]) -> pd.DataFrame:
    """Return one row for each variant that was compared with its baseline."""
    rows = [
        (s.name, c.variant, c.baseline, c.speedup.value, c.speedup.low, c.speedup.high, c.rounds, c.verdict)
        for s in scenarios
        for variant in s.variants
        if (c := variant.comparison) is not None
    ]
    return pd.DataFrame(rows, columns=list(COMPARISONS))


def ranking_frame(ranking: Sequence[Ranked]) -> pd.DataFrame:
    """Return one row for each scenario's best variant in each context, where it was shown to be faster."""
    return pd.DataFrame([ranked.figures() for ranked in ranking], columns=list(FIGURES))


def operators_frame(scenarios: Sequence[ScenarioResult]) -> pd.DataFrame:
    """Return one row for each operator and input shapes of each variant: figures of one step."""
    rows = [
        (s.name, variant.id, *(getattr(o, name) for name in OPERATORS[2:]))
        for s in scenarios
        for variant in s.variants
        for o in variant.operators
    ]
    return pd.DataFrame(rows, columns=list(OPERATORS))


def series_frame(records: Iterable[Record]) -> pd.DataFrame:
    """Return one row for each point of each named curve."""
    rows = [
        (record.scenario, record.variant, record.repetition, name, x, y)
        for record in records
        for name, points in record.series.items()
        for x, y in points
    ]
    return pd.DataFrame(rows, columns=list(SERIES))


def _variant_row(result: ScenarioResult, variant: VariantResult) -> dict[str, Any]:
    time, comparison = variant.step_time, variant.comparison
    bottleneck = find_bottleneck(variant, result.ceilings)
    metrics = sorted({name for record in variant.trials for name in record.metrics})
    return {
        "scenario": result.name,
        "variant": variant.id,
        "label": variant.label,
        "baseline": variant.baseline,
        "outcome": variant.outcome,
        "reason": variant.reason,
        "step_ns": time.value if time else None,
        "step_low_ns": time.low if time else None,
        "step_high_ns": time.high if time else None,
        "items_per_second": variant.throughput.value if variant.throughput else None,
        **latency.figures(variant),
        "rounds": len(variant.timings),
        "speedup": comparison.speedup.value if comparison else None,
        "verdict": comparison.verdict if comparison else None,
        "sound": variant.sound,
        "disturbed": len(variant.disturbances),
        "first_step_ns": variant.first_step_ns(),
        "bottleneck": bottleneck.kind if bottleneck else None,
        "bottleneck_share": bottleneck.share if bottleneck else None,
        **roofline.figures(roofline.place_of(variant, result.ceilings)),
        **{f"settings.{key}": value for key, value in variant.settings.items()},
        **{f"metrics.{name}": variant.metric(name) for name in metrics},
    }
