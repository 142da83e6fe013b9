"""Error rates from decisions: pure functions."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchsuite.binomial import binomial_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from benchsuite.gate.self_test.decisions import Decision
    from benchsuite.gate.self_test.plan import Part, Plant, PlantKind
    from benchsuite.gate.verdict import Finding

PLANTED_METRIC: Mapping[PlantKind, str] = {
    "slowdown": "step_time",
    "memory": "peak_heap",
    "cuda_memory": "cuda_peak_allocated",
    "leak": "leak",
    "operator": "operators",
}
"""What a plant makes worse; a failing check is a finding of its own."""
CUDA_BALLAST_BYTES = 1 << 20
"""What is planted on a GPU, whose allocator counts to the byte: a finding of any other amount is of something else."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with its exact 95 % interval."""

    hits: int
    trials: int

    @property
    def interval(self) -> tuple[float, float]:
        """Clopper and Pearson's; the whole of [0, 1] without trials."""
        return binomial_interval(self.hits, self.trials)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """All decisions of one kind under one load."""

    plant: Plant
    part: Part
    load: int | None
    """None: all loads together."""
    called: Rate
    """Of identical code: how often any metric of it was called a regression. Else how often the plant was found."""
    improvements: int
    """How often any metric was called an improvement."""
    inconclusive: int
    failed: int
    """How often a side failed though no failing check was planted, or could not be compared."""


@dataclass(frozen=True, slots=True)
class Seconds:
    """How long decisions took; both are None where there were none."""

    count: int
    median: float | None
    longest: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long the gate took under one load."""

    load: int
    cleared: Seconds
    """Decisions about times that the screening made."""
    confirmed: Seconds
    """Those that took the confirmation's pairs."""
    exact: Seconds
    """Decisions about exact metrics."""
    whole: Seconds
    """Whole gates, start and all, divided by their variants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RivalRow:
    """One rule over the samples of one kind of plant; the gate's own is among them."""

    rule: str
    plant: Plant
    slower: Rate
    faster: Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """All that a self-test tells."""

    rows: tuple[Row, ...]
    paces: tuple[Pace, ...]
    rivals: tuple[RivalRow, ...]


GATE = "this gate"


def tally(decisions: Sequence[Decision]) -> Tally:
    """Count what the gate has called what.

    Args:
        decisions: in any order.
    """
    loads = sorted({decision.load for decision in decisions})
    kinds = list(dict.fromkeys((d.plant, d.part) for d in sorted(decisions, key=_order)))
    rows = [
        _row(plant, part, load, [d for d in decisions if (d.plant, d.part) == (plant, part) and load in {None, d.load}])
        for plant, part in kinds
        for load in (*loads, *([None] if len(loads) > 1 else []))
    ]  # fmt: skip
    return Tally(
        rows=tuple(row for row in rows if row.called.trials),
        paces=tuple(_pace(load, [d for d in decisions if d.load == load]) for load in loads),
        rivals=tuple(_rivals([d for d in decisions if d.rivals])),
    )


def is_called(decision: Decision) -> bool:
    """Whether the gate called identical code a regression, or found what was planted."""
    kind = decision.plant.kind
    if kind == "check":
        return any(finding.verdict == "failed" for finding in decision.findings)
    return any(
        finding.verdict == "regression" and (kind == "none" or _is_of(kind, finding))
        for finding in decision.findings
    )


def _is_of(kind: PlantKind, finding: Finding) -> bool:
    """Whether a regression is the one that was planted."""
    if finding.metric != PLANTED_METRIC[kind]:
        return False
    if kind != "cuda_memory":
        return True
    base, head = finding.base, finding.head
    return base is not None and head is not None and head - base == CUDA_BALLAST_BYTES


def _order(decision: Decision) -> tuple[bool, bool, float, str]:
    """Put times first, then identical code, then large slowdowns before small ones."""
    plant = decision.plant
    return decision.part == "exact", plant.kind != "none", -plant.share, plant.kind


def _row(plant: Plant, part: Part, load: int | None, decisions: Sequence[Decision]) -> Row:
    def count(holds: Callable[[Finding], bool]) -> int:
        return sum(any(map(holds, decision.findings)) for decision in decisions)

    return Row(
        plant=plant,
        part=part,
        load=load,
        called=Rate(sum(map(is_called, decisions)), len(decisions)),
        improvements=count(lambda found: found.verdict == "improvement"),
        inconclusive=count(lambda found: found.verdict == "inconclusive"),
        failed=0
        if plant.kind == "check"
        else count(lambda found: found.verdict in {"failed", "not comparable", "new", "missing"}),
    )


def _pace(load: int, decisions: Sequence[Decision]) -> Pace:
    cleared, confirmed, exact = [], [], []
    commands: dict[int, list[float]] = {}
    for decision in decisions:
        commands.setdefault(decision.batch, []).append(decision.batch_seconds)
        if decision.part == "exact":
            exact.append(decision.seconds)
        elif any(finding.p is not None for finding in decision.findings):
            confirmed.append(decision.seconds)
        else:
            cleared.append(decision.seconds)
    return Pace(
        load=load,
        cleared=_seconds(cleared),
        confirmed=_seconds(confirmed),
        exact=_seconds(exact),
        whole=_seconds([seconds[0] / len(seconds) for seconds in commands.values()]),
    )


def _seconds(values: Sequence[float]) -> Seconds:
    return Seconds(len(values), statistics.median(values) if values else None, max(values, default=None))


def _rivals(decisions: Sequence[Decision]) -> Iterable[RivalRow]:
    plants = list(dict.fromkeys(decision.plant for decision in sorted(decisions, key=_order)))
    rules = list(dict.fromkeys(rule for decision in decisions for rule in decision.rivals))
    for rule in (GATE, *rules) if rules else ():
        for plant in plants:
            calls = [_call(rule, decision) for decision in decisions if decision.plant == plant]
            slower, faster = (Rate(calls.count(call), len(calls)) for call in ("slower", "faster"))
            yield RivalRow(rule=rule, plant=plant, slower=slower, faster=faster)


def _call(rule: str, decision: Decision) -> str:
    if rule != GATE:
        return decision.rivals.get(rule, "same")
    verdicts = {finding.verdict for finding in decision.findings}
    return "slower" if "regression" in verdicts else "faster" if "improvement" in verdicts else "same"
