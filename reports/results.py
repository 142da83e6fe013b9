"""What a run found, variant by variant: the records of a run sorted under the scenarios of its header."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from benchsuite.comparison import Comparison, absolute, compare, contended
from benchsuite.record import CANARY, CheckResult, OperatorRow, Record
from benchsuite.scenario import format_value
from benchsuite.statistics import Interval
from reports import format as fmt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from benchsuite.store import Run

Outcome: TypeAlias = Literal["completed", "skipped", "failed", "not measured"]
CONTEXT_WORDS = {"train": "training", "infer": "inference", "cpu": "CPU", "cuda": "CUDA"}
"""Words for the values of the axes that every scenario shares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantResult:
    """All that a run knows about one variant."""

    id: str
    label: str
    """What tells the variant from the others of its context, fit to be shown."""
    settings: Mapping[str, Any]
    context: Mapping[str, Any]
    baseline: bool
    outcome: Outcome
    reason: str
    trials: tuple[Record, ...]
    """Every trial that ran, of all passes, failed ones included."""
    comparison: Comparison | None

    @property
    def timings(self) -> tuple[Record, ...]:
        """The completed timing trials that hold samples."""
        return tuple(
            r
            for r in self.trials
            if r.pass_ == "timing" and r.outcome == "completed" and (r.turns or r.step_ns)
        )

    @property
    def failed_checks(self) -> tuple[CheckResult, ...]:
        """The checks that did not hold, of any trial."""
        return tuple(check for record in self.trials for check in record.checks if not check.ok)

    @property
    def faults(self) -> tuple[Record, ...]:
        """The trials that failed."""
        return tuple(record for record in self.trials if record.outcome == "failed")

    @property
    def sound(self) -> bool:
        """Whether the variant ran in every timing round and all of its checks held: it may win."""
        failed_timing = any(record.pass_ == "timing" for record in self.faults)
        return bool(self.timings) and not failed_timing and not self.failed_checks

    @property
    def step_time(self) -> Interval | None:
        """Time of a step in ns, over rounds."""
        return absolute(self.timings) if self.timings else None

    @property
    def throughput(self) -> Interval | None:
        """Items a second, over rounds."""
        time = self.step_time
        if time is None:
            return None
        items = self.timings[0].items_per_step * 1e9
        return Interval(
            items / time.value, items / time.high, items / time.low if time.low else math.inf, time.count
        )

    @property
    def operators(self) -> tuple[OperatorRow, ...]:
        """The operators of the last operator pass, the most expensive first."""
        found = [r.operators for r in self.trials if r.pass_ == "operators" and r.operators]
        rows = found[-1] if found else ()
        return tuple(sorted(rows, key=lambda row: -max(row.self_cpu_ns, row.self_device_ns)))

    @property
    def disturbances(self) -> tuple[str, ...]:
        """What disturbed each disturbed timing, in a few words each."""
        return tuple(text for record in self.timings if (text := contended(record)))

    @property
    def unsettled(self) -> int:
        """How many timings began before the step time had settled."""
        return sum(not record.settled for record in self.timings)

    def first_step_ns(self, *caches: str) -> float | None:
        """Return the median first step of the timings that found the compile cache in one of these states."""
        found = [
            r.first_step_ns
            for r in self.timings
            if r.first_step_ns and (not caches or r.compile_cache in caches)
        ]
        return statistics.median(found) if found else None

    def metric(self, *names: str) -> float | None:
        """Return the median over trials of the first of these metrics that was measured."""
        for name in names:
            values = [r.metrics[name] for r in self.trials if r.metrics.get(name) is not None]
            if finite := [value for value in values if math.isfinite(value)]:
                return statistics.median(finite)
        return None

    def series(self, name: str) -> tuple[tuple[float, float], ...]:
        """Return a named curve, from the last trial that holds one."""
        found = [r.series[name] for r in self.trials if r.series.get(name)]
        return found[-1] if found else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextResult:
    """The variants that are compared with each other, and their baseline."""

    label: str
    """Empty where the scenario has one context only."""
    variants: tuple[VariantResult, ...]

    @property
    def baseline(self) -> VariantResult | None:
        """The variant that the others are compared with."""
        return next((variant for variant in self.variants if variant.baseline), None)

    @property
    def measured(self) -> tuple[VariantResult, ...]:
        """The variants with at least one completed timing."""
        return tuple(variant for variant in self.variants if variant.timings)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioResult:
    """One question with everything that a run found about it."""

    name: str
    question: str
    compare: str | None
    metric: str
    answer: str
    once: bool
    contexts: tuple[ContextResult, ...]

    @property
    def variants(self) -> tuple[VariantResult, ...]:
        """The variants of all contexts."""
        return tuple(variant for context in self.contexts for variant in context.variants)


def collect(run: Run) -> tuple[ScenarioResult, ...]:
    """Sort a run's records under its scenarios; records that the header does not know get scenarios too."""
    records = latest(run.records)
    comparisons = {comparison.variant: comparison for comparison in compare(records)}
    by_variant: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_variant[record.variant].append(record)
    entries = [*run.info.scenarios, *_unlisted(run.info.scenarios, records)]
    return tuple(
        _scenario(entry, by_variant, comparisons, finished=run.info.finished is not None) for entry in entries
    )


def latest(records: Iterable[Record]) -> tuple[Record, ...]:
    """Keep the last record of each trial: a resumed run may have measured one again."""
    return tuple({(r.variant, r.pass_, r.group, r.repetition): r for r in records}.values())


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
    *,
    finished: bool,
) -> ScenarioResult:
    listed = list(entry.get("variants", ()))
    compared = entry.get("compare")
    contexts: dict[str, list[VariantResult]] = defaultdict(list)
    labels: dict[str, str] = {}
    telling = _varying(variant.get("context", {}) for variant in listed)
    for variant in listed:
        context = variant.get("context", {})
        key = str(sorted(context.items()))
        labels[key] = ", ".join(_context_word(axis, context[axis]) for axis in telling if axis in context)
        records = by_variant.get(variant["id"], ())
        outcome, reason = _outcome(variant, records, finished=finished)
        contexts[key].append(
            VariantResult(
                id=variant["id"],
                label=_label(variant, compared, [v.get("settings", {}) for v in listed]),
                settings=variant.get("settings", {}),
                context=context,
                baseline=bool(variant.get("baseline", False)),
                outcome=outcome,
                reason=fmt.prose(reason),
                trials=tuple(record for record in records if record.outcome != "skipped"),
                comparison=comparisons.get(variant["id"]),
            )
        )
    return ScenarioResult(
        name=entry["name"],
        question=fmt.clause(entry.get("question") or f"What does {fmt.name(entry['name'])} show?"),
        compare=compared,
        metric=entry.get("metric", "step_time"),
        answer=entry.get("answer", "best"),
        once=bool(entry.get("once", False)),
        contexts=tuple(
            ContextResult(label=fmt.name(labels[key]), variants=tuple(members))
            for key, members in contexts.items()
        ),
    )


def _outcome(variant: Mapping[str, Any], records: Sequence[Record], *, finished: bool) -> tuple[Outcome, str]:
    timed = [record for record in records if record.pass_ == "timing"] or list(records)
    for outcome in ("completed", "failed", "skipped"):
        if found := [record for record in timed if record.outcome == outcome]:
            return outcome, found[-1].reason
    if not variant.get("available", True):
        return "skipped", variant.get("reason") or "it cannot run on this machine"
    return "not measured", "the run left it out" if finished else "the run ended before its turn"


def _label(
    variant: Mapping[str, Any], compared: str | None, all_settings: Sequence[Mapping[str, Any]]
) -> str:
    settings, context = variant.get("settings", {}), variant.get("context", {})
    others = [axis for axis in _varying(all_settings) if axis not in context and axis != compared]
    words = (
        [_value_word(compared, settings[compared])] if compared in settings and compared is not None else []
    )
    words += [f"{axis}={format_value(settings[axis])}" for axis in others if axis in settings]
    return fmt.name(", ".join(words) or variant["id"])


def _varying(mappings: Iterable[Mapping[str, Any]]) -> list[str]:
    values: dict[str, set[str]] = defaultdict(set)
    for mapping in mappings:
        for axis, value in mapping.items():
            values[axis].add(format_value(value))
    return [axis for axis, found in values.items() if len(found) > 1]


def _value_word(axis: str, value: object) -> str:
    if isinstance(value, str):
        return value
    return f"{axis.replace('_', ' ')} {format_value(value)}"  # type: ignore[arg-type]


def _context_word(axis: str, value: object) -> str:
    return CONTEXT_WORDS.get(str(value)) or _value_word(axis, value)
