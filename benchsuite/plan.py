"""What a run will do: scenarios and options become groups of trials, in random order."""

from __future__ import annotations

import dataclasses
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchsuite.scenario import format_value

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence

    from benchsuite.catalog import Entry
    from benchsuite.record import Pass
    from benchsuite.scenario import Requirement, Variant

MIN_ROUNDS = 3
MAX_ROUNDS = 5
"""More rounds would narrow an interval further, but each look at the data adds to the chance of a false claim."""

QUICK_LONGEST_STEP_NS = 100_000_000
QUICK_TURN_ROUNDS = 8
QUICK_VARIANTS = 5
"""So many variants of a context are timed at most in a first look."""


@dataclass(frozen=True, slots=True)
class PlannedVariant:
    """A variant and where its scenario is defined."""

    variant: Variant
    entry: Entry


@dataclass(frozen=True, slots=True)
class Group:
    """The variants of one context that take turns in one round, or one variant in a pass of its own."""

    id: str
    scenario: str
    members: tuple[PlannedVariant, ...]
    pass_: Pass
    repetition: int

    @property
    def once(self) -> bool:
        """Whether it is a long work that is measured alone, and once in a run."""
        return any(member.entry.scenario.once for member in self.members)

    @property
    def exclusive(self) -> bool:
        """Whether nothing may run beside it: all that is timed, and all that shares a GPU."""
        needs_gpu = any(r.kind == "cuda" for m in self.members for r in m.variant.requirements)
        return self.pass_ != "memory" or needs_gpu


@dataclass(frozen=True, slots=True)
class Skipped:
    """A variant that this machine cannot run, and why."""

    variant: Variant
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All work of a run: what is timed once, what is timed in rounds, and the passes of each variant."""

    once: tuple[Group, ...]
    contexts: tuple[Group, ...]
    """The first round's groups; `round` repeats them."""
    passes: tuple[Group, ...]
    skipped: tuple[Skipped, ...]
    combining: tuple[Entry, ...] = ()
    """Scenarios that are planned once the others' comparisons are known."""

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The scenarios that are compared in rounds."""
        return tuple({m.entry.scenario.name: m.entry for g in self.contexts for m in g.members}.values())

    @property
    def uses_cuda(self) -> bool:
        """Whether any variant asks for a GPU."""
        members = [m for group in [*self.once, *self.contexts] for m in group.members]
        return any(r.kind == "cuda" for m in members for r in m.variant.requirements)

    @property
    def compiles(self) -> bool:
        """Whether any variant keeps compiled code."""
        groups = [*self.once, *self.contexts]
        return any(m.variant.process.own_compile_cache for group in groups for m in group.members)

    def ids(self) -> dict[str, list[str]]:
        """Return the ids of all groups, as `run.json` keeps them."""
        return {
            "once": [group.id for group in self.once],
            "contexts": [group.id for group in self.contexts],
            "passes": [group.id for group in self.passes],
        }

    def round(self, repetition: int, rng: random.Random, only: Iterable[str] | None = None) -> list[Group]:
        """Return the groups of one round in random order.

        Args:
            repetition: the round's number, from 0.
            rng: decides the order.
            only: the ids of first-round groups to repeat; None: all.
        """
        kept = set(only) if only is not None else None
        chosen = [
            Group(_group_id(group.scenario, group.members[0].variant.context, "timing", repetition),
                  group.scenario, group.members, "timing", repetition)
            for group in self.contexts
            if kept is None or group.id in kept
        ]  # fmt: skip
        rng.shuffle(chosen)
        return chosen


def make_plan(
    entries: Mapping[str, Entry],
    unmet: Callable[[Requirement], str | None],
    passes: Sequence[Pass],
    rng: random.Random,
    chosen: Container[str] | None = None,
) -> Plan:
    """Plan the measurement of these scenarios.

    Args:
        entries: the chosen scenarios by name.
        unmet: says why a requirement is not met on this machine, or None.
        passes: which passes beside timing each variant gets.
        rng: decides the order of the passes.
        chosen: the ids of the variants to measure; None: all.
    """
    once: list[Group] = []
    contexts: list[Group] = []
    singles: list[Group] = []
    skipped: list[Skipped] = []
    combining = tuple(entry for entry in entries.values() if entry.scenario.combines)
    for entry in entries.values():
        if entry.scenario.combines:
            continue
        by_context: dict[str, list[PlannedVariant]] = {}
        for variant in entry.scenario.described():
            if chosen is not None and variant.id not in chosen:
                continue
            reason = next(filter(None, map(unmet, variant.requirements)), None)
            if reason is not None:
                skipped.append(Skipped(variant, reason))
                continue
            planned = PlannedVariant(variant, entry)
            by_context.setdefault(_context_name(variant.context), []).append(planned)
            if not entry.scenario.once:
                singles += [Group(f"{variant.id}/{p}", variant.scenario, (planned,), p, 0) for p in passes]
        target = once if entry.scenario.once else contexts
        for members in by_context.values():
            context = members[0].variant.context
            target.append(Group(_group_id(entry.scenario.name, context, "timing", 0), entry.scenario.name,
                                tuple(members), "timing", 0))  # fmt: skip
    rng.shuffle(singles)
    return Plan(tuple(once), tuple(contexts), tuple(singles), tuple(skipped), combining)


def quick_plan(plan: Plan) -> tuple[Plan, tuple[str, ...]]:
    """Return what of a plan gives a first look, and what that leaves out, in sentences.

    Of each scenario the first context in which there is something to compare is timed, in the fewest
    rounds, with fewer turns and without the passes; what a trade-off weighs is measured by these.
    """
    first: dict[str, Group] = {}
    quick: dict[str, Group] = {}
    for group in plan.contexts:
        if group.scenario in quick:
            continue
        kept = _quick_group(group, may_compile=not any(map(_compiles, quick.values())))
        if _answers(kept, group):
            first[group.scenario], quick[group.scenario] = group, kept
    left_out = [f"{group.scenario}, as it takes a whole training" for group in plan.once]
    for scenario_name in dict.fromkeys(group.scenario for group in plan.contexts):
        contexts = [
            _context_name(group.members[0].variant.context)
            for group in plan.contexts
            if group.scenario == scenario_name and group is not first.get(scenario_name)
        ]
        if contexts:
            named = " and with ".join(filter(None, contexts))
            left_out.append(f"{scenario_name} with {named}" if named else scenario_name)
    if dropped := _num_variants(first.values()) - _num_variants(quick.values()):
        left_out.append(
            f"{dropped} variants that need variables or ranks of their own, that compile something as the first one does, "
            f"or that are beyond the first {QUICK_VARIANTS} of their context"
        )
    left_out += [
        "the operator and memory passes of every variant",
        "the machine's ceilings, which only an operator pass is held against",
        f"variants whose step takes more than {QUICK_LONGEST_STEP_NS / 1e6:.0f} ms",
        f"all but {QUICK_TURN_ROUNDS} turns of each round",
        f"rounds beyond the first {MIN_ROUNDS}, even where an answer is still open",
        "new address-space layouts in each round: all workers are forked from one process",
    ]
    return Plan((), tuple(quick.values()), (), plan.skipped, plan.combining), tuple(left_out)


def _quick_group(group: Group, *, may_compile: bool) -> Group:
    """Return the group without what is dear to set up: processes of another kind, and compiling more than once."""
    envs = {member.variant.process.env for member in group.members if member.variant.baseline} or {()}
    members = [
        member for member in group.members if member.variant.baseline or _is_cheap(member.variant, envs)
    ]
    compiling = [member for member in members if member.variant.process.own_compile_cache]
    too_many = compiling[1:] if may_compile else compiling
    members = [member for member in members if member not in too_many]
    # The baseline need not stand first: it is among those that are kept in any case.
    members.sort(key=lambda member: not member.variant.baseline)
    return dataclasses.replace(group, members=tuple(members[:QUICK_VARIANTS]))


def _num_variants(groups: Iterable[Group]) -> int:
    return sum(len(group.members) for group in groups)


def _is_cheap(variant: Variant, envs: Container[tuple[tuple[str, str], ...]]) -> bool:
    """Whether a variant can be forked from the process that its baseline is forked from."""
    return variant.process.env in envs and variant.process.ranks == 1


def _compiles(group: Group) -> bool:
    return any(member.variant.process.own_compile_cache for member in group.members)


def _answers(quick: Group, whole: Group) -> bool:
    """Whether what is left of a group still has something to compare, and needs no pass to be weighed."""
    scenario = whole.members[0].entry.scenario
    if scenario.answer == "trade_off":
        return False
    if scenario.compare is None:
        return True
    values, all_values = (
        {str(member.variant.settings[scenario.compare]) for member in group.members}
        for group in (quick, whole)
    )
    return len(quick.members) > 1 and len(values) >= min(2, len(all_values))


def start_order(members: int, repetition: int, seed: str) -> list[int]:
    """Return the order in which a group's workers are started: one random order, rotated from round to round.

    The worker that started second was about 1 % faster on identical code; over as many rounds as a
    group has members, every member has had every place.
    """
    order = random.Random(seed).sample(range(members), members)
    shift = repetition % max(1, members)
    return order[shift:] + order[:shift]


def turn_orders(members: int, rounds: int, rng: random.Random) -> list[list[int]]:
    """Return the order of turns of each round of a group: random, every second one the reverse of the last."""
    orders: list[list[int]] = []
    while len(orders) < rounds:
        order = rng.sample(range(members), members)
        orders += [order, order[::-1]]
    return orders[:rounds]


def _group_id(scenario: str, context: Mapping[str, Any], pass_: str, repetition: int) -> str:
    return f"{scenario}({_context_name(context)})/{pass_}/{repetition}"


def _context_name(context: Mapping[str, Any]) -> str:
    return ",".join(f"{key}={format_value(value)}" for key, value in context.items())
