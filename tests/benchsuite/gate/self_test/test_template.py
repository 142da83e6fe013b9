"""Each plant does what it says, and nothing else does."""

from __future__ import annotations

import importlib.util
import json
import sys

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from benchsuite.gate.self_test.plan import WORK
from benchsuite.gate.self_test.project import MODULE, PLANTS, TEMPLATE
from scenarios.mnist import MnistTask


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Return a function that builds the workload of copy 0 with a plant."""

    def build(work, kind="none", share=0.0, *, active=True):
        folder = tmp_path / f"{work}-{kind}-{active}"
        folder.mkdir()
        (folder / MODULE).write_bytes(TEMPLATE.read_bytes())
        plants = {f"{work}[copy=0]": {"kind": kind, "share": share, "active": active}}
        (folder / PLANTS).write_text(json.dumps(plants if kind != "none" else {}))
        spec = importlib.util.spec_from_file_location(
            f"planted_{folder.name}".replace("-", "_"), folder / MODULE
        )
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        torch.manual_seed(0)
        return getattr(module, work).build(module.Settings(), MnistTask())

    return build


def operators(step):
    step()
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        step()
    return sum(1 for event in profiler.events() if event.name.startswith("aten::"))


@pytest.mark.parametrize("work", WORK)
def test_only_a_planted_check_fails(build, work):
    for kind in ("none", "check"):
        workload = build(work, kind)
        for _ in range(3):
            workload.step()
        assert all(check.ok for check in workload.check()) == (kind == "none")


@pytest.mark.parametrize("work", WORK)
def test_an_extra_operator_is_one_more(build, work):
    assert operators(build(work, "operator").step) == operators(build(work).step) + 1


@pytest.mark.parametrize("kind", ["memory", "leak", "operator", "check"])
def test_a_plant_that_is_not_active_changes_nothing(build, kind):
    workload = build("infer", kind, active=False)
    assert operators(workload.step) == operators(build("infer").step)
    assert all(check.ok for check in workload.check())


def test_a_leak_keeps_what_each_step_returns(build):
    import gc

    def tensors():
        gc.collect()
        return sum(type(held) is torch.Tensor for held in gc.get_objects())

    leaking, sound = build("infer", "leak"), build("infer")
    for workload, kept in ((leaking, 4), (sound, 0)):
        workload.step()
        before = tensors()
        for _ in range(4):
            workload.step()
        assert tensors() - before == kept


def test_a_slowdown_adds_products_to_the_head_alone(build):
    shares = {0.5: build("infer", "slowdown", 0.5), 0.0: build("infer", "slowdown", 0.5, active=False)}
    counts = {share: operators(workload.step) for share, workload in shares.items()}
    assert counts[0.0] == operators(build("infer").step)
    assert counts[0.5] > counts[0.0] + 10


class Clock:
    """Thread time in which a step and a unit of work take what they are said to take."""

    def __init__(self):
        self.now_ns = 0

    def thread_time_ns(self):
        return self.now_ns

    def step(self):
        self.now_ns += 8_000_000

    def work(self, units):
        self.now_ns += 500 + 2_000 * units


@pytest.mark.parametrize(("share", "units"), [(0.05, 200), (0.03, 120), (0.5, 2000), (0.0, 0)])
def test_as_many_units_are_added_as_take_the_share(tmp_path, monkeypatch, share, units):
    (tmp_path / MODULE).write_bytes(TEMPLATE.read_bytes())
    (tmp_path / PLANTS).write_text("{}")
    spec = importlib.util.spec_from_file_location("planted_calibration", tmp_path / MODULE)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    # Behind a step, starting a block costs something too: it belongs to the slowdown.
    assert module.calibrate(clock.step, clock.work, share) == pytest.approx(units, abs=1)
