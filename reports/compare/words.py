"""What changed between two runs, in words: of a variant in a tag, of all in a title and a headline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reports import format as fmt
from reports.compare.figures import MEMORY, STEP_TIME, spell_change, step_time_in_canaries, tell_figure
from reports.gate.words import numbered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reports.compare.difference import VariantDifference
    from reports.compare.figures import Figure

KINDS: Final = ("slower", "hungrier", "faster", "leaner")
"""What the title counts, in the order of weight."""
OTHERS: Final = {"other work": "did other work", "other counts": "changed in counts alone"}
"""What else makes a variant worth a look, and how it is told."""
PEAKS: Final = ("peak_heap", "cuda_peak_allocated")
MOST_COUNTS: Final = 3
"""So many counts are told where nothing but counts changed."""
TONES: Final = {"slower": "worse", "hungrier": "worse", "faster": "better", "leaner": "better"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one variant."""

    difference: VariantDifference
    figures: tuple[Figure, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """What it became, in the order of weight; empty: no change is shown."""
        changed = {figure.metric: figure for figure in self.figures if figure.changed}
        found: set[str] = {changed[STEP_TIME].standing} if STEP_TIME in changed else set()
        found |= {
            "hungrier" if changed[name].standing == "more" else "leaner" for name in MEMORY if name in changed
        }
        ordered: list[str] = [kind for kind in KINDS if kind in found]
        if self.difference.notes:
            ordered.append("other work")
        if not ordered and self.difference.causes:
            ordered.append("other counts")
        return tuple(ordered)

    @property
    def tone(self) -> str:
        """`worse`, `better` or nothing, for its colour: the gravest of its kinds decides."""
        return next((TONES[kind] for kind in self.kinds if kind in TONES), "")


def by_weight(outcomes: Sequence[Outcome]) -> tuple[Outcome, ...]:
    """Return those that changed: slower ones first, then hungrier ones; those that did other work after their like."""
    return tuple(sorted((outcome for outcome in outcomes if outcome.kinds), key=_weight))


def title(outcomes: Sequence[Outcome]) -> str:
    """Count what the variants became: `2 slower, 1 hungrier`."""
    parts = [f"{number:,} {kind}" for kind in KINDS if (number := _count(outcomes, kind))]
    return ", ".join(parts) or "No change of time or memory is shown"


def headline(outcomes: Sequence[Outcome]) -> str:
    """Say what changed in one or two sentences, with the gravest change as it was measured."""
    whole = numbered(len(outcomes), "variant")
    parts = [f"{number:,} {kind}" for kind in KINDS if (number := _count(outcomes, kind))]
    others = [f"{number:,} {words}" for kind, words in OTHERS.items() if (number := _count(outcomes, kind))]
    if not parts:
        rest = f"; {fmt.listing(others)}" if others else ""
        return f"Of {whole} that both runs measured, none became slower, faster, hungrier or leaner{rest}."
    became = parts[0].replace(" ", " became ", 1)
    besides = f"; {fmt.listing(others)}" if others else ""
    return (
        f"Of {whole} that both runs measured, {fmt.listing([became, *parts[1:]])}{besides}. "
        f"{tell_changes(by_weight(outcomes)[0])[0]}"
    )


def tell_changes(outcome: Outcome) -> tuple[str, ...]:
    """Say of one variant what became of its time and memory; where neither changed, what else did."""
    who = fmt.name(outcome.difference.variant)
    changed = [figure for figure in outcome.figures if figure.changed]
    counted = [figure for figure in changed if figure.metric == STEP_TIME or figure.metric in MEMORY]
    told = [_tell(figure, outcome.difference) for figure in counted or changed[:MOST_COUNTS]]
    notes = [fmt.sentence(f"{who}: {fmt.clause(note)}", capital=False) for note in outcome.difference.notes]
    return (*told, *notes) or (f"{who} calls other operators, or works on other shapes.",)


def _tell(figure: Figure, difference: VariantDifference) -> str:
    """Tell a figure with what its sentence lacks: of a step time the change relative to the canary, of a peak the change."""
    told = tell_figure(figure)
    if figure.metric == STEP_TIME and (relative := step_time_in_canaries(difference)) is not None:
        return f"{told.removesuffix('.')}; relative to the canary, {spell_change(relative)}."
    if figure.metric in PEAKS:
        return f"{told.removesuffix('.')}: {spell_change(figure)}."
    return told


def _weight(outcome: Outcome) -> tuple[int, bool, float, str]:
    """Order by kind; among equals by the larger change of what the kind is about, relative to what was before."""
    kind, difference = outcome.kinds[0], outcome.difference
    peaks = [figure for figure in outcome.figures if figure.metric in MEMORY and figure.changed]
    of_memory = [abs(figure.after - figure.before) / max(figure.before, 1.0) for figure in peaks]
    size = max(of_memory, default=0.0) if kind in {"hungrier", "leaner"} else abs(difference.log_ratio)
    return (*KINDS, *OTHERS).index(kind), bool(difference.notes), -size, difference.variant


def _count(outcomes: Sequence[Outcome], kind: str) -> int:
    return sum(kind in outcome.kinds for outcome in outcomes)
