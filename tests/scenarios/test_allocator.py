from __future__ import annotations

import os
import subprocess
import sys

import pytest

import scenarios.allocator
from benchsuite import Skip
from benchsuite.origin import PROJECT_ROOT
from scenarios.allocator import Settings, allocator, changes, loop_settings
from scenarios.loop import ALLOCATORS, process_of
from scenarios.mnist import task

linux = pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator is Linux's")
CHECKED = """
from scenarios.allocator import Settings, allocator
from scenarios.mnist import task
workload = allocator.build(Settings({name!r}, batch_size=8), task)
workload.step()
print(*(check.name for check in workload.check() if not check.ok))
"""


def failing_with(name: str, **variables: str) -> set[str]:
    """Return the checks that fail in a process that was started with these variables."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MALLOC_")}
    done = subprocess.run(
        [sys.executable, "-c", CHECKED.format(name=name)], env={**kept, **variables}, cwd=PROJECT_ROOT,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(done.stdout.split())


def test_the_baseline_sets_nothing_and_the_engine_leaves_its_memory_alone():
    for settings in (Settings(), Settings("keeping")):
        process = process_of(loop_settings(settings))
        assert not process.keeps_freed_memory
        assert process.env == ALLOCATORS[settings.allocator]
    assert ALLOCATORS["default"] == ()


def test_a_small_and_a_large_batch_are_compared_in_both_phases():
    contexts = {(v.context["phase"], v.context["batch_size"]) for v in allocator.described()}
    assert contexts == {(phase, size) for phase in ("train", "infer") for size in (100, 2048)}
    assert sum(variant.baseline for variant in allocator.described()) == 4


def test_a_winner_of_the_loops_own_batch_size_can_be_combined():
    assert changes(Settings("keeping")) == {"allocator": "keeping"}
    by_size = {v.settings["batch_size"]: dict(v.changes) for v in allocator.described() if not v.baseline}
    assert by_size == {100: {"allocator": "keeping"}, 2048: {}}


def test_elsewhere_it_does_not_apply(monkeypatch):
    monkeypatch.setattr(scenarios.allocator.sys, "platform", "darwin")
    assert [requirement.kind for requirement in allocator.requires(Settings())] == ["never"]


@linux
@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"MALLOC_ARENA_MAX": "2"}, "MALLOC_ARENA_MAX"),
        ({"LD_PRELOAD": "/usr/lib/libjemalloc.so.2"}, "LD_PRELOAD"),
        ({"GLIBC_TUNABLES": "glibc.malloc.check=3"}, "GLIBC_TUNABLES"),
        ({"GLIBC_TUNABLES": "glibc.elision.enable=1", "LD_PRELOAD": "libfaketime.so"}, ""),
    ],
)
def test_where_the_user_has_chosen_an_allocator_it_does_not_apply(monkeypatch, variables, named):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    said = [requirement.argument for requirement in allocator.requires(Settings())]
    assert [text.endswith(f"unset {named}") for text in said] == [True] * bool(named)


@linux
def test_a_glibc_that_refuses_is_said(monkeypatch):
    monkeypatch.setattr(scenarios.allocator, "_takes_the_threshold", lambda: False)
    with pytest.raises(Skip, match="refuses"):
        allocator.build(Settings("keeping"), task)


@pytest.mark.slow
@linux
@pytest.mark.parametrize("name", ["default", "keeping"])
def test_with_its_variables_each_does_what_it_says(name):
    assert failing_with(name, **dict(ALLOCATORS[name])) == set()


@pytest.mark.slow
@linux
def test_memory_that_is_kept_though_nothing_was_asked_fails():
    assert failing_with("default", **dict(ALLOCATORS["keeping"])) == {"pages_given_back"}


@pytest.mark.slow
@linux
def test_variables_that_were_not_set_at_the_start_fail():
    assert failing_with("keeping") == {"pages_given_back", "variables_not_set_at_the_start"}


def test_a_loss_that_is_nan_fails(nan_task, failing):
    assert "loss_not_finite" in failing(allocator.build(Settings(batch_size=8), nan_task).check())
