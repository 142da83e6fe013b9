from __future__ import annotations

import inspect
import math
import re
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchsuite import CUDA, Check, ProcessSpec, Requirement, Workload, grid, scenario
from benchsuite.errors import UsageError
from benchsuite.scenario import default_values, does_not_apply, format_value, settings_values


@dataclass(frozen=True, slots=True)
class Settings:
    mode: str = "eager"
    size: int = 100
    last: bool = False
    rate: float | None = None


def layout(_settings, _task):
    return Workload(lambda: None, lambda: [Check("error", 0, 1, "<=")])


HERE = f"{Path(__file__)}:{inspect.getsourcelines(layout)[1]}: scenario 'layout'"


def make(variants, question="Does it pay?", **definition):
    return scenario(question=question, variants=variants, **definition)(layout)


def ids(made):
    return [variant.id for variant in made.described()]


def test_ids_show_the_compared_axis_and_what_differs_from_the_defaults():
    made = make(grid(Settings, mode=["eager", "fast"], size=[100, 8]), compare="mode", within=("size",))
    assert ids(made) == [
        "layout[mode=eager]",
        "layout[mode=eager,size=8]",
        "layout[mode=fast]",
        "layout[mode=fast,size=8]",
    ]


def test_the_compared_axis_stands_first_in_an_id():
    made = make(grid(Settings, last=[False, True], mode=["eager", "fast"]), compare="last", within=("mode",))
    assert ids(made)[-1] == "layout[last=true,mode=fast]"


def test_a_new_axis_with_a_default_renames_nothing():
    @dataclass(frozen=True)
    class Grown:
        mode: str = "eager"
        added: int = 0
        size: int = 100
        last: bool = False
        rate: float | None = None

    axes = {"mode": ["eager", "fast"], "size": [100, 8]}
    before = make(grid(Settings, **axes), compare="mode", within=("size",))
    assert ids(make(grid(Grown, **axes), compare="mode", within=("size",))) == ids(before)


def test_a_scenario_that_compares_nothing_is_its_own_baseline():
    (only,) = make([Settings()]).described()
    assert (only.id, only.baseline, only.context) == ("layout", True, {})


def test_each_context_has_its_own_baseline():
    described = make(
        grid(Settings, size=[100, 8], last=[False, True], mode=["fast", "eager"]),
        compare="mode",
        within=("size", "last"),
    ).described()
    baselines = {str(variant.context): variant.id for variant in described if variant.baseline}
    assert baselines == {
        "{'size': 100, 'last': False}": "layout[mode=eager]",
        "{'size': 100, 'last': True}": "layout[mode=eager,last=true]",
        "{'size': 8, 'last': False}": "layout[mode=eager,size=8]",
        "{'size': 8, 'last': True}": "layout[mode=eager,size=8,last=true]",
    }


def test_a_variant_carries_what_it_needs():
    made = make(
        grid(Settings, mode=["eager", "fast"]),
        compare="mode",
        requires=lambda s: [CUDA] if s.mode == "fast" else [],
        process=lambda s: ProcessSpec(threads=s.size),
    )
    eager, fast = made.described()
    assert (eager.requirements, fast.requirements) == ((), (CUDA,))
    assert fast.process == ProcessSpec(threads=100)


def test_settings_that_make_no_sense_together():
    requirement = does_not_apply("a CPU has no graphs")
    made = make([Settings()], requires=lambda _settings: [requirement])
    assert made.described()[0].requirements == (requirement,)
    assert requirement.argument == "a CPU has no graphs"


def test_settings_survive_the_way_to_a_worker():
    made = make(grid(Settings, mode=["eager", "fast"], rate=[None, 0.5]), compare="mode", within=("rate",))
    for settings, variant in zip(made.variants, made.described(), strict=True):
        assert made.settings_from(variant.settings) == settings


NAMES = st.from_regex(r"\A[A-Za-z0-9_.+:/-]{1,9}\Z")
VALUES = st.one_of(NAMES, st.integers(), st.floats(allow_nan=False), st.booleans(), st.none())


@given(st.lists(VALUES, min_size=1, max_size=5), st.lists(VALUES, min_size=1, max_size=5))
def test_distinct_settings_have_distinct_ids(modes, sizes):
    kind = make_dataclass("Kind", [("mode", object, modes[0]), ("size", object, sizes[0])], frozen=True)
    # Of values that are spelt alike, such as 0 and "0", the first stays.
    modes = list({format_value(value): value for value in reversed(modes)}.values())[::-1]
    sizes = list({format_value(value): value for value in reversed(sizes)}.values())[::-1]
    # Equal but spelt apart, such as 1 and 1.0 and True: the first is the default of the others too.
    modes = [value for index, value in enumerate(modes) if value not in modes[:index]]
    sizes = [value for index, value in enumerate(sizes) if value not in sizes[:index]]
    made = make(grid(kind, mode=modes, size=sizes), compare="mode", within=("size",))
    found = ids(made)
    assert len(set(found)) == len(made.variants)
    assert all(re.fullmatch(r"layout\[[A-Za-z0-9_.+:/,=-]+\]", id_) for id_ in found)


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (False, "false"), (None, "none"), ("x", "x"), (1, "1"), (0.5, "0.5"), (1e-7, "1e-07")],
)
def test_values_are_spelt_as_on_a_command_line(value, text):
    assert format_value(value) == text


def test_a_grid_is_every_combination_the_last_axis_fastest():
    found = grid(Settings, mode=["a", "b"], size=[1, 2, 3])
    assert [(s.mode, s.size) for s in found] == [("a", 1), ("a", 2), ("a", 3), ("b", 1), ("b", 2), ("b", 3)]
    assert grid(Settings) == (Settings(),)
    assert grid(Settings, mode=[]) == ()


def test_settings_as_a_dictionary():
    assert list(settings_values(Settings())) == ["mode", "size", "last", "rate"]
    assert default_values(Settings) == settings_values(Settings())


@pytest.mark.parametrize(
    ("value", "limit", "direction", "ok"),
    [
        (1, 1, "<=", True),
        (1, 1, ">=", True),
        (2, 1, "<=", False),
        (2, 1, ">=", True),
        (0, 1, ">=", False),
        (math.inf, 1, "<=", False),
        (-math.inf, 1, "<=", True),
    ],
)
def test_checks(value, limit, direction, ok):
    assert Check("x", value, limit, direction).ok is ok


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["<=", ">="]))
def test_nan_never_holds(limit, direction):
    assert not Check("x", math.nan, limit, direction).ok


@pytest.mark.parametrize("limit", [math.nan, math.inf, -math.inf])
def test_a_limit_is_a_number(limit):
    with pytest.raises(ValueError, match=r"check .x. has the limit (nan|inf|-inf): a finite one"):
        Check("x", 0, limit, "<=")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": 5}, "a check's name is 5: a string is needed"),
        ({"value": "1"}, "check 'x': its value is '1': a number is needed"),
        ({"value": 10**400}, "check 'x': its value is too large for a float"),
        ({"limit": None}, "check 'x': its limit is None: a number is needed"),
        ({"direction": "=="}, "check 'x': its direction is '==': it must be one of <=, >="),
    ],
)
def test_a_check_that_no_record_can_hold_is_refused_where_it_is_made(wrong, said):
    with pytest.raises((TypeError, ValueError)) as caught:
        Check(**{"name": "x", "value": 0, "limit": 1, "direction": "<="} | wrong)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"env": (("X", 5),)}, "variable 'X' in the env of a ProcessSpec is 5: a string is needed"),
        ({"env": ((5, "x"),)}, "a variable's name in the env of a ProcessSpec is 5: a string"),
        ({"env": (("A", "\0"),)}, "variable 'A' in the env of a ProcessSpec is '\\x00': no variable can hold that"),
        ({"env": (("A", "\ud800"),)}, "no variable can hold that"),
        ({"env": (("A=B", "x"),)}, "is 'A=B': no system has a variable of that name"),
        ({"env": (("", "x"),)}, "is '': no system has a variable of that name"),
        ({"env": {"A": "x"}}, "the env of a ProcessSpec is {'A': 'x'}: a tuple of (name, value) pairs is needed"),
        ({"env": ("AB",)}, "a tuple of (name, value) pairs is needed"),
        ({"threads": -1}, "threads of a ProcessSpec is -1: "),
        ({"threads": 0}, "threads of a ProcessSpec is 0: "),
        ({"ranks": -4}, "ranks of a ProcessSpec is -4: "),
        ({"ranks": None}, "ranks of a ProcessSpec is None: "),
        ({"own_compile_cache": "no"}, "own_compile_cache of a ProcessSpec is 'no': True or False is needed"),
    ],
)  # fmt: skip
def test_a_process_that_cannot_be_is_refused_where_it_is_made(wrong, said):
    with pytest.raises((TypeError, ValueError)) as caught:
        ProcessSpec(**wrong)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "argument", "said"),
    [
        ("gpu", "", "a requirement's kind is 'gpu': it must be one of cuda, cxx_compiler, module, never"),
        ("cuda", 2, "the argument of requirement 'cuda' is 2: a string is needed"),
        ("never", None, "the argument of requirement 'never' is None: a string is needed"),
    ],
)
def test_a_requirement_that_is_none_is_refused_where_it_is_made(kind, argument, said):
    with pytest.raises((TypeError, ValueError)) as caught:
        Requirement(kind, argument)
    assert str(caught.value) == said


class OneElement:
    """As a tensor of one element."""

    def __float__(self):
        return 0.5


def test_a_check_takes_what_stands_for_a_number():
    assert Check("x", OneElement(), 1, "<=") == Check("x", 0.5, 1.0, "<=")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"items_per_step": 0}, "the workload's items_per_step is 0: a Python int from 1 to 2**63 - 1 is needed"),
        ({"items_per_step": -5}, "items_per_step is -5: "),
        ({"items_per_step": 10**400}, "items_per_step is 1000"),
        ({"items_per_step": "9"}, "items_per_step is '9': a Python int from 1 on is needed"),
        ({"items_per_step": math.nan}, "items_per_step is nan: "),
        ({"items_per_step": True}, "items_per_step is True: "),
        ({"num_steps": 0}, "the workload's num_steps is 0: "),
        ({"num_steps": -1}, "num_steps is -1: "),
        ({"num_steps": 2.5}, "num_steps is 2.5: a Python int"),
        ({"min_steps": -3}, "the workload's min_steps is -3: "),
        ({"step": None}, "the workload's step is None: a function is needed"),
        ({"check": []}, "the workload's check is []: a function is needed"),
        ({"close": 5}, "the workload's close is 5: a function is needed"),
        ({"metrics": [1]}, "the workload's metrics are [1]: a dictionary is needed"),
        ({"series": None}, "the workload's series are None: a dictionary is needed"),
    ],
)  # fmt: skip
def test_a_workload_that_cannot_be_measured_is_refused_where_it_is_made(wrong, said):
    with pytest.raises((TypeError, ValueError)) as caught:
        Workload(**{"step": lambda: None, "check": list} | wrong)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 200


@dataclass
class Thawed:
    mode: str = "eager"


class Plain:
    mode = "eager"


@dataclass(frozen=True)
class Bare:
    mode: str
    size: int = 1


@dataclass(frozen=True)
class Listed:
    mode: list[int] = field(default_factory=list)


BROKEN = {
    "no variants": ([], {}, "it has no variants"),
    "not frozen": ([Thawed()], {}, "a frozen dataclass, 'Thawed' is not: write @dataclass(frozen=True) above it"),
    "not a dataclass": ([Plain()], {}, "a frozen dataclass, 'Plain' is not: write @dataclass(frozen=True)"),
    "two types": ([Settings(), Bare("x")], {"compare": "mode"}, "its variants are of two types"),
    "a list": ([Listed()], {}, "setting 'mode' is []: a string, a number, a boolean or None is needed"),
    "a comma": ([Settings("a,b")], {}, "setting 'mode' is 'a,b': use letters, digits and _ . + : / - alone"),
    "an empty string": ([Settings("")], {}, "setting 'mode' is '': use letters, digits"),
    "no default": ([Bare("x")], {}, "field 'mode' needs a default: the defaults are the baseline"),
    "unknown axis": ([Settings()], {"compare": "mod"}, "no field 'mod'; they have mode, size, last, rate"),
    "unknown context": ([Settings()], {"within": ["phase"]}, "no field 'phase'; they have mode, size"),
    "both at once": (
        [Settings()],
        {"compare": "mode", "within": ["mode"]},
        "'mode' cannot be compared and held equal at once",
    ),
    "nothing compared": (
        grid(Settings, mode=["a", "b"]),
        {},
        "it has 2 variants but compares no field",
    ),
    "an empty question": ([Settings()], {"question": " "}, "the question is empty"),
    "a step that is no noun": ([Settings()], {"step": "Update!"}, "its step is called 'Update!'"),
    "a step that is a number": ([Settings()], {"step": 5}, "its step is called 5"),
    "a question that is none": ([Settings()], {"question": 5}, "the question is 5: a string is needed"),
    "an unknown answer": ([Settings()], {"answer": "bogus"}, "its answer is 'bogus': it must be one of best, knee,"),
    "an unknown metric": ([Settings()], {"metric": 3}, "its metric is 3: it must be one of step_time, throughput, lat"),
    "once or not": ([Settings()], {"once": "yes"}, "once is 'yes': True or False is needed"),
    "a requirement's name": (
        [Settings()], {"requires": lambda _: ("cuda",)}, "requires returned ('cuda',): a list of benchsuite.Requirement"
    ),
    "one requirement": ([Settings()], {"requires": lambda _: CUDA}, "requires returned Requirement("),
    "a number of requirements": ([Settings()], {"requires": lambda _: 5}, "requires returned 5: a list"),
    "no process": ([Settings()], {"process": lambda _: None}, "process returned None: a benchsuite.ProcessSpec"),
    "a number of changes": ([Settings()], {"changes": lambda _: 7}, "changes returned 7: a dictionary is needed"),
    "a changed object": ([Settings()], {"changes": lambda _: {"a": []}}, "changes returned {'a': []}: names with a str"),
    "a change without a name": ([Settings()], {"changes": lambda _: {5: 1}}, "changes returned {5: 1}: names with"),
    "listed twice": ([Settings(), Settings()], {"compare": "mode"}, "layout[mode=eager] is listed twice"),
    "no baseline": ([Settings("fast")], {"compare": "mode"}, "no baseline for {}: no variant there has the defaults"),
    "a context without baseline": (
        [Settings(), Settings("fast"), Settings("fast", 8)],
        {"compare": "mode", "within": ["size"]},
        "no baseline for {'size': 8}: no variant there has the defaults",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("variants", "definition", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_definition_names_its_place_and_its_remedy(variants, definition, message):
    with pytest.raises(UsageError) as caught:
        make(variants, **definition)
    assert str(caught.value).startswith(f"{HERE}: ")
    assert message in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_grid_over_what_is_no_axis():
    with pytest.raises(TypeError, match="'Settings' has no field 'mod'; it has mode, size, last, rate"):
        grid(Settings, mod=["a"])
    with pytest.raises(TypeError, match="'Plain' is no dataclass: write @dataclass"):
        grid(Plain, mode=["a"])
