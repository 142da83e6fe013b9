from __future__ import annotations

import dataclasses

import pytest
import torch

from scenarios.cnn import CNN
from scenarios.grad_mode import Settings, changes, grad_mode, loop_settings
from scenarios.loop import LoopSettings
from scenarios.mnist import MnistTask, task

ON_CPU = [settings for settings in grad_mode.variants if settings.device == "cpu"]
MODES = ["grad", "no_grad", "inference_mode"]


class DropoutTask(MnistTask):
    def make_model(self):
        return torch.nn.Sequential(CNN(), torch.nn.BatchNorm1d(10), torch.nn.Dropout())


class FrozenTask(MnistTask):
    def make_model(self):
        return CNN().requires_grad_(requires_grad=False)


class AttentionTask(MnistTask):
    def make_model(self):
        layer = torch.nn.TransformerEncoderLayer(28, 4, 32, batch_first=True)
        return torch.nn.Sequential(
            torch.nn.Flatten(1, 2), layer, torch.nn.Flatten(), torch.nn.Linear(784, 10)
        )


@pytest.fixture
def altered(monkeypatch):
    """Return a function that has the scenario run a loop with other settings than it says."""

    def install(**fields):
        monkeypatch.setattr(
            "scenarios.grad_mode.loop_settings",
            lambda settings: dataclasses.replace(loop_settings(settings), **fields),
        )

    return install


@pytest.mark.parametrize("model", [task, DropoutTask(), FrozenTask(), AttentionTask()])
@pytest.mark.parametrize("settings", ON_CPU)
def test_every_mode_gives_the_same_logits(settings, model, failing):
    workload = grad_mode.build(settings, model)
    for _ in range(2):
        workload.step()
    checks = workload.check()
    assert len(checks) == 3
    assert failing(checks) == set()


def test_but_for_attention_the_same_means_bit_by_bit():
    limits = {model: grad_mode.build(Settings(), model).check()[1].limit for model in (task, AttentionTask())}
    assert list(limits.values()) == [0, 1e-5]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("other", MODES)
def test_another_mode_than_promised_fails(mode, other, failing, altered):
    altered(grad_mode=other)
    failed = failing(grad_mode.build(Settings(mode), task).check())
    assert failed == (set() if mode == other else {"output_not_as_mode_promises"})


@pytest.mark.parametrize("eval_mode", [True, False])
def test_a_model_in_the_other_mode_fails(eval_mode, failing, altered):
    altered(eval_mode=not eval_mode)
    failed = failing(grad_mode.build(Settings(eval_mode=eval_mode), DropoutTask()).check())
    assert failed == {"output_error_against_plain_forward"}


@pytest.mark.parametrize("mode", ["no_grad", "inference_mode"])
def test_logits_that_differ_in_the_last_bit_fail(mode, failing):
    class Shortcut(CNN):
        def forward(self, images):
            logits = super().forward(images)
            return logits if torch.is_grad_enabled() else logits * (1 + torch.finfo(torch.float32).eps)

    class ShortcutTask(MnistTask):
        def make_model(self):
            return Shortcut()

    assert failing(grad_mode.build(Settings(), ShortcutTask()).check()) == set()
    failed = failing(grad_mode.build(Settings(mode), ShortcutTask()).check())
    assert failed == {"output_error_against_plain_forward"}


def test_an_output_that_is_nan_fails(failing):
    class NanTask(MnistTask):
        def make_model(self):
            model = CNN()
            torch.nn.init.constant_(model.head.fc2.bias, float("nan"))
            return model

    failed = failing(grad_mode.build(Settings(), NanTask()).check())
    assert failed == {"output_not_finite", "output_error_against_plain_forward"}


def test_the_settings_are_those_of_an_inference_loop():
    for settings in grad_mode.variants:
        plain = LoopSettings(phase="infer", device=settings.device)
        assert loop_settings(settings).phase == "infer"
        if settings.eval_mode:
            assert loop_settings(settings) == plain.changed(changes(settings))


def test_a_model_in_training_mode_does_other_work():
    assert changes(Settings(eval_mode=False)) == {}
    baselines = [variant for variant in grad_mode.described() if variant.baseline]
    assert [variant.changes for variant in baselines] == [{"grad_mode": "grad"}] * 2


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("settings", [s for s in grad_mode.variants if s.device == "cuda"])
def test_every_mode_gives_the_same_logits_on_a_gpu(settings, failing):
    assert failing(grad_mode.build(settings, task).check()) == set()
