"""What pays on this machine: the winners of all scenarios side by side, for each phase on each device.

Settings of the step that all scenarios share come first, by their factor: variants with `changes`, in a
scenario whose step works through a batch. Another factor says nothing beside theirs: it is that of other work
than the baseline's, of a part of a step, or of the same work elsewhere. Such winners stand behind and are
marked. A scenario that combines stands last: it is what the others come to together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from reports import format as fmt
from reports.amounts import amount_column
from reports.findings import accuracy_points, find_break_evens, find_field, find_payback, memory_ratio
from reports.labels import CONTEXT_WORDS, context_word
from reports.prices import MEMORY_TOLD, POINTS_TOLD
from reports.results import WHOLE_STEP
from reports.table import Cell, Column, Row, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reports.findings import Field, Rival
    from reports.results import ContextResult, ScenarioResult, VariantResult

Work: TypeAlias = Literal["same step", "other work", "combined"]
ORDER: tuple[Work, ...] = ("same step", "other work", "combined")
FIGURES = (
    "scenario", "variant", "device", "phase", "speedup", "low", "high", "memory_ratio", "accuracy_points",
    "pays_after_steps", "work",
)  # fmt: skip
"""What frames and `run --json` hold of a ranked variant."""
SHARED_STEP = {"device": "cpu", "phase": "train"}
"""Where a scenario that changes the shared step was measured if it does not say."""
NOTHING_PAYS = "No setting was shown to be faster than its baseline."
ALONE = "Each was measured by itself: their factors do not multiply."
OTHER_WORK = "Other work: its step is another one, a part of one, or runs elsewhere; its factor is not to be read beside the others."


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """The best variant of one scenario in one context, shown to be faster than its baseline."""

    scenario: str
    variant: str
    device: str | None
    """None: the scenario has no such axis, and its step is not the shared one."""
    phase: str | None
    speedup: float
    low: float
    high: float
    memory_ratio: float | None
    """Peak memory relative to the baseline's."""
    accuracy_points: float | None
    """Accuracy beyond the baseline's, in points."""
    pays_after_steps: float | None
    """Steps after which a dearer start has been earned back; None: the start is no dearer."""
    work: Work
    step_word: str
    """What its scenario calls its step."""
    label: str
    baseline_label: str
    also: tuple[str, ...]
    """Other variants of the same context that were shown to be faster."""

    @property
    def place(self) -> str:
        """Where it was measured: `training, CPU`."""
        return _place(self.device, self.phase)

    @property
    def factor(self) -> str:
        """How many times as fast, with the interval: `1.31 (1.27 to 1.36)`."""
        return f"{fmt.factor(self.speedup)} ({fmt.factor_range(self.low, self.high)})"

    def __str__(self) -> str:
        """Return it in one line: what is how many times as fast, at which cost."""
        parts = [f"{self.scenario}: {self.label} instead of {self.baseline_label}"]
        if self.memory_ratio is not None and abs(self.memory_ratio - 1) > MEMORY_TOLD:
            parts.append(f"{fmt.factor(self.memory_ratio)} times the peak memory")
        if self.accuracy_points is not None and abs(self.accuracy_points) > POINTS_TOLD:
            parts.append(f"{fmt.points(self.accuracy_points)} of accuracy")
        if self.pays_after_steps:
            parts.append(f"has paid after about {fmt.count(self.pays_after_steps)} {self.step_word}s")
        mark = "other work, " if self.work == "other work" else ""
        return fmt.clause(f"{self.factor}  {mark}{'; '.join(parts)}")

    def figures(self) -> dict[str, str | float | None]:
        """Return what names and measures it, by the names in `FIGURES`."""
        return {name: getattr(self, name) for name in FIGURES}


def rank(scenarios: Sequence[ScenarioResult]) -> tuple[Ranked, ...]:
    """Return the winners, grouped by phase and device, in each group by kind of work and then by speed."""
    found = [
        ranked for result in scenarios for context in result.contexts for ranked in _winners(result, context)
    ]
    everywhere = (_place(*_where(result, variant)) for result in scenarios for variant in result.variants)
    places = list(dict.fromkeys(everywhere))
    return tuple(
        sorted(found, key=lambda r: (places.index(r.place), ORDER.index(r.work), -r.speedup, r.variant))
    )


def by_place(ranking: Sequence[Ranked]) -> dict[str, list[Ranked]]:
    """Return a ranking's parts, one for each phase on each device, by their words."""
    places: dict[str, list[Ranked]] = {}
    for ranked in ranking:
        places.setdefault(ranked.place, []).append(ranked)
    return places


def ranking_notes(ranking: Sequence[Ranked]) -> tuple[str, ...]:
    """Return what is to be known before the factors are compared."""
    if not ranking:
        return (NOTHING_PAYS,)
    works = [(ranked.place, ranked.work) for ranked in ranking]
    side_by_side = any(work == "same step" and works.count((place, work)) > 1 for place, work in works)
    other = any(work == "other work" for _, work in works)
    return (*[ALONE] * side_by_side, *[OTHER_WORK] * other)


def ranking_table(ranking: Sequence[Ranked]) -> Table:
    """Make the table of one phase on one device; columns without any value are left out."""
    columns = (
        amount_column("Times as fast", fmt.factor, essential=True, parts=("", "low", "high")),
        Column("Setting", essential=True, wraps=True),
        Column("Scenario", essential=True),
        Column("Work", essential=True),
        amount_column("Peak memory", fmt.factor, essential=True),
        amount_column("Accuracy", fmt.points, essential=True),
        Column("Has paid after", numeric=True, unit="steps"),
        Column("Instead of", wraps=True),
        Column("Also faster", wraps=True),
    )
    rows = [_row(ranked) for ranked in ranking]
    kept = [index for index in range(len(columns)) if any(cells[index].value is not None for cells in rows)]
    return Table(
        tuple(columns[index] for index in kept),
        tuple(
            Row(tuple(cells[index] for index in kept), ranked.work, ranked.variant)
            for ranked, cells in zip(ranking, rows, strict=True)
        ),
    )


def _winners(result: ScenarioResult, context: ContextResult) -> Iterator[Ranked]:
    """Yield the best variant of each kind of work that was shown to be faster."""
    field = find_field(context)
    if field is None:
        return
    faster: dict[Work, list[Rival]] = {}
    for rival in sorted(field.rivals, key=lambda rival: -rival.speedup.value):
        if rival.verdict == "faster":
            faster.setdefault(_work(result, field, rival), []).append(rival)
    for work, (best, *others) in faster.items():
        device, phase = _where(result, best.variant)
        yield Ranked(
            scenario=result.name,
            variant=best.variant.id,
            device=device,
            phase=phase,
            speedup=best.speedup.value,
            low=best.speedup.low,
            high=best.speedup.high,
            memory_ratio=memory_ratio(best.variant, field.baseline),
            accuracy_points=accuracy_points(best.variant, field.baseline),
            pays_after_steps=_pays_after(result, field, best),
            work=work,
            step_word=result.step_word,
            label=_label(result, field, best),
            baseline_label=field.baseline.label,
            also=() if result.combines else tuple(_spelt(rival) for rival in others),
        )


def _where(result: ScenarioResult, variant: VariantResult) -> tuple[str | None, str | None]:
    """Return device and phase of a variant; what a scenario that changes the shared step leaves out is known."""
    changing = result.combines or any(other.changes for other in result.variants)
    known = {**(SHARED_STEP if changing else {}), **variant.settings}
    device, phase = (None if known.get(axis) is None else str(known[axis]) for axis in ("device", "phase"))
    return device, phase


def _place(device: str | None, phase: str | None) -> str:
    return fmt.name(", ".join(CONTEXT_WORDS.get(word, word) for word in (phase, device) if word))


def _work(result: ScenarioResult, field: Field, rival: Rival) -> Work:
    if result.combines:
        return "combined"
    whole = result.step_word == WHOLE_STEP and field.baseline.timings[0].items_per_step > 1
    return "same step" if whole and rival.variant.changes else "other work"


def _pays_after(result: ScenarioResult, field: Field, rival: Rival) -> float | None:
    """Return the break-even that the scenario's answer states, with an empty compile cache where it has one."""
    if result.answer == "break_even":
        evens = [even for even in find_break_evens(field) if even.rival is rival and even.steps is not None]
        return next((even.steps.value for even in evens if even.steps is not None), None)
    steps = find_payback(field, rival)
    return None if steps is None else steps.value


def _label(result: ScenarioResult, field: Field, best: Rival) -> str:
    if result.combines:
        number, total = field.rivals.index(best) + 1, len(field.rivals)
        if number == 1:
            return best.label.removeprefix("+ ")
        everything = "both" if total == 2 else f"all {total}"  # noqa: PLR2004
        return f"{everything if number == total else f'the first {number} of {total}'} together"
    held = {axis: value for axis, value in best.variant.context.items() if axis not in {"device", "phase"}}
    telling = [
        context_word(axis, value)
        for axis, value in held.items()
        if any(other.variants[0].context.get(axis) != value for other in result.contexts)
    ]
    return f"{best.label} ({fmt.name(', '.join(telling))})" if telling else best.label


def _row(ranked: Ranked) -> tuple[Cell, ...]:
    memory = f"{fmt.factor(ranked.memory_ratio)} times" if ranked.memory_ratio is not None else ""
    paid = (
        f"{fmt.count(ranked.pays_after_steps)} {ranked.step_word}s" if ranked.pays_after_steps else "at once"
    )
    also = fmt.some(ranked.also, most=2)
    return (
        Cell(ranked.factor, ranked.speedup, parts=(ranked.speedup, ranked.low, ranked.high)),
        Cell(ranked.label, ranked.label),
        Cell(fmt.name(ranked.scenario), ranked.scenario),
        Cell(ranked.work, ranked.work),
        Cell(memory or fmt.NOTHING, ranked.memory_ratio),
        Cell(fmt.points(ranked.accuracy_points), ranked.accuracy_points),
        Cell(paid, ranked.pays_after_steps),
        Cell(ranked.baseline_label, ranked.baseline_label),
        Cell(also, also or None),
    )


def _spelt(rival: Rival) -> str:
    return f"{rival.label} ({fmt.factor(rival.speedup.value)})"
