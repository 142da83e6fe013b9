"""Tidy pandas frames of what a run found: one row for each variant, comparison, winner, operator or line with memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchsuite.stacks import holder
from reports import latency, roofline
from reports.bottleneck import find_bottleneck
from reports.columns import make_frame
from reports.memory_sites import WORDS
from reports.metric_columns import metric_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from reports.columns import Kind
    from reports.ranking import Ranked
    from reports.results import ScenarioResult, VariantResult

VARIANTS: Final[Mapping[str, Kind]] = {
    "scenario": "text", "variant": "text", "label": "text", "baseline": "flag", "outcome": "text", "reason": "text",
    "step_ns": "float", "step_low_ns": "float", "step_high_ns": "float", "items_per_second": "float",
    **{f"p{percent}_ns": "float" for percent in latency.PERCENTS},
    "rounds": "whole", "speedup": "float", "verdict": "text", "sound": "flag", "disturbed": "whole",
    "first_step_ns": "float", "bottleneck": "text", "bottleneck_share": "float", "flops_per_s": "float",
    "bytes_per_s": "float", "flops_per_byte": "float", "attainable_flops_per_s": "float", "roofline_side": "text",
    "roofline_share": "float",
}  # fmt: skip
COMPARISONS: Final[Mapping[str, Kind]] = {
    "scenario": "text", "variant": "text", "baseline": "text", "speedup": "float", "low": "float", "high": "float",
    "rounds": "whole", "verdict": "text",
}  # fmt: skip
RANKING: Final[Mapping[str, Kind]] = {
    "scenario": "text", "variant": "text", "device": "text", "phase": "text", "speedup": "float", "low": "float",
    "high": "float", "memory_ratio": "float", "accuracy_points": "float", "pays_after_steps": "float", "work": "text",
}  # fmt: skip
OPERATORS: Final[Mapping[str, Kind]] = {
    "scenario": "text", "variant": "text", "name": "text", "shapes": "text", "calls": "float", "self_cpu_ns": "float",
    "total_cpu_ns": "float", "self_device_ns": "float", "total_device_ns": "float", "flops": "float",
}  # fmt: skip
SITES: Final[Mapping[str, Kind]] = {
    "scenario": "text", "variant": "text", "kind": "text", "size_bytes": "float", "allocations": "float",
    "line": "text", "stack": "text",
}  # fmt: skip
BETWEEN_FRAMES: Final = " < "
"""Stands in a stack between a frame and the one that called it."""


def variants_frame(scenarios: Sequence[ScenarioResult]) -> pd.DataFrame:
    """Return one row for each variant, skipped and failed ones included, with its settings and metrics."""
    variants = [variant for result in scenarios for variant in result.variants]
    metrics = metric_columns(name for v in variants for record in v.trials for name in record.metrics)
    axes = dict.fromkeys(axis for variant in variants for axis in variant.settings)
    kinds: dict[str, Kind] = {
        **VARIANTS,
        **{f"settings.{axis}": "setting" for axis in axes},
        **dict.fromkeys(metrics.values(), "float"),
    }
    rows = [_variant_row(result, v, metrics) for result in scenarios for v in result.variants]
    return make_frame(kinds, rows)


def comparisons_frame(scenarios: Sequence[ScenarioResult]) -> pd.DataFrame:
    """Return one row for each variant that was compared with its baseline."""
    rows = [
        (s.name, c.variant, c.baseline, c.speedup.value, c.speedup.low, c.speedup.high, c.rounds, c.verdict)
        for s in scenarios
        for variant in s.variants
        if (c := variant.comparison) is not None
    ]
    return _frame(COMPARISONS, rows)


def ranking_frame(ranking: Sequence[Ranked]) -> pd.DataFrame:
    """Return one row for each scenario's best variant in each context, where it was shown to be faster."""
    return make_frame(RANKING, [ranked.figures() for ranked in ranking])


def operators_frame(scenarios: Sequence[ScenarioResult]) -> pd.DataFrame:
    """Return one row for each operator and input shapes of each variant: figures of one step."""
    names = list(OPERATORS)[2:]
    rows = [
        (s.name, variant.id, *(getattr(o, name) for name in names))
        for s in scenarios
        for variant in s.variants
        for o in variant.operators
    ]
    return _frame(OPERATORS, rows)


def memory_sites_frame(scenarios: Sequence[ScenarioResult]) -> pd.DataFrame:
    """Return one row for each line of each variant that holds memory at the peak, frees it at once or leaves it behind."""
    rows = [
        (s.name, v.id, kind, x.size_bytes, x.allocations, holder(x.stack), BETWEEN_FRAMES.join(x.stack))
        for s in scenarios
        for v in s.variants
        for kind in WORDS
        for x in v.sites(kind)
    ]
    return _frame(SITES, rows)


def _frame(kinds: Mapping[str, Kind], rows: Sequence[tuple[object, ...]]) -> pd.DataFrame:
    return make_frame(kinds, [dict(zip(kinds, row, strict=True)) for row in rows])


def _variant_row(
    result: ScenarioResult, variant: VariantResult, metrics: Mapping[str, str]
) -> dict[str, object]:
    time, comparison = variant.step_time, variant.comparison
    bottleneck = find_bottleneck(variant, result.ceilings)
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
        **{name: variant.metric(metric) for metric, name in metrics.items()},
    }
