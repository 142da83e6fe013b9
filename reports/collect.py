"""Sorts the records of a run under the scenarios of its header."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from benchsuite.comparison import Comparison, compare
from benchsuite.record import CANARY, Record, latest
from reports import format as fmt
from reports.bounds import raised
from reports.labels import context_word, variant_labels, varying
from reports.results import WHOLE_STEP, ContextResult, Outcome, ScenarioResult, VariantResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchsuite.record import RunInfo
    from benchsuite.store import Run


def collect(run: Run) -> tuple[ScenarioResult, ...]:
    """Sort a run's records under its scenarios; records that the header does not know get scenarios too."""
    records = latest(run.records)
    comparisons = {comparison.variant: comparison for comparison in compare(records)}
    by_variant: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_variant[record.variant].append(record)
    memory_bytes = run.info.machine.get("memory_bytes")
    entries = [*run.info.scenarios, *_unlisted(run.info.scenarios, records)]
    scenarios = [_scenario(entry, by_variant, comparisons, run.info) for entry in entries]
    ceilings = raised(run.info.ceilings, (variant for result in scenarios for variant in result.variants))
    return tuple(replace(result, ceilings=ceilings, memory_bytes=memory_bytes) for result in scenarios)


def _unlisted(entries: Sequence[Mapping[str, Any]], records: Sequence[Record]) -> list[dict[str, Any]]:
    known = {entry.get("name") for entry in entries} | {CANARY}
    found: dict[str, dict[str, Any]] = {}
    for record in records:
        if record.scenario in known:
            continue
        entry = found.setdefault(record.scenario, {"name": record.scenario, "variants": {}})
        entry["variants"][record.variant] = {
            "id": record.variant,
            "settings": record.settings,
            "context": record.context,
            "baseline": record.baseline,
        }
    return [{**entry, "variants": list(entry["variants"].values())} for entry in found.values()]


def _scenario(
    entry: Mapping[str, Any],
    by_variant: Mapping[str, Sequence[Record]],
    comparisons: Mapping[str, Comparison],
    info: RunInfo,
) -> ScenarioResult:
    listed = list(entry.get("variants", ()))
    names = variant_labels(entry)
    step_word = fmt.name(entry.get("step", WHOLE_STEP))
    contexts: dict[str, list[VariantResult]] = defaultdict(list)
    labels: dict[str, str] = {}
    telling = varying(variant.get("context", {}) for variant in listed)
    for variant in listed:
        context = variant.get("context", {})
        key = str(sorted(context.items()))
        labels[key] = ", ".join(context_word(axis, context[axis]) for axis in telling if axis in context)
        records = by_variant.get(variant["id"], ())
        outcome, reason = _outcome(variant, records, finished=info.finished is not None)
        contexts[key].append(
            VariantResult(
                id=variant["id"],
                label=names[variant["id"]],
                settings=variant.get("settings", {}),
                context=context,
                changes=variant.get("changes", {}),
                baseline=bool(variant.get("baseline", False)),
                outcome=outcome,
                reason=fmt.prose(reason),
                trials=tuple(record for record in records if record.outcome != "skipped"),
                comparison=comparisons.get(variant["id"]),
                ranks=_ranks(records, info),
                step_word=step_word,
                imports_ns=_imports_ns(variant, records, info),
            )
        )
    return ScenarioResult(
        name=entry["name"],
        question=fmt.clause(entry.get("question") or f"What does {fmt.name(entry['name'])} show?"),
        compare=entry.get("compare"),
        metric=entry.get("metric", "step_time"),
        answer=entry.get("answer", "best"),
        once=bool(entry.get("once", False)),
        step_word=step_word,
        combines=bool(entry.get("combines", False)),
        contexts=tuple(
            ContextResult(label=fmt.name(labels[key]), variants=tuple(members))
            for key, members in contexts.items()
        ),
    )


def _ranks(records: Sequence[Record], info: RunInfo) -> int:
    """Return how many processes the environments of these records tell of."""
    seen = (info.environments.get(record.environment, {}) for record in records)
    return max((n for environment in seen if isinstance(n := environment.get("ranks"), int)), default=1)


def _imports_ns(variant: Mapping[str, Any], records: Sequence[Record], info: RunInfo) -> float:
    """Return what compiling this variant imports beside; 0: it compiles nothing, or the run does not say."""
    if not any(record.compile_cache for record in records):
        return 0.0
    trains = {**variant.get("settings", {}), **variant.get("context", {})}.get("phase") == "train"
    # What an optimizer imports is taken off only where one is sure to be there.
    return info.compiler_imports_ns.get("train" if trains else "infer", 0.0)


def _outcome(variant: Mapping[str, Any], records: Sequence[Record], *, finished: bool) -> tuple[Outcome, str]:
    timed = [record for record in records if record.pass_ == "timing"] or list(records)
    for outcome in ("completed", "failed", "skipped"):
        if found := [record for record in timed if record.outcome == outcome]:
            return outcome, found[-1].reason
    if not variant.get("available", True):
        return "skipped", variant.get("reason") or "it cannot run on this machine"
    return "not measured", "the run left it out" if finished else "the run ended before its turn"
