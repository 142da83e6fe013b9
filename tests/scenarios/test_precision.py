from __future__ import annotations

import contextlib

import pytest
import torch

from benchsuite import Skip, Task
from benchsuite.environment import unmet
from scenarios import numerics, short_training, steps
from scenarios.cnn import CNN
from scenarios.loop import LoopSettings
from scenarios.mnist import MnistTask, task
from scenarios.precision import Settings, changes, loop_settings, precision

PHASES = ["train", "infer"]
ON_CPU = ["fp32", "bf16-autocast", "bf16-weights"]


class DropoutTask(MnistTask):
    def make_model(self):
        return torch.nn.Sequential(CNN(), torch.nn.Dropout())


class WithoutMetrics(Task):
    name = "no metrics"

    def make_model(self):
        return CNN()

    def example_batch(self, size):
        return task.example_batch(size)

    def loss(self, output, target):
        return task.loss(output, target)


class Coarse(CNN):
    """Bends its output wherever that comes in fewer bits."""

    def forward(self, images):
        logits = super().forward(images)
        return logits if logits.dtype == torch.float32 else logits * 1.5


class CoarseTask(WithoutMetrics):
    def make_model(self):
        return Coarse()


class LargeLoss(WithoutMetrics):
    """Its gradients, times the scaler's first factor, do not fit into fp16."""

    def loss(self, output, target):
        return task.loss(output, target) * 1e4


@pytest.fixture
def _flags():
    before = numerics.tf32_flags()
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("name", [*ON_CPU, "fp16-autocast"])
def test_each_format_does_nearly_the_same(name, phase, failing):
    workload = precision.build(Settings(name, phase), WithoutMetrics())
    for _ in range(2):
        workload.step()
    checks = workload.check()
    assert len(checks) == (4 if phase == "train" else 3)
    assert failing(checks) == set()
    assert workload.metrics == ({"skipped_steps": 0} if (name, phase) == ("fp16-autocast", "train") else {})


@pytest.mark.slow
@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("name", ON_CPU)
def test_each_format_learns_as_well(name, phase, failing):
    workload = precision.build(Settings(name, phase), DropoutTask())
    checks = workload.check()
    assert failing(checks) == set()
    assert ("accuracy_lost_against_fp32" in {check.name for check in checks}) == (name != "fp32")
    assert workload.metrics["accuracy"] > 0.6


@pytest.mark.parametrize("phase", PHASES)
def test_autocast_that_is_not_on_fails(phase, failing, monkeypatch):
    monkeypatch.setattr(numerics, "autocast", lambda *_: contextlib.nullcontext())
    workload = precision.build(Settings("bf16-autocast", phase), WithoutMetrics())
    assert failing(workload.check()) == {"outputs_in_bfloat16"}


@pytest.mark.parametrize("phase", PHASES)
def test_float32_that_is_not_float32_fails(phase, failing, monkeypatch):
    monkeypatch.setattr(
        "scenarios.precision.loop_settings",
        lambda settings: LoopSettings(phase=settings.phase, precision="bf16-autocast"),
    )
    failed = failing(precision.build(Settings("fp32", phase), WithoutMetrics()).check())
    assert failed >= {"outputs_shorter_than_float32"}


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("name", ["bf16-autocast", "bf16-weights"])
def test_a_format_that_bends_the_output_fails(name, phase, failing):
    failed = failing(precision.build(Settings(name, phase), CoarseTask()).check())
    assert failed & {"gradient_error_against_fp32", "output_error_against_fp32"}


def test_a_loss_that_is_off_fails(failing):
    class OffTask(WithoutMetrics):
        def loss(self, output, target):
            return super().loss(output, target) + (0.1 if output.dtype == torch.bfloat16 else 0)

    failed = failing(precision.build(Settings("bf16-autocast"), OffTask()).check())
    assert failed == {"loss_error_against_fp32"}


def test_gradients_that_are_not_scaled_back_fail(failing, monkeypatch):
    monkeypatch.setattr(steps, "_update", lambda optimizer, scaler: optimizer.step())
    failed = failing(precision.build(Settings("fp16-autocast"), WithoutMetrics()).check())
    assert "gradient_error_against_fp32" in failed


def test_a_format_in_which_nothing_is_learnt_fails(failing, monkeypatch):
    make_loop = short_training.make_loop

    def swallow_updates(settings, task):
        trains = settings.precision == "fp32"
        return make_loop(settings if trains else settings.changed({"optimizer": "sgd"}), task)

    monkeypatch.setattr(short_training, "make_loop", swallow_updates)
    workload = precision.build(Settings("bf16-weights"), task)
    assert failing(workload.check()) == {"accuracy_lost_against_fp32"}
    assert workload.metrics["accuracy"] < 0.3


def test_steps_that_the_scaler_skips_are_counted(failing):
    workload = precision.build(Settings("fp16-autocast"), LargeLoss())
    for _ in range(3):
        workload.step()
    assert failing(workload.check()) == set()
    assert workload.metrics == {"skipped_steps": 3}


def test_a_loss_that_is_nan_fails(nan_task, failing, monkeypatch):
    monkeypatch.setattr("scenarios.precision.examples", lambda task: None)
    failed = failing(precision.build(Settings("bf16-autocast"), nan_task).check())
    assert failed == {"loss_not_finite", "loss_error_against_fp32", "gradient_error_against_fp32"}


@pytest.mark.parametrize(("name", "reason"), [("tf32", "tensor cores"), ("fp16-autocast", "meant for GPUs")])
def test_what_a_cpu_does_not_do_is_said(name, reason):
    (requirement,) = precision.requires(Settings(name))
    assert reason in unmet(requirement)


@pytest.mark.parametrize("name", ["tf32", "bf16-autocast", "bf16-weights"])
def test_a_gpu_without_the_format_is_skipped(name, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (7, 5))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Tesla T4")
    with pytest.raises(Skip, match=r"Tesla T4 \(compute capability 7.5\) has no TF32 and no bfloat16"):
        precision.build(Settings(name, device="cuda"), task)


@pytest.mark.usefixtures("_flags")
@pytest.mark.parametrize("name", ["fp32", "tf32"])
@pytest.mark.parametrize("rounded", ["fp32", "tf32"])
def test_flags_that_say_something_else_fail(name, rounded, failing):
    from scenarios.precision import _tf32_as_asked

    numerics.set_tf32(rounded)
    checks = _tf32_as_asked(Settings(name, device="cuda"))
    assert failing(checks) == (set() if name == rounded else {"tf32_flags_wrong"})


def test_the_format_is_all_that_is_changed():
    for settings in precision.variants:
        plain = LoopSettings(phase=settings.phase, device=settings.device)
        if changed := changes(settings):
            assert loop_settings(settings) == plain.changed(changed)
        else:
            assert (settings.precision, settings.phase) == ("bf16-weights", "train")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.usefixtures("_flags")
@pytest.mark.parametrize("settings", [s for s in precision.variants if s.device == "cuda"])
def test_each_format_learns_as_well_on_a_gpu(settings, failing):
    workload = precision.build(settings, task)
    for _ in range(3):
        workload.step()
    assert failing(workload.check()) == set()
    assert workload.metrics["accuracy"] > 0.6
