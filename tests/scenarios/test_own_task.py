"""A user's own task goes through every built-in scenario: measured, or skipped with what it lacks."""

from __future__ import annotations

import importlib

import pytest
import torch

import scenarios
from benchsuite import Skip, Task
from benchsuite.environment import unmet
from scenarios.feed import example_of


class RandomImages(Task):
    """A task that draws other examples whenever it is asked, and that has no data set."""

    name = "random images"

    def make_model(self):
        return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten(), torch.nn.Linear(144, 5))

    def example_batch(self, size):
        return torch.randn(size, 3, 8, 8), torch.randint(0, 5, (size,))

    def loss(self, output, target):
        return torch.nn.functional.cross_entropy(output, target)


NEEDS_MORE = {"training", "loader", "stack"}
"""These need a data set."""
WITH_THE_ENGINE = {"allocator", "parallel", "threads"}
"""These look at a process that the engine has set up."""


def variants():
    for name in scenarios.BUILT_IN:
        scenario = getattr(importlib.import_module(f"scenarios.{name}"), name)
        for settings, variant in zip(scenario.variants, scenario.described(), strict=True):
            if name not in WITH_THE_ENGINE and not any(map(unmet, variant.requirements)):
                slow = pytest.mark.slow if variant.process.own_compile_cache else ()
                yield pytest.param(scenario, settings, id=variant.id, marks=slow)


@pytest.mark.parametrize(("scenario", "settings"), [v for v in variants() if v.values[0].name in NEEDS_MORE])
def test_what_the_task_lacks_is_said(scenario, settings):
    with pytest.raises(Skip, match="random images"):
        scenario.build(settings, RandomImages())


@pytest.mark.parametrize(
    ("scenario", "settings"), [v for v in variants() if v.values[0].name not in NEEDS_MORE]
)
def test_every_other_variant_runs_soundly(scenario, settings, failing, tmp_path, monkeypatch):
    # As in a worker: compiled code is the variant's own.
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    torch.compiler.reset()
    workload = scenario.build(settings, RandomImages())
    for _ in range(2):
        workload.step()
    checks = list(workload.check())
    if workload.close is not None:
        workload.close()
    assert checks
    assert failing(checks) == set()


def test_examples_are_the_same_in_each_call_and_leave_the_seed_alone():
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    (first, _), (second, _) = example_of(RandomImages(), 4), example_of(RandomImages(), 4)
    assert torch.equal(first, second)
    assert torch.equal(torch.rand(1), expected)
