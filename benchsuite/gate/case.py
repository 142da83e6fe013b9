"""What is known of one gated variant while a gate goes on, and what forbids a comparison of its two sides."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from benchsuite.gate.selection import Candidate
    from benchsuite.gate.sides import SideName, Sides
    from benchsuite.gate.trials import Pair
    from benchsuite.gate.verdict import FindingVerdict
    from benchsuite.record import Record

Obstacle: TypeAlias = tuple["FindingVerdict | Literal['skipped']", str]
"""Why a variant's two sides cannot be compared: the verdict, and the reason in a clause. `skipped`: neither side can
run it here, which is no finding."""
SIDES: tuple[SideName, ...] = ("base", "head")


@dataclass(slots=True)
class Case:
    """A variant under trial."""

    candidate: Candidate
    screening: list[Pair] = field(default_factory=list)
    confirmation: list[Pair] = field(default_factory=list)
    passes: dict[SideName, list[Record]] = field(default_factory=lambda: {"base": [], "head": []})
    """The operator and memory passes of each side; both are repeated where something has changed."""
    calls: dict[SideName, Record] = field(default_factory=dict)
    """The pass that looks at Python's calls, of what has become worse."""
    seconds: float = 0.0
    """What its trials have taken."""
    pair_s: float | None = None
    """What its last pair has taken; of two at once, half of it."""
    closed: Obstacle | None = None
    """Why no metric of it can be compared."""

    @property
    def id(self) -> str:
        """The variant's id."""
        return self.candidate.id

    @property
    def has_flops(self) -> bool:
        """Whether the FLOPs of both sides are known."""
        return all(_metric(self.passes[side], "flops") is not None for side in SIDES)

    @property
    def pairs(self) -> list[Pair]:
        """All pairs, those of the screening first."""
        return [*self.screening, *self.confirmation]

    def records(self, side: SideName) -> list[Record]:
        """Return one side's records: timings, passes, calls."""
        timed = [pair.base if side == "base" else pair.head for pair in self.pairs]
        return [*timed, *self.passes[side], *([self.calls[side]] if side in self.calls else [])]


def obstacle(case: Case, records: dict[SideName, Record]) -> Obstacle | None:
    """Return why two trials of one variant cannot be set against each other, or None.

    Args:
        case: whose trials they are.
        records: the trial of each side.
    """
    base, head = records["base"], records["head"]
    if base.pass_ == "timing" and (found := _not_run(case, records)):
        return found
    if base.foreign and case.candidate.lent:
        return "new", f"the base lacks it and cannot run the head's, which imports {base.foreign[0]}"
    for side in SIDES:
        if records[side].foreign:
            return "not comparable", _say_foreign(side, records[side].foreign)
    items = base.items_per_step, head.items_per_step
    if base.outcome == head.outcome == "completed" and items[0] != items[1]:
        return "not comparable", f"a step handles {items[1]} items instead of {items[0]}"
    return None


def _not_run(case: Case, records: dict[SideName, Record]) -> Obstacle | None:
    outcomes = {side: records[side].outcome for side in SIDES}
    for side in reversed(SIDES):
        if outcomes[side] == "failed":
            return _failed(case, side, records)
    skipping = [side for side in SIDES if outcomes[side] == "skipped"]
    if len(skipping) == len(SIDES):
        return "skipped", records["head"].reason
    return (
        ("not comparable", f"the {skipping[0]} skips it: {records[skipping[0]].reason}") if skipping else None
    )


def _failed(case: Case, side: SideName, records: dict[SideName, Record]) -> Obstacle:
    reason = records[side].reason or "no reason was given"
    if side == "base" and case.candidate.lent:
        return "new", f"the base lacks it and cannot run the head's: {reason}"
    if records["base"].outcome == records["head"].outcome == "failed":
        return "failed", f"on both sides: {reason}"
    return "failed", f"on the {side}: {reason}"


def _say_foreign(side: SideName, foreign: tuple[str, ...]) -> str:
    more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
    return (
        f"the {side} did not run its own code: it imported {foreign[0]}{more}; uninstall that package, or put "
        "the folder that holds it at the repository's top or in src/"
    )


def redefined(case: Case, files: list[str]) -> str:
    """Say how the work itself differs where files that define it have changed; empty: it does not, or that is not known.

    A benchmark that was rewritten to do less is not faster; a model that a change has made larger is slower.
    """
    flops = [_metric(case.passes[side], "flops") for side in SIDES]
    if None in flops or flops[0] == flops[1]:
        return ""
    return (
        f"the work differs, {flops[1]:,.0f} instead of {flops[0]:,.0f} FLOP a step, and so does {' and '.join(files)}, "
        "which defines it"
    )


def changed_definitions(case: Case, sides: Sides) -> list[str]:
    """Return the files that define a case's work, its scenario's and its task's, as far as they differ between the sides."""
    # A trial that failed names none.
    files = {side: {k: v for record in case.records(side) for k, v in record.files.items()} for side in SIDES}
    before, after = case.candidate.base.origin.file, case.candidate.head.origin.file
    tasks = sides.base.catalog.task, sides.head.catalog.task
    definitions = [(before, after), *([(tasks[0].file, tasks[1].file)] if tasks[0] and tasks[1] else [])]
    changed = []
    for old, new in definitions:
        names = _relative(old, sides.base.code.root), _relative(new, sides.head.code.root)
        # The same file: lent to the base, or outside of both sides.
        if old != new and files["base"].get(names[0]) != files["head"].get(names[1]):
            changed.append(names[1])
    return list(dict.fromkeys(changed))


def _relative(file: str, root: str) -> str:
    path = Path(file)
    return str(path.relative_to(root)) if path.is_relative_to(root) else file


def _metric(records: list[Record], name: str) -> float | None:
    found = [record.metrics[name] for record in records if name in record.metrics]
    return found[-1] if found else None
