from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchsuite import CUDA, Check, Workload, does_not_apply, grid, scenario
from benchsuite.catalog import Entry
from benchsuite.comparison import Comparison
from benchsuite.origin import Origin
from benchsuite.stack import combine
from benchsuite.statistics import Interval

ORIGIN = Origin("mine", "mine.py")


@dataclass(frozen=True)
class Loop:
    data: str = "images"
    device: str = "cpu"
    phase: str = "train"
    fused: bool = False
    compiled: bool = False
    last: bool = False


@dataclass(frozen=True)
class Settings:
    value: str = "plain"
    device: str = "cpu"
    phase: str = "train"


def entry(name, variants, **definition):
    def build(_settings, _task):
        return Workload(lambda: None, lambda: [Check("x", 0, 0, "<=")])

    build.__name__ = name
    return Entry(scenario(question="?", variants=variants, **definition)(build), ORIGIN, 1)


def one(name, change, values=("plain", "better"), **axes):
    """Make a scenario whose values are changes of the loop's field; it may have contexts."""
    field, of_value = change
    return entry(
        name,
        grid(Settings, value=values, **axes),
        compare="value",
        within=tuple(axes),
        changes=lambda s: {field: of_value[s.value]},
    )


FUSED = one("fused", ("fused", {"plain": False, "better": True}))
DATA = one(
    "data",
    ("data", {"plain": "images", "memory": "memory", "loader": "loader"}),
    ("plain", "memory", "loader"),
)
LAST = one(
    "last", ("last", {"plain": False, "better": True}), device=["cpu", "cuda"], phase=["train", "infer"]
)
SILENT = entry("silent", grid(Settings, value=["plain", "better"]), compare="value")


def stack(requires=lambda _settings: []):
    return entry(
        "stack",
        [Loop(), Loop(device="cuda")],
        compare="data",
        within=("device",),
        combines=True,
        requires=requires,
    )


def faster(variant, speedup, verdict="faster"):
    return Comparison(variant, "", Interval(speedup, speedup * 0.99, speedup * 1.01, 3), verdict)


def combined(others, comparisons, unmet=lambda _requirement: None, **changes):
    made = combine(stack(**changes), others, comparisons, unmet)
    return [settings for settings in made.scenario.variants if settings not in {Loop(), Loop(device="cuda")}]


def test_winners_are_put_on_top_of_the_baseline_the_best_first():
    found = combined([FUSED, DATA], [faster("fused[value=better]", 1.1), faster("data[value=memory]", 2.0)])
    assert found == [Loop(data="memory"), Loop(data="memory", fused=True)]


def test_the_variants_become_part_of_the_scenario_behind_its_baselines():
    made = combine(stack(), [FUSED], [faster("fused[value=better]", 1.1)], lambda _requirement: None).scenario
    assert [v.id for v in made.described() if v.baseline] == [
        "stack[data=images]",
        "stack[data=images,device=cuda]",
    ]
    assert [v.id for v in made.described() if not v.baseline] == ["stack[data=images,fused=true]"]


@pytest.mark.parametrize("verdict", ["slower", "same", "open", "baseline"])
def test_only_what_was_shown_to_be_faster_counts(verdict):
    assert combined([FUSED], [faster("fused[value=better]", 1.1, verdict)]) == []
    assert combined([FUSED], []) == []


def test_of_two_winners_of_one_scenario_the_better_one_counts():
    found = combined([DATA], [faster("data[value=loader]", 1.5), faster("data[value=memory]", 2.0)])
    assert found == [Loop(data="memory")]


def test_a_scenario_that_declares_no_changes_cannot_be_combined():
    assert combined([SILENT], [faster("silent[value=better]", 3.0)]) == []


def test_a_field_that_another_has_changed_already_is_left_alone():
    other = one("other", ("data", {"plain": "images", "better": "resident"}))
    found = combined([DATA, other], [faster("other[value=better]", 3.0), faster("data[value=memory]", 2.0)])
    assert found == [Loop(data="resident")]


def test_a_context_takes_what_was_measured_in_it():
    found = combined(
        [LAST],
        [faster("last[value=better]", 1.2), faster("last[value=better,device=cuda]", 1.4)],
    )
    assert found == [Loop(last=True), Loop(last=True, device="cuda")]


def test_what_was_measured_while_inferring_is_not_put_into_training():
    assert combined([LAST], [faster("last[value=better,phase=infer]", 1.2)]) == []


def test_what_has_no_device_was_measured_on_the_default_one():
    assert combined([FUSED], [faster("fused[value=better]", 1.2)]) == [Loop(fused=True)]


def test_a_context_that_the_stack_does_not_know_counts_at_its_default():
    augmented = one("aug", ("fused", {"plain": False, "better": True}), phase=["train", "infer"])
    assert combined([augmented], [faster("aug[value=better]", 1.2)]) == [Loop(fused=True)]
    assert combined([augmented], [faster("aug[value=better,phase=infer]", 1.2)]) == []


def test_what_does_not_go_together_gives_way_to_the_scenarios_next():
    clash = does_not_apply("they do not go together")
    found = combined(
        [FUSED, DATA],
        [
            faster("fused[value=better]", 3.0),
            faster("data[value=memory]", 2.0),
            faster("data[value=loader]", 1.5),
        ],
        unmet=lambda requirement: requirement.argument if requirement == clash else None,
        requires=lambda s: [clash] if s.fused and s.data == "memory" else [],
    )
    assert found == [Loop(fused=True), Loop(fused=True, data="loader")]


def test_without_the_device_nothing_is_combined_for_it():
    found = combined(
        [LAST],
        [faster("last[value=better,device=cuda]", 1.4)],
        unmet=lambda requirement: "no GPU" if requirement == CUDA else None,
        requires=lambda s: [CUDA] if s.device == "cuda" else [],
    )
    assert found == []


@given(st.lists(st.floats(1.02, 5), min_size=3, max_size=3), st.permutations([FUSED, DATA, LAST]))
def test_each_variant_has_one_winner_more_whatever_their_order(speedups, others):
    ids = ["fused[value=better]", "data[value=memory]", "last[value=better]"]
    found = combined(others, [faster(id_, value) for id_, value in zip(ids, speedups, strict=True)])
    assert len(found) == 3
    assert found[-1] == Loop(data="memory", fused=True, last=True)
    assert len(set(found)) == 3
