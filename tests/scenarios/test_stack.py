from __future__ import annotations

import pytest
import torch

from benchsuite import CUDA, CXX_COMPILER, ProcessSpec
from benchsuite.environment import unmet
from benchsuite.scenario import settings_values
from scenarios.loop import ALLOCATORS, WAIT_POLICIES, LoopSettings
from scenarios.mnist import task
from scenarios.stack import Settings, requires, stack

TOGETHER = {
    "memory": Settings(data="memory"),
    "memory, fused": Settings(data="memory", optimizer_form="fused"),
    "memory, fused, channels last": Settings(data="memory", optimizer_form="fused", channels_last=True),
    "memory, bf16": Settings(data="memory", precision="bf16-autocast"),
    "memory, in backward": Settings(data="memory", optimizer_in_backward=True, set_to_none=True),
}


@pytest.mark.parametrize("settings", [Settings(), *TOGETHER.values()], ids=["reference", *TOGETHER])
def test_a_combination_does_what_the_plain_loop_does(settings, failing):
    workload = stack.build(settings, task)
    for _ in range(2):
        workload.step()
    checks = workload.check()
    workload.close()
    assert [check.name for check in checks] == ["loss_not_finite", "update_error_against_plain_loop"]
    assert failing(checks) == set()


def test_a_combination_that_learns_something_else_fails(failing, monkeypatch):
    workload = stack.build(Settings(data="memory", optimizer_form="fused"), task)
    real = torch.optim.SGD.step

    def too_far(self, *arguments, **options):
        for group in self.param_groups:
            group["lr"] = 0.0101 if group["fused"] else 0.01
        return real(self, *arguments, **options)

    monkeypatch.setattr(torch.optim.SGD, "step", too_far)
    assert failing(workload.check()) == {"update_error_against_plain_loop"}


def test_the_baseline_is_the_loop_that_everybody_writes_first():
    (reference, on_cuda) = stack.described()
    assert reference.baseline
    assert on_cuda.baseline
    plain = settings_values(LoopSettings())
    changed = {k: v for k, v in reference.settings.items() if plain[k] != v}
    # Nothing is set: threads spin and memory goes back as they do by default.
    assert changed == {"data": "images", "wait_policy": "default", "allocator": "default"}
    assert not reference.process.keeps_freed_memory
    assert reference.settings["workers"] == 0


def test_settings_that_do_not_go_together_are_never_combined():
    clash = Settings(optimizer_in_backward=True, micro_batches=4)
    assert any("cannot add up" in (unmet(requirement) or "") for requirement in requires(clash))
    assert requires(Settings()) == []


def test_a_combination_needs_what_its_parts_need():
    assert requires(Settings(device="cuda", compile_mode="default")) == [CUDA, CXX_COMPILER]
    process = stack.process(
        Settings(threads=1, compile_mode="default", wait_policy="passive", allocator="keeping")
    )
    assert process == ProcessSpec(
        env=WAIT_POLICIES["passive"] + ALLOCATORS["keeping"],
        threads=1,
        own_compile_cache=True,
        keeps_freed_memory=False,
    )
