from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchsuite import CUDA, ProcessSpec, grid, scenario
from benchsuite.catalog import Entry
from benchsuite.origin import Origin
from benchsuite.plan import MAX_ROUNDS, MIN_ROUNDS, make_plan, quick_plan, start_order, turn_orders

ORIGIN = Origin("mine", "mine.py")
SEEDS = st.integers(0, 2**32)


@dataclass(frozen=True)
class Settings:
    mode: str = "eager"
    phase: str = "train"
    device: str = "cpu"


def entry(name, variants=None, **definition):
    def build(_settings, _task):
        raise AssertionError

    build.__name__ = name
    variants = variants or grid(
        Settings, device=["cpu", "cuda"], phase=["train", "infer"], mode=["eager", "fast"]
    )
    definition = {"compare": "mode", "within": ("phase", "device")} | definition
    made = scenario(question="?", variants=variants, **definition)(build)
    return Entry(made, ORIGIN, 1)


ENTRIES = {
    "layout": entry("layout", requires=lambda s: [CUDA] if s.device == "cuda" else []),
    "training": entry("training", [Settings()], compare=None, within=(), once=True),
    "compile": entry(
        "compile",
        grid(Settings, mode=["eager", "fast"]),
        within=(),
        process=lambda s: ProcessSpec(own_compile_cache=s.mode == "fast"),
    ),
}


def no_gpu(requirement):
    return "no GPU is here" if requirement == CUDA else None


def plan(unmet=no_gpu, passes=("memory", "operators"), seed=1, chosen=None, entries=ENTRIES):
    return make_plan(entries, unmet, passes, random.Random(seed), chosen)


def members(group):
    return [planned.variant.id for planned in group.members]


def test_a_context_is_a_group_with_its_baseline():
    made = plan()
    assert {group.id: members(group) for group in made.contexts} == {
        "layout(phase=train,device=cpu)/timing/0": ["layout[mode=eager]", "layout[mode=fast]"],
        "layout(phase=infer,device=cpu)/timing/0": [
            "layout[mode=eager,phase=infer]",
            "layout[mode=fast,phase=infer]",
        ],
        "compile()/timing/0": ["compile[mode=eager]", "compile[mode=fast]"],
    }
    assert [(group.id, members(group)) for group in made.once] == [("training()/timing/0", ["training"])]
    assert all(
        planned.entry is ENTRIES[group.scenario] for group in made.contexts for planned in group.members
    )


def test_what_the_machine_cannot_run_is_skipped_with_the_reason():
    made = plan()
    assert {(s.variant.id, s.reason) for s in made.skipped} == {
        (f"layout[mode={mode}{phase},device=cuda]", "no GPU is here")
        for mode in ("eager", "fast")
        for phase in ("", ",phase=infer")
    }
    measured = [id_ for group in [*made.contexts, *made.passes] for id_ in members(group)]
    assert not any("cuda" in id_ for id_ in measured)


def test_with_a_gpu_nothing_is_skipped():
    made = plan(unmet=lambda _requirement: None)
    assert made.skipped == ()
    assert len(made.contexts) == 5


def test_the_first_reason_is_given():
    both = {"both": entry("both", [Settings()], compare=None, within=(), requires=lambda _s: [CUDA, CUDA])}
    reasons = iter([None, "second"])
    (skipped,) = plan(unmet=lambda _requirement: next(reasons), entries=both).skipped
    assert skipped.reason == "second"


def test_each_variant_gets_each_pass_once_but_long_works_none():
    made = plan()
    counts = Counter((members(group)[0], group.pass_) for group in made.passes)
    ids = [id_ for group in made.contexts for id_ in members(group)]
    assert counts == Counter((id_, pass_) for id_ in ids for pass_ in ("memory", "operators"))
    assert {group.id for group in made.passes} >= {
        "layout[mode=eager]/memory",
        "layout[mode=eager]/operators",
    }
    assert plan(passes=()).passes == ()


def test_what_combines_is_planned_later():
    combining = entry("stack", [Settings()], compare="mode", within=(), combines=True)
    made = plan(entries={**ENTRIES, "stack": combining})
    assert made.combining == (combining,)
    assert made.contexts == plan().contexts
    assert {e.scenario.name for e in made.entries} == {"layout", "compile"}


def test_chosen_variants_alone():
    made = plan(chosen={"layout[mode=eager]", "layout[mode=fast]", "layout[mode=fast,device=cuda]"})
    assert [members(group) for group in made.contexts] == [["layout[mode=eager]", "layout[mode=fast]"]]
    assert [skipped.variant.id for skipped in made.skipped] == ["layout[mode=fast,device=cuda]"]
    assert made.once == ()
    assert {members(group)[0] for group in made.passes} == {"layout[mode=eager]", "layout[mode=fast]"}


def test_a_round_repeats_the_groups_under_its_own_number():
    made = plan()
    second = made.round(2, random.Random(0))
    assert sorted(group.id for group in second) == [
        "compile()/timing/2",
        "layout(phase=infer,device=cpu)/timing/2",
        "layout(phase=train,device=cpu)/timing/2",
    ]
    assert all((group.repetition, group.pass_) == (2, "timing") for group in second)
    assert sorted(map(members, second)) == sorted(map(members, made.contexts))


def test_the_first_round_is_the_plan_itself():
    made = plan()
    first = made.round(0, random.Random(0))
    assert sorted(first, key=lambda group: group.id) == sorted(made.contexts, key=lambda group: group.id)


def test_a_round_over_what_is_still_open():
    made = plan()
    (only,) = made.round(3, random.Random(0), ["compile()/timing/0"])
    assert only.id == "compile()/timing/3"
    assert made.round(3, random.Random(0), []) == []


def test_the_order_is_random_and_follows_the_seed():
    orders = {tuple(group.id for group in plan().round(0, random.Random(seed))) for seed in range(40)}
    assert len(orders) == 6
    assert [group.id for group in plan(seed=5).passes] == [group.id for group in plan(seed=5).passes]
    assert len({tuple(group.id for group in plan(seed=seed).passes) for seed in range(9)}) > 1


def test_what_is_timed_or_shares_a_gpu_runs_alone():
    made = plan(unmet=lambda _requirement: None)
    alone = {group.id: group.exclusive for group in [*made.contexts, *made.once, *made.passes]}
    assert {id_ for id_, exclusive in alone.items() if not exclusive} == {
        id_ for id_ in alone if id_.endswith("/memory") and "cuda" not in id_
    }


def test_whether_a_gpu_is_used():
    assert not plan().uses_cuda
    assert plan(unmet=lambda _requirement: None).uses_cuda


def test_whether_anything_is_compiled():
    assert plan().compiles
    assert not plan(entries={"layout": ENTRIES["layout"]}).compiles
    assert not plan(chosen={"compile[mode=eager]"}).compiles


def test_a_quick_plan_says_what_it_leaves_out():
    whole = plan()
    quick, left_out = quick_plan(whole)
    said = "\n".join(left_out)
    assert (quick.once, quick.skipped) == ((), whole.skipped)
    assert {group.id for group in quick.contexts} <= {group.id for group in whole.contexts}
    assert {group.scenario for group in quick.contexts} == {group.scenario for group in whole.contexts}
    for group in whole.once:
        assert group.scenario in said
    for group in [group for group in whole.contexts if group not in quick.contexts]:
        context = group.id.partition("(")[2].partition(")")[0]
        assert f"{group.scenario} with {context}" in said
    for pass_ in {group.pass_ for group in whole.passes} - {group.pass_ for group in quick.passes}:
        assert pass_.rstrip("s") in said
    assert str(MIN_ROUNDS) in said
    assert "ceilings" in said


def test_a_quick_plan_of_one_context_keeps_it():
    whole = plan(chosen={"layout[mode=eager,phase=infer]", "layout[mode=fast,phase=infer]"})
    assert quick_plan(whole)[0].contexts == whole.contexts


def test_a_quick_plan_leaves_out_what_is_dear_to_set_up():
    modes = ["fast", "compiled", "tuned", "elsewhere", "together", "eager", *(f"m{n}" for n in range(9))]
    process = {
        "compiled": ProcessSpec(own_compile_cache=True),
        "tuned": ProcessSpec(own_compile_cache=True),
        "elsewhere": ProcessSpec(env=(("OMP_WAIT_POLICY", "ACTIVE"),)),
        "together": ProcessSpec(ranks=2),
    }
    many = entry(
        "many", grid(Settings, mode=modes), within=(), process=lambda s: process.get(s.mode, ProcessSpec())
    )
    whole = plan(entries={"many": many})
    quick, left_out = quick_plan(whole)
    (group,) = quick.contexts
    kept = [planned.variant.settings["mode"] for planned in group.members]
    assert kept == ["eager", "fast", "compiled", "m0", "m1"]
    assert any(sentence.startswith("10 variants that need") for sentence in left_out)
    assert group.members[0].variant.baseline


def test_a_quick_plan_keeps_what_shares_the_baselines_variables():
    spinning = entry(
        "spinning",
        grid(Settings, mode=["eager", "fast", "asleep"]),
        within=(),
        process=lambda s: ProcessSpec(env=(("SPIN", "0" if s.mode == "asleep" else "1"),)),
    )
    (group,) = quick_plan(plan(entries={"spinning": spinning}))[0].contexts
    assert members(group) == ["spinning[mode=eager]", "spinning[mode=fast]"]


def test_a_quick_plan_leaves_out_what_the_passes_would_weigh():
    weighed = entry("memory", grid(Settings, mode=["eager", "fast"]), within=(), answer="trade_off")
    quick, left_out = quick_plan(plan(entries={"memory": weighed}))
    assert quick.contexts == ()
    assert "memory" in left_out


def test_a_quick_plan_leaves_out_what_has_nothing_left_to_compare():
    ranks = grid(Settings, mode=["eager", "together"], phase=["train", "infer"])
    spread = entry(
        "spread",
        ranks,
        compare="mode",
        within=(),
        process=lambda s: ProcessSpec(ranks=2 if s.mode == "together" else 1),
    )
    quick, left_out = quick_plan(plan(entries={"spread": spread}))
    assert quick.contexts == ()
    assert "spread" in left_out


def test_a_quick_plan_keeps_what_combines():
    combining = entry("stack", [Settings()], compare="mode", within=(), combines=True)
    assert quick_plan(plan(entries={**ENTRIES, "stack": combining}))[0].combining == (combining,)


@given(st.integers(1, 9), st.integers(0, 50), st.text(max_size=9))
def test_over_as_many_rounds_as_members_each_is_started_in_each_place(members, first, seed):
    orders = [start_order(members, repetition, seed) for repetition in range(first, first + members)]
    assert all(sorted(order) == list(range(members)) for order in orders)
    assert all(sorted(place) == list(range(members)) for place in zip(*orders, strict=True))


def test_who_starts_first_is_random():
    first = Counter(start_order(2, 0, f"{seed}/layout()/timing")[0] for seed in range(200))
    assert min(first[0], first[1]) > 60


@given(st.integers(1, 7), st.integers(0, 40), SEEDS)
def test_every_second_round_of_turns_reverses_the_one_before(members, rounds, seed):
    orders = turn_orders(members, rounds, random.Random(seed))
    assert len(orders) == rounds
    assert all(sorted(order) == list(range(members)) for order in orders)
    for before, after in zip(orders[::2], orders[1::2], strict=False):
        assert after == before[::-1]


@pytest.mark.parametrize("members", [2, 3, 5])
def test_no_member_takes_its_turn_later_on_average(members):
    orders = turn_orders(members, 30, random.Random(4))
    places = [sum(order.index(member) for order in orders) for member in range(members)]
    assert set(places) == {30 * (members - 1) / 2}
    assert len({tuple(order) for order in orders}) > 1


def test_rounds():
    assert 3 <= MIN_ROUNDS <= MAX_ROUNDS
