"""The gate's planted slowdown is the share that it says, on steps that wait for launches and on such that wait for the GPU."""

from __future__ import annotations

import gc
import importlib.util
import json
import sys

import event_timer
import pytest
import torch

from benchsuite.gate.self_test.plan import WORK, variant_id
from benchsuite.gate.self_test.project import MODULES, PLANTS, TEMPLATE
from scenarios.mnist import MnistTask

pytestmark = pytest.mark.usefixtures("gpu")
MIB = 2**20


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Return a function that builds the workload of copy 0 on a GPU with a plant."""
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in MODULES:
        (tmp_path / name).write_bytes(TEMPLATE.with_name(name).read_bytes())

    def build(work, kind="none", share=0.0, *, active=True):
        plants = {variant_id(work, 0, "cuda"): {"kind": kind, "share": share, "active": active}}
        (tmp_path / PLANTS).write_text(json.dumps(plants if kind != "none" else {}))
        spec = importlib.util.spec_from_file_location("planted_on_gpu", tmp_path / MODULES[0])
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        monkeypatch.delitem(sys.modules, "gpu_slowdown", raising=False)
        spec.loader.exec_module(module)
        torch.manual_seed(0)
        return getattr(module, work).build(module.Settings(device="cuda"), MnistTask())

    return build


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize(("share", "tolerance"), [(0.03, 0.015), (0.2, 0.04)])
def test_a_step_is_slower_by_the_planted_share(build, work, share, tolerance):
    slow, sound = build(work, "slowdown", share).step, build(work, "slowdown", share, active=False).step
    for step in (slow, sound):
        for _ in range(20):
            step()
    count = event_timer.steps_in(sound)
    ratio = event_timer.median_ratio(
        lambda: event_timer.wall_ns(slow, count), lambda: event_timer.wall_ns(sound, count), rounds=41
    )
    assert ratio - 1 == pytest.approx(share, abs=tolerance)


@pytest.mark.parametrize("work", WORK)
def test_only_a_planted_check_fails(build, work):
    for kind in ("none", "check"):
        workload = build(work, kind)
        for _ in range(3):
            workload.step()
        assert all(check.ok for check in workload.check()) == (kind == "none")


def test_the_planted_memory_is_a_mebibyte_on_the_gpu(build):
    found = {}
    for active in (False, True):
        workload = build("train_small", "cuda_memory", active=active)
        for _ in range(3):
            workload.step()
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        workload.step()
        found[active] = torch.cuda.max_memory_allocated() - found.get(False, 0)
        del workload
        gc.collect()
        torch.cuda.empty_cache()
    assert found[True] == MIB
