from __future__ import annotations

import importlib

import pytest

import scenarios
from benchsuite import CUDA, CXX_COMPILER, Scenario


def load(name):
    return getattr(importlib.import_module(f"scenarios.{name}"), name)


@pytest.mark.parametrize("name", scenarios.BUILT_IN)
def test_each_module_holds_a_scenario_of_its_name(name):
    scenario = load(name)
    assert isinstance(scenario, Scenario)
    assert scenario.name == name
    assert scenario.question.endswith("?")


@pytest.mark.parametrize("name", scenarios.BUILT_IN)
def test_cuda_is_required_by_its_variants_and_by_no_other(name):
    for variant in load(name).described():
        assert (CUDA in variant.requirements) == (variant.settings.get("device") == "cuda")


@pytest.mark.parametrize(
    ("name", "id_"),
    [
        ("training", "training"),
        ("batch_size", "batch_size[batch_size=100]"),
        ("compile", "compile[mode=eager]"),
        ("device", "device[device=cpu]"),
    ],
)
def test_the_baseline_has_a_short_name(name, id_):
    assert id_ in [variant.id for variant in load(name).described() if variant.baseline]


def test_batch_sizes_are_compared_in_every_context():
    by_context = {}
    for variant in load("batch_size").described():
        by_context.setdefault(tuple(variant.context.values()), []).append(variant.settings["batch_size"])
    assert set(by_context) == {(p, d) for p in ("train", "infer") for d in ("cpu", "cuda")}
    assert all(sizes == [1, 8, 32, 100, 512, 2048] for sizes in by_context.values())


def test_compiled_variants_need_a_compiler_and_a_cache_of_their_own():
    for variant in load("compile").described():
        compiled = variant.settings["mode"] != "eager"
        applies = all(requirement.kind != "never" for requirement in variant.requirements)
        assert (CXX_COMPILER in variant.requirements) == (compiled and applies)
        assert variant.process.own_compile_cache == compiled


def test_a_step_that_is_no_step_of_a_training_has_a_name_of_its_own():
    named = {name: load(name).step for name in scenarios.BUILT_IN}
    assert {name: step for name, step in named.items() if step != "step"} == {
        "training": "epoch",
        "optimizer": "update",
    }
