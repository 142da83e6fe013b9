from __future__ import annotations

import math

import pytest
import torch
from torch._dynamo.utils import counters

from benchsuite.environment import unmet
from scenarios.cnn import CNN
from scenarios.compile import TOLERANCE, Settings, compile  # noqa: A004 - the scenario's name
from scenarios.mnist import MnistTask, task

PHASES = ["train", "infer"]


class DropoutTask(MnistTask):
    def make_model(self):
        return torch.nn.Sequential(CNN(), torch.nn.Dropout())


@pytest.fixture
def _uncompiled():
    """Forget what was compiled before, in this process and on disk."""
    torch.compiler.reset()
    counters.clear()


@pytest.fixture
def compiler(monkeypatch):
    """Return a function that puts another in the place of torch.compile."""

    def install(replacement):
        counters.clear()
        monkeypatch.setattr(torch, "compile", replacement)

    return install


@pytest.mark.parametrize("phase", PHASES)
def test_eager_is_its_own_reference(phase, failing):
    workload = compile.build(Settings("eager", phase), task)
    for _ in range(5):
        workload.step()
    checks = workload.check()
    assert len(checks) == 2
    assert failing(checks) == set()


@pytest.mark.parametrize("phase", PHASES)
def test_reduce_overhead_does_not_apply_on_a_cpu(phase):
    (requirement,) = compile.requires(Settings("reduce-overhead", phase))
    assert "CUDA graphs" in unmet(requirement)


@pytest.mark.parametrize("phase", PHASES)
def test_a_compiler_that_computes_something_else_fails(phase, failing, compiler):
    def wrong_by_a_permille(function, **_options):
        return lambda *tensors: function(*tensors) * 1.001

    compiler(wrong_by_a_permille)
    workload = compile.build(Settings("default", phase), task)
    workload.step()
    failed = failing(workload.check())
    assert failed == {f"{'update' if phase == 'train' else 'output'}_error_against_eager", "compiled_graphs"}


def test_a_compiler_that_compiles_nothing_fails(failing, compiler):
    compiler(lambda function, **_options: function)
    workload = compile.build(Settings("default", "infer"), task)
    workload.step()
    assert failing(workload.check()) == {"compiled_graphs"}


def test_a_loss_that_is_nan_fails(nan_task, failing):
    checks = compile.build(Settings(), nan_task).check()
    assert failing(checks) == {"loss_not_finite", "update_error_against_eager"}
    assert all(math.isfinite(check.limit) for check in checks)


def test_dropout_is_no_fault(failing):
    workload = compile.build(Settings(), DropoutTask())
    workload.step()
    checks = workload.check()
    assert failing(checks) == set()
    assert checks[1].limit == TOLERANCE, "random layers rest"


@pytest.mark.slow
@pytest.mark.usefixtures("_uncompiled")
@pytest.mark.parametrize("phase", PHASES)
def test_the_default_mode_equals_eager(phase, failing):
    workload = compile.build(Settings("default", phase), task)
    for _ in range(5):
        workload.step()
    checks = workload.check()
    assert len(checks) == 3
    assert failing(checks) == set()


@pytest.mark.slow
@pytest.mark.usefixtures("_uncompiled")
def test_compiled_dropout_is_no_fault(failing):
    workload = compile.build(Settings("default"), DropoutTask())
    workload.step()
    assert failing(workload.check()) == set()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.slow
@pytest.mark.usefixtures("_uncompiled")
@pytest.mark.parametrize("mode", ["default", "reduce-overhead", "max-autotune"])
@pytest.mark.parametrize("phase", PHASES)
def test_compiled_on_a_gpu_equals_eager(mode, phase, failing):
    workload = compile.build(Settings(mode, phase, "cuda"), task)
    for _ in range(5):
        workload.step()
    assert failing(workload.check()) == set()
