from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchsuite import Skip
from scenarios.cnn import CNN
from scenarios.layout import TOLERANCE, Settings, changes, in_layout, layout, layout_of, loop_settings
from scenarios.loop import LoopSettings, make_loop
from scenarios.mnist import MnistTask, task

PHASES = ["train", "infer"]
FORMATS = ["contiguous", "channels_last"]
ALTERED = "scenarios.layout.loop_settings"


class DropoutTask(MnistTask):
    def make_model(self):
        model = CNN()
        model.block1 = torch.nn.Sequential(model.block1, torch.nn.Dropout())
        return model


class FlatTask(MnistTask):
    def make_model(self):
        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("memory_format", FORMATS)
def test_both_layouts_do_the_same(memory_format, phase, failing):
    workload = layout.build(Settings(memory_format, phase), task)
    for _ in range(3):
        workload.step()
    checks = workload.check()
    assert len(checks) == 3
    assert failing(checks) == set()
    assert checks[2].limit == 1e-4


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("memory_format", FORMATS)
def test_a_loop_in_the_other_layout_fails(memory_format, phase, failing, monkeypatch):
    def other(settings):
        return LoopSettings(phase=settings.phase, channels_last=settings.memory_format == "contiguous")

    monkeypatch.setattr(ALTERED, other)
    workload = layout.build(Settings(memory_format, phase), task)
    assert failing(workload.check()) == {f"first_convolution_is_{memory_format}"}


def test_the_layout_of_images_of_one_channel_proves_nothing(failing, monkeypatch):
    monkeypatch.setattr(ALTERED, lambda settings: LoopSettings(phase=settings.phase))
    workload = layout.build(Settings("channels_last"), task)
    left_as_they_were = make_loop(LoopSettings(), task).inputs
    assert left_as_they_were.is_contiguous(memory_format=torch.channels_last)
    assert layout_of(left_as_they_were) == "both"
    assert failing(workload.check()) == {"first_convolution_is_channels_last"}


@pytest.mark.parametrize("phase", PHASES)
def test_a_layout_that_computes_something_else_fails(phase, failing):
    class Confused(CNN):
        def forward(self, images):
            logits = super().forward(images)
            converted = layout_of(self.block2.conv.weight) == "channels_last"
            return logits * 1.01 if converted else logits

    class ConfusedTask(MnistTask):
        def make_model(self):
            return Confused()

    assert failing(layout.build(Settings("contiguous", phase), ConfusedTask()).check()) == set()
    failed = failing(layout.build(Settings("channels_last", phase), ConfusedTask()).check())
    assert failed == {f"{'update' if phase == 'train' else 'output'}_error_against_contiguous"}


def test_a_loop_that_trains_otherwise_fails(failing, monkeypatch):
    def with_momentum(settings):
        return dataclasses.replace(loop_settings(settings), optimizer="momentum")

    monkeypatch.setattr(ALTERED, with_momentum)
    failed = failing(layout.build(Settings("channels_last"), task).check())
    assert failed == {"update_error_against_contiguous"}


def test_dropout_is_no_fault(failing):
    checks = layout.build(Settings("channels_last"), DropoutTask()).check()
    assert failing(checks) == set()
    assert checks[2].limit == TOLERANCE, "random layers rest"


def test_a_loss_that_is_nan_fails(nan_task, failing):
    checks = layout.build(Settings("channels_last"), nan_task).check()
    assert failing(checks) == {"loss_not_finite", "update_error_against_contiguous"}


def test_a_model_without_convolutions_is_skipped():
    with pytest.raises(Skip, match="'MNIST CNN' has no Conv2d"):
        layout.build(Settings(), FlatTask())


def test_looking_at_the_layout_leaves_no_hook_behind():
    loop = make_loop(LoopSettings(channels_last=True, batch_size=2), task)
    assert in_layout("channels_last", loop).ok
    assert not any(module._forward_hooks for module in loop.model.modules())


@given(st.tuples(*[st.integers(2, 4)] * 4))
def test_with_several_channels_and_pixels_the_layouts_differ(shape):
    tensor = torch.zeros(shape)
    assert layout_of(tensor) == "contiguous"
    assert layout_of(tensor.to(memory_format=torch.channels_last)) == "channels_last"
    assert layout_of(tensor.transpose(0, 1)) == "neither"


def test_the_layout_is_all_that_is_changed():
    for settings in layout.variants:
        plain = LoopSettings(phase=settings.phase, device=settings.device)
        assert loop_settings(settings) == plain.changed(changes(settings))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("settings", [s for s in layout.variants if s.device == "cuda"])
def test_both_layouts_do_the_same_on_a_gpu(settings, failing):
    workload = layout.build(settings, task)
    for _ in range(3):
        workload.step()
    assert failing(workload.check()) == set()
