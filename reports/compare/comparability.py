"""Whether two runs can be compared, and what beside the code may have changed between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from benchsuite.environment import comparable_facts, differences
from benchsuite.errors import NotComparableError
from reports import format as fmt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchsuite.record import RunInfo
    from reports.results import VariantResult

DRIFT: Final = 0.03
"""A canary that moved by more than this is warned of."""
MOST_FACTS: Final = 6


def demand_comparable(before: RunInfo, after: RunInfo) -> None:
    """Refuse two runs whose numbers are of different things.

    Raises:
        NotComparableError: they used another task, or other data.
    """
    names = (before.task_name or before.task), (after.task_name or after.task)
    if names[0] != names[1]:
        raise NotComparableError(
            f"the runs used different tasks, {fmt.name(names[0])} and {fmt.name(names[1])}: "
            "only runs of one task can be compared"
        )
    if before.data and after.data and dict(before.data) != dict(after.data):
        changed = differences(comparable_facts({}, {}, before.data), comparable_facts({}, {}, after.data))
        raise NotComparableError(
            f"the runs used different data ({tell_facts(changed)}): only runs of the same data can be compared"
        )


def warn_of_change(
    before: RunInfo,
    after: RunInfo,
    pairs: Sequence[tuple[VariantResult, VariantResult]],
    canary_ratio: float | None,
) -> Iterator[str]:
    """Yield a sentence for whatever may have changed step times though the code did not.

    Args:
        before: header of the first run.
        after: header of the second.
        pairs: the variants that both measured.
        canary_ratio: by how much the fixed workload's step time changed; None: not known.
    """
    machine = differences(comparable_facts(before.machine, {}, {}), comparable_facts(after.machine, {}, {}))
    if machine:
        yield f"The runs were measured on different machines: {tell_facts(machine)}."
    software: dict[str, tuple[str | None, str | None]] = {}
    for old, new in pairs:
        software |= differences(_environment(before, old), _environment(after, new))
    if software:
        yield f"The workers ran in different environments: {tell_facts(software)}."
    if canary_ratio is None:
        yield "No canary was measured in both runs: nothing tells whether the machine itself moved."
    elif not 1 / (1 + DRIFT) <= canary_ratio <= 1 + DRIFT:
        longer = "longer" if canary_ratio > 1 else "shorter"
        yield (
            f"The machine itself moved: the canary, a fixed workload, takes {fmt.percent(abs(canary_ratio - 1))} {longer} "
            "in B. Read changes of step time of that size as the machine's."
        )


def _environment(info: RunInfo, variant: VariantResult) -> Mapping[str, str]:
    seen: Mapping[str, Any] = info.environments.get(variant.timings[-1].environment, {})
    return comparable_facts({}, seen, {})


def tell_facts(changed: Mapping[str, tuple[str | None, str | None]]) -> str:
    """Say which facts differ, from `benchsuite.environment.differences`: `torch is 2.12 instead of 2.11`."""
    facts = [
        f"{fmt.name(name.partition('.')[2])} is {_value(new)} instead of {_value(old)}"
        for name, (old, new) in changed.items()
    ]
    return fmt.some(facts, most=MOST_FACTS)


def _value(fact: str | None) -> str:
    return "not known" if fact is None else fmt.name(fact) or "empty"
