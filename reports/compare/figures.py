"""Every metric of a variant in two runs, side by side: what changed, what did not, and what is not judged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from benchsuite.gate.verdict import Finding
from reports import format as fmt
from reports.compare.metric_changes import AMOUNTS, COUNTS
from reports.gate.words import change, metric_name, signed_percent, values
from reports.gate.words import tell as tell_finding
from reports.table import Cell, Column, Row, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from benchsuite.gate.verdict import FindingVerdict
    from reports.compare.difference import VariantDifference
    from reports.results import VariantResult

Standing: TypeAlias = Literal["slower", "faster", "open", "more", "less", "same", "not judged"]

STEP_TIME: Final = "step_time"
IN_CANARIES: Final = "step_time_in_canaries"
TIMES: Final = (STEP_TIME, IN_CANARIES)
MEMORY: Final = ("peak_heap", "cuda_peak_allocated", "leak")
"""Metrics by which a variant needs more memory, or less."""
EXACT: Final = (*MEMORY, *(name for name in (*AMOUNTS, *COUNTS) if name not in MEMORY))
NOT_JUDGED: Final[Mapping[str, tuple[str, Callable[[float | None], str]]]] = {
    "first_step_time": ("first step", fmt.duration),
    "compile_time": ("compile time", fmt.duration),
    "setup_time": ("set-up", fmt.duration),
    "peak_rss": ("peak RSS", fmt.size),
    "energy": ("energy a step", fmt.energy),
    "data_wait_share": ("share of waiting for data", fmt.percent),
    "device_idle_share": ("share of an idle device", fmt.percent),
    "accuracy": ("accuracy", fmt.percent),
    "test_accuracy": ("accuracy on test data", fmt.percent),
    "loss": ("loss", fmt.plain),
}
"""What moves from run to run by itself, by name: its words, and how it is spelt."""
SPELT_AS: Final[Mapping[Standing, FindingVerdict]] = {
    "slower": "regression",
    "more": "regression",
    "faster": "improvement",
    "less": "improvement",
    "same": "unchanged",
}
WIDEST: Final = 100.0
"""An interval whose ends differ by more than this factor says nothing, and is not spelt."""
TONES: Final[Mapping[Standing, str]] = {
    "slower": "worse",
    "more": "worse",
    "faster": "better",
    "less": "better",
}
WORDS: Final[Mapping[Standing, str]] = {"open": "no change shown"}
TIME_STANDINGS: Final[Mapping[str, Standing]] = {"longer": "slower", "shorter": "faster", "open": "open"}
COLUMNS: Final = (
    Column("Metric", essential=True),
    Column("A", numeric=True),
    Column("B", numeric=True),
    Column("Change", numeric=True, essential=True),
    Column("Verdict", essential=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One metric of one variant in both runs, in the metric's unit (times in ns, memory in bytes, counts a step)."""

    scenario: str
    variant: str
    metric: str
    before: float
    after: float
    standing: Standing
    interval: tuple[float, float] | None = None
    """Of a step time: around the second relative to the first."""
    spelt: tuple[str, str] = ("", "")
    """Both values with what is known around them; empty: as the metric is spelt."""

    @property
    def changed(self) -> bool:
        """Whether a change was shown."""
        return self.standing in SPELT_AS and self.standing != "same"

    @property
    def ratio(self) -> float | None:
        """The second value relative to the first; None: the first is not above 0."""
        return self.after / self.before if self.before > 0 else None


def figures(difference: VariantDifference, before: VariantResult, after: VariantResult) -> tuple[Figure, ...]:
    """Return all metrics that both runs have of a variant: the step time, what repeats exactly, and what is not judged."""
    changed = {cause.name for cause in difference.metrics}
    found = [step_time(difference)]
    if (relative := step_time_in_canaries(difference)) is not None:
        found.append(relative)
    for name in EXACT:
        old, new = before.metric(name), after.metric(name)
        if old is not None and new is not None:
            standing: Standing = "same" if name not in changed else "more" if new > old else "less"
            found.append(_figure(difference, name, old, new, standing))
    for name in NOT_JUDGED:
        old, new = _plain(before, name), _plain(after, name)
        if old is not None and new is not None:
            found.append(_figure(difference, name, old, new, "not judged"))
    return tuple(found)


def step_time(difference: VariantDifference) -> Figure:
    """Return a variant's step time in both runs."""
    return Figure(
        scenario=difference.scenario,
        variant=difference.variant,
        metric=STEP_TIME,
        before=difference.before.value,
        after=difference.after.value,
        standing=TIME_STANDINGS[difference.verdict],
        interval=_telling(difference.ratio_interval),
        spelt=(_around(difference, "before"), _around(difference, "after")),
    )


def step_time_in_canaries(difference: VariantDifference) -> Figure | None:
    """Return a variant's step time relative to the canary's; None: the canary took no turns in one of the runs."""
    before, after = difference.before_in_canaries, difference.after_in_canaries
    if before is None or after is None or not (before.value > 0 and 0 < after.value < math.inf):
        return None
    return Figure(
        scenario=difference.scenario,
        variant=difference.variant,
        metric=IN_CANARIES,
        before=before.value,
        after=after.value,
        standing=TIME_STANDINGS[difference.verdict],
        interval=_telling(difference.ratio_interval_in_canaries),
        spelt=(fmt.factor(before.value), fmt.factor(after.value)),
    )


def tell_figure(figure: Figure) -> str:
    """Say what changed, in a sentence as a gate's: `training step of x takes 5.1 % longer (4.2 to 6.3 %)`."""
    text = tell_finding(_finding(figure))
    return fmt.sentence(text, capital=not text.startswith(fmt.name(figure.variant)))


def spell_change(figure: Figure) -> str:
    """Spell by how much the second value differs: `+5.1 % (+4.2 to +6.3 %)`, `+1 MiB (+12.1 %)`."""
    if figure.standing == "not judged":
        return fmt.NOTHING if figure.ratio is None else signed_percent(figure.ratio)
    return change(_finding(figure))


def spell_values(figure: Figure) -> tuple[str, str]:
    """Spell both values."""
    if all(figure.spelt):
        return figure.spelt
    if figure.metric in NOT_JUDGED:
        spell = NOT_JUDGED[figure.metric][1]
        return spell(figure.before), spell(figure.after)
    return values(_finding(figure))


def figures_table(found: Iterable[Figure], *, named: bool = False) -> Table:
    """Return figures as rows; with the variant's name first where they are of several."""
    columns = (Column("Variant", essential=True), *COLUMNS) if named else COLUMNS
    return Table(columns, tuple(_row(figure, named=named) for figure in found))


def _row(figure: Figure, *, named: bool) -> Row:
    before, after = spell_values(figure)
    if named and figure.metric == STEP_TIME:
        before, after = fmt.duration(figure.before), fmt.duration(figure.after)
    cells = (
        *([Cell(fmt.name(figure.variant), figure.variant)] if named else []),
        Cell(_words(figure.metric), figure.metric),
        Cell(before, figure.before),
        Cell(after, figure.after),
        Cell(spell_change(figure), figure.ratio),
        Cell(WORDS.get(figure.standing, figure.standing), figure.standing),
    )
    return Row(cells, TONES.get(figure.standing, ""), figure.variant if named else "")


def _telling(interval: tuple[float, float] | None) -> tuple[float, float] | None:
    return interval if interval is not None and interval[1] <= WIDEST * interval[0] else None


def _words(metric: str) -> str:
    if metric == IN_CANARIES:
        return "step time, in canaries"
    return NOT_JUDGED[metric][0] if metric in NOT_JUDGED else metric_name(metric)


def _around(difference: VariantDifference, side: Literal["before", "after"]) -> str:
    interval = difference.before if side == "before" else difference.after
    around = fmt.duration_range(interval.low, interval.high)
    return fmt.duration(interval.value) + (f" ({around})" if around != fmt.NOTHING else "")


def _figure(
    difference: VariantDifference, metric: str, before: float, after: float, standing: Standing
) -> Figure:
    return Figure(
        scenario=difference.scenario, variant=difference.variant, metric=metric, before=before, after=after, standing=standing,
    )  # fmt: skip


def _plain(variant: VariantResult, name: str) -> float | None:
    return variant.first_step_ns() if name == "first_step_time" else variant.metric(name)


def _finding(figure: Figure) -> Finding:
    """Return a figure as gates have theirs, so that both are spelt alike."""
    return Finding(
        scenario=figure.scenario,
        variant=figure.variant,
        metric=figure.metric,
        verdict=SPELT_AS.get(figure.standing, "inconclusive"),
        base=figure.before,
        head=figure.after,
        ratio=figure.ratio,
        interval=figure.interval,
        exact=figure.metric not in TIMES,
    )
