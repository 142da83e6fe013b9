from __future__ import annotations

import pytest
import torch

from scenarios.cnn import CNN
from scenarios.device import Settings, device
from scenarios.mnist import MnistTask, task

PHASES = ["train", "infer"]


class Moody(MnistTask):
    """Each model computes a little differently from the one before, as a faulty device would."""

    def __init__(self):
        super().__init__()
        self.made = 0

    def make_model(self):
        self.made += 1
        model = CNN()
        model.register_forward_hook(
            lambda _module, _inputs, output, made=self.made: output * (1 + made / 100)
        )
        return model


@pytest.mark.parametrize("phase", PHASES)
def test_the_cpu_agrees_with_itself(phase, failing):
    workload = device.build(Settings("cpu", phase), task)
    for _ in range(3):
        workload.step()
    checks = workload.check()
    assert len(checks) == 2
    assert failing(checks) == set()


@pytest.mark.parametrize("phase", PHASES)
def test_a_device_that_computes_something_else_fails(phase, failing):
    workload = device.build(Settings("cpu", phase), Moody())
    assert any(name.endswith("error_against_cpu") for name in failing(workload.check()))


def test_a_loss_that_is_nan_fails(nan_task, failing):
    workload = device.build(Settings(), nan_task)
    assert "loss_not_finite" in failing(workload.check())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("phase", PHASES)
def test_a_gpu_agrees_with_the_cpu(phase, failing):
    workload = device.build(Settings("cuda", phase), task)
    assert workload.step().device.type == "cuda"
    assert failing(workload.check()) == set()
