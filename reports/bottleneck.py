"""What limits a variant's step, decided from its records by written rules.

| kind | what is added up | holds from |
| --- | --- | --- |
| input-bound | `data_wait_share`; GPU: as much of it as the device idles | `INPUT_SHARE` |
| transfer-bound | GPU: copies between host and device; CPU: copies between tensors | `TRANSFER_SHARE` |
| allocator-bound | operators and calls that only make memory ready | `ALLOCATION_SHARE` |
| launch-bound | GPU: idle time between launches; CPU: `operators` times the cost of a tiny one | `LAUNCH_SHARE` |
| compute-bound | operators with long calls, on a GPU its busy time without copies; FLOP/s against the ceiling | `COMPUTE_SHARE`, `COMPUTE_UTILISATION` |
| undecided | no rule holds, or the two largest shares are closer than `LEAD` | |

Shares are of the step. Those of CPU operators are of the profiled step: the profiler makes short calls longer, so
a call counts as long from `LONG_CALL` tiny operators on. A loader may run operators of its own: what a
step waits for data is no other rule's. A compute-bound step is said to sit on one side of the roofline's ridge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from reports import format as fmt
from reports import roofline
from reports.bounds import Step, utilisation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reports.results import VariantResult

INPUT_SHARE = 0.3
"""Below it, a loader that never lets a step wait saves less than most settings do."""
TRANSFER_SHARE = 0.3
ALLOCATION_SHARE = 0.3
LAUNCH_SHARE = 0.4
"""Dearer to mend than a loader or a copy: by compiling, capturing or larger batches."""
COMPUTE_SHARE = 0.6
"""Most of a sound step computes; below it, something else takes nearly as much."""
COMPUTE_UTILISATION = 0.4
"""Real layers seldom pass half of what a large product reaches."""
LEAD = 0.1
"""Passes differ by some points from the timing: shares that are closer are not told apart."""
LONGEST_LAUNCH_NS = 50_000
"""Eager PyTorch takes 5 to 20 µs from one launch to the next; in longer gaps the host does something else."""
MOST_NAMED = 2
"""So many operators are named as evidence."""

Kind: TypeAlias = Literal[
    "input-bound", "transfer-bound", "allocator-bound", "launch-bound", "compute-bound", "undecided"
]


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """What limits a step, why that is said, and what could be won."""

    kind: Kind
    evidence: str
    what_if: str
    """Empty where nothing was decided."""
    share: float
    """Of the step, from 0 to 1: what the evidence adds up to."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """What one rule found, and whether it is enough."""

    found: Bottleneck
    holds: bool


def find_bottleneck(variant: VariantResult, ceilings: Mapping[str, float]) -> Bottleneck | None:
    """Return what limits a variant's step.

    Args:
        variant: with a timing, and an operator pass or the metric `data_wait_share`.
        ceilings: of the machine, as `run.json` holds them; may be empty.

    Returns:
        None where the variant has no timing, or nothing was recorded that a rule could be tried on.
    """
    step = Step.of(variant, ceilings)
    if step is None:
        return None
    claims = [claim for rule in (_input, _transfer, _allocation, _launch, _compute) if (claim := rule(step))]
    found = decide([claim.found for claim in claims if claim.holds])
    if found is not None:
        return found
    if not variant.operators:
        return None
    largest = max((claim.found for claim in claims), key=lambda one: one.share, default=None)
    if largest is None:
        return None
    return Bottleneck("undecided", f"no rule holds; the largest part: {largest.evidence}", "", largest.share)


def decide(holding: list[Bottleneck]) -> Bottleneck | None:
    """Return the one of the causes that hold that leads the others, undecided where none leads, None of none."""
    if not holding:
        return None
    first, *others = sorted(holding, key=lambda one: -one.share)
    if not others or first.share - others[0].share >= LEAD:
        return first
    evidence = f"two rules hold alike: {first.evidence}; {others[0].evidence}"
    return Bottleneck("undecided", evidence, "", first.share)


def _input(step: Step) -> _Claim | None:
    share = step.data_wait_share
    if not share:
        return None
    meanwhile = ", while the GPU idles" if step.on_gpu else ""
    found = Bottleneck(
        "input-bound",
        f"a step waits {fmt.percent(share)} of its time for its next batch{meanwhile}",
        f"a perfect loader would save {fmt.percent(share)} of a step",
        share,
    )
    return _Claim(found, share >= INPUT_SHARE)


def _transfer(step: Step) -> _Claim | None:
    copies_ns = step.transfer_ns
    if not copies_ns:
        return None
    share = step.at_most_without_wait(copies_ns / (step.step_ns if step.on_gpu else step.profiled_ns))
    what = "copies between host and device take" if step.on_gpu else "copies between tensors take"
    what_if = f"hidden or left out, they would save up to {fmt.percent(share)} of a step"
    ideal_ns = step.ideal_transfer_ns
    if ideal_ns is not None:
        ideal = fmt.percent(utilisation(ideal_ns, copies_ns))
        what_if = f"{what_if}; at the measured ceiling they would take {ideal} of their time"
    found = Bottleneck("transfer-bound", f"{what} {fmt.percent(share)} of a step", what_if, share)
    return _Claim(found, share >= TRANSFER_SHARE)


def _allocation(step: Step) -> _Claim | None:
    if not step.allocation_ns:
        return None
    share = step.at_most_without_wait(step.allocation_ns / step.profiled_ns)
    evidence = f"making memory ready takes {fmt.percent(share)} of a step"
    if step.allocations is not None:
        evidence += f", with {fmt.count(step.allocations)} allocations"
    what_if = f"with memory used again, a step would save up to {fmt.percent(share)}"
    return _Claim(Bottleneck("allocator-bound", evidence, what_if, share), share >= ALLOCATION_SHARE)


def _launch(step: Step) -> _Claim | None:
    return _gaps(step) if step.on_gpu else _dispatch(step)


def _gaps(step: Step) -> _Claim | None:
    """Judge the time in which the GPU has nothing to do although the data is there."""
    if step.idle_share is None:
        return None
    share = step.at_most_without_wait(step.idle_share - (step.data_wait_share or 0.0))
    launches = step.launches or 0.0
    found = Bottleneck(
        "launch-bound",
        f"the GPU idles for {fmt.percent(share)} of a step, between {fmt.count(launches)} launches",
        f"without these gaps, as in a CUDA graph, a step would save {fmt.percent(share)}",
        share,
    )
    short = share * step.step_ns <= launches * LONGEST_LAUNCH_NS
    return _Claim(found, share >= LAUNCH_SHARE and short)


def _dispatch(step: Step) -> _Claim | None:
    if not step.num_operators:
        return None
    share = step.at_most_without_wait(step.num_operators * step.operator_ns / step.step_ns)
    each = fmt.duration(step.operator_ns)
    found = Bottleneck(
        "launch-bound",
        f"{fmt.count(step.num_operators)} operators at {each} each, what a tiny one costs, make {fmt.percent(share)} of a step",
        f"without dispatch, as in compiled code, a step would save up to {fmt.percent(share)}",
        share,
    )
    return _Claim(found, share >= LAUNCH_SHARE)


def _compute(step: Step) -> _Claim | None:
    busy = step.at_most_without_wait(step.busy_share)
    used, ceiling = step.utilisation, step.flops_ceiling
    if not busy and not used:
        return None
    names = fmt.listing([fmt.name(name) for name in step.longest[:MOST_NAMED]])
    evidence = f"computing takes {fmt.percent(busy)} of a step{f', above all {names}' if names else ''}"
    what_if = f"operators twice as fast would save {fmt.percent(busy / 2)} of a step"
    if used is not None and ceiling is not None and used >= 1:
        evidence += f"; its products run at the ceiling of {fmt.flop_rate(ceiling)}"
        what_if = "its products are at the ceiling: only fewer of them would save time"
    elif used is not None and ceiling is not None:
        evidence += f"; its products run at {fmt.percent(used)} of the measured {fmt.flop_rate(ceiling)}"
        # What computes is not all products: where it is known, it bounds what they take now.
        saved = (busy if busy > used else 1.0) - used
        what_if = f"all at that ceiling, a step would save up to {fmt.percent(saved)}"
    place = roofline.locate(step)
    if place is not None and place.side is not None:
        evidence += f"; it is {roofline.standing(place)}"
        if place.side == "memory" and place.share is not None:
            saved = max(busy, place.share) - place.share
            what_if = (
                f"with its operands moved as fast as a copy, a step would save up to {fmt.percent(saved)}"
            )
    share = max(busy, used or 0.0)
    holds = busy >= COMPUTE_SHARE or (used or 0.0) >= COMPUTE_UTILISATION
    return _Claim(Bottleneck("compute-bound", evidence, what_if, share), holds)
