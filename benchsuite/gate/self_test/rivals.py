"""What other tools' rules say of the samples that a gate has decided on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchsuite.gate.rival_rules import call_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from benchsuite.record import Record, Side

LEAST_STEPS = 2


def rival_calls(records: Iterable[Record], variant: str) -> Mapping[str, str]:
    """Apply the rules to all timed processes of a variant, in the order in which they ran.

    Args:
        records: of the gate's run directory.
        variant: its id.

    Returns:
        "slower", "faster" or "same" under the name of each rule; nothing where a side has no times.
    """
    sides: dict[Side, list[Sequence[int]]] = {"base": [], "head": []}
    for record in records:
        timed = record.pass_ == "timing" and len(record.step_ns) >= LEAST_STEPS
        if timed and record.variant == variant and record.side in sides:
            sides[record.side].append(record.step_ns)
    return dict(call_all(sides["base"], sides["head"])) if all(sides.values()) else {}
