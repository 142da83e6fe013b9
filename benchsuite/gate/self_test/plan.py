"""Which decisions a self-test has the gate make, and in which order: pure functions of the seed."""

from __future__ import annotations

import dataclasses
import math
import random
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from benchsuite.gate.settings import DEFAULT_LIMITS, TIME_METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from benchsuite.scenario import Device

Part: TypeAlias = Literal["time", "exact"]
"""`time`: decisions about step times alone; `exact`: about all metrics that repeat exactly."""
PARTS: tuple[Part, ...] = get_args(Part)
PlantKind: TypeAlias = Literal["none", "slowdown", "memory", "cuda_memory", "leak", "operator", "check"]
"""`memory` is 1 MiB on the heap, `cuda_memory` 1 MiB on the GPU."""
WORK = ("train", "train_small", "infer")
"""The scenarios of the project."""
BATCH_SIZE = 8
"""Variants in one gate command, as many as its default set has; each scenario has as many copies."""
METRICS: Mapping[Part, tuple[str, ...]] = {
    "time": tuple(sorted(TIME_METRICS)),
    "exact": tuple(metric for metric in DEFAULT_LIMITS if metric not in TIME_METRICS),
}
"""What the gate is asked about: times take pairs and no passes, exact metrics passes and one pair."""


@dataclass(frozen=True, slots=True)
class Plant:
    """What the head has and the base lacks."""

    kind: PlantKind = "none"
    share: float = 0.0
    """Of a slowdown: 0.05 is 5 % of a step's time."""


NONE = Plant()


@dataclass(frozen=True, slots=True)
class Planned:
    """One decision."""

    variant: str
    plant: Plant


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One gate command."""

    number: int
    part: Part
    load: int
    """How many busy neighbours it has."""
    seed: int
    decisions: tuple[Planned, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many decisions of each kind there are, for each load."""

    identical: int = 100
    slowdowns: tuple[tuple[float, int], ...] = ((0.05, 20), (0.03, 20))
    """Shares and numbers."""
    exact: int = 4
    """Of each planted change that is no slowdown."""
    controls: int = 8
    """Identical code among those."""
    batch_size: int = BATCH_SIZE
    """Decisions in one gate command, at most; those of a command that is interrupted are lost."""


COUNTS: Mapping[Device, Counts] = MappingProxyType({
    "cpu": Counts(),
    "cuda": Counts(identical=60, slowdowns=((0.03, 20),), batch_size=4),
})  # fmt: skip
"""By where the steps run: time on a GPU is dearer."""
MEMORY: Mapping[Device, PlantKind] = MappingProxyType({"cpu": "memory", "cuda": "cuda_memory"})
"""Where the planted memory lies."""


def make_plan(
    loads: Sequence[int], seed: int, parts: Iterable[Part] = PARTS, counts: Counts = Counts(), device: Device = "cpu"
) -> tuple[Batch, ...]:  # fmt: skip
    """Return the batches in their order: loads and parts alternate, so that any beginning has something of each.

    Planted and identical variants share a batch, as they would in a user's change, and each batch has its part of
    every kind.

    Args:
        loads: numbers of busy neighbours, each once.
        seed: of everything random.
        parts: which kinds of decisions.
        counts: how many.
        device: where the steps run.
    """
    rng = random.Random(f"{seed}/self-test")
    by_load = []
    for load in loads:
        placed: list[tuple[float, Batch]] = []
        for part in PARTS:
            if part in parts:
                packed = list(_packed(_plants(part, counts, device), rng, counts.batch_size, device))
                placed += [
                    (
                        (place + 0.5) / len(packed),
                        Batch(number=0, part=part, load=load, seed=rng.randrange(2**31), decisions=decisions),
                    )
                    for place, decisions in enumerate(packed)
                ]
        by_load.append([batch for _, batch in sorted(placed, key=lambda entry: entry[0])])
    ordered = [batch for together in zip(*by_load, strict=True) for batch in together]
    return tuple(dataclasses.replace(batch, number=number) for number, batch in enumerate(ordered))


def _plants(part: Part, counts: Counts, device: Device) -> list[list[Plant]]:
    """Return the plants of one load, those of one kind together."""
    if part == "time":
        slower = [[Plant("slowdown", share)] * number for share, number in counts.slowdowns]
        return [[NONE] * counts.identical, *slower]
    kinds: tuple[PlantKind, ...] = (MEMORY[device], "leak", "operator", "check")
    return [[NONE] * counts.controls, *([Plant(kind)] * counts.exact for kind in kinds)]


def _packed(
    groups: Sequence[Sequence[Plant]], rng: random.Random, batch_size: int, device: Device
) -> Iterator[tuple[Planned, ...]]:
    """Deal the plants out to batches, each with a scenario; every kind gets every scenario equally often."""
    cards: list[tuple[str, Plant]] = []
    for group in groups:
        work = [WORK[place % len(WORK)] for place in range(len(group))]
        rng.shuffle(work)
        cards += zip(work, group, strict=True)
    num_batches = math.ceil(len(cards) / batch_size)
    for first in range(num_batches):
        hand = cards[first::num_batches]
        rng.shuffle(hand)
        yield tuple(Planned(variant_id(work, copy, device), plant) for copy, (work, plant) in enumerate(hand))


def variant_id(work: str, copy: int, device: Device = "cpu") -> str:
    """Return the id that a copy of a scenario has in the project, as `benchsuite.scenario` spells it."""
    return f"{work}[copy={copy}{'' if device == 'cpu' else f',device={device}'}]"
