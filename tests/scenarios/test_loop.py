from __future__ import annotations

import contextlib
import copy

import pytest
import torch

from benchsuite import Skip, Task
from scenarios.cnn import CNN
from scenarios.loop import LoopSettings, make_loop
from scenarios.mnist import task


class ModelOnly(Task):
    name = "model only"

    def make_model(self):
        return CNN()

    def example_batch(self, size):
        return torch.zeros(size, 1, 28, 28), torch.zeros(size, dtype=torch.int64)


def test_a_training_step_is_one_step_of_gradient_descent():
    loop = make_loop(LoopSettings(batch_size=8), task)
    by_hand = copy.deepcopy(loop.model)
    for _ in range(2):
        loss = loop.step()
        expected = torch.nn.functional.cross_entropy(by_hand(loop.inputs), loop.target)
        gradients = torch.autograd.grad(expected, list(by_hand.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(by_hand.parameters(), gradients, strict=True):
                parameter.sub_(0.01 * gradient)
        torch.testing.assert_close(loss, expected.detach())
    for parameter, expected in zip(loop.model.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(parameter, expected)


def test_training_lowers_the_loss():
    loop = make_loop(LoopSettings(batch_size=32), task)
    losses = [loop.step().item() for _ in range(20)]
    assert losses[-1] < losses[0]


def test_inference_returns_the_models_output_without_gradients():
    loop = make_loop(LoopSettings(phase="infer", batch_size=8), task)
    output = loop.step()
    assert output.shape == (8, 10)
    assert output.is_inference()
    assert not loop.model.training
    assert loop.optimizers == ()
    assert all(parameter.grad is None for parameter in loop.model.parameters())


WITHOUT_NUMBERS = [
    {},
    {"data": "resident"},
    {"data": "host"},
    {"precision": "bf16-autocast"},
    {"precision": "bf16-weights"},
    {"channels_last": True},
    {"set_to_none": False},
    {"micro_batches": 2},
    {"checkpointing": True},
    {"optimizer_in_backward": True},
    {"weight_decay": 1e-2},
    *[{"optimizer_form": form} for form in ("loop", "foreach", "fused")],
    *[{"optimizer": "momentum", "optimizer_form": form} for form in ("loop", "foreach", "fused")],
    *[{"grad_mode": mode, "phase": "infer"} for mode in ("grad", "no_grad", "inference_mode")],
    {"eval_mode": False, "phase": "infer"},
    {"precision": "bf16-autocast", "channels_last": True, "phase": "infer"},
]
"""Changes of the plain loop; torch's Adam keeps its count of steps in host memory and reads it there."""


@pytest.fixture
def no_numbers(monkeypatch):
    """Return a context in which asking a tensor for a number is an error."""

    @contextlib.contextmanager
    def refusing():
        def refuse(*_, **__):
            raise AssertionError("this waits for the device")

        with monkeypatch.context() as patch:
            for name in ("item", "tolist", "cpu", "numpy", "__float__", "__int__", "__bool__"):
                patch.setattr(torch.Tensor, name, refuse)
            yield

    return refusing


@pytest.mark.parametrize("changes", WITHOUT_NUMBERS, ids=str)
def test_no_step_asks_for_a_number(changes, no_numbers):
    loop = make_loop(LoopSettings(batch_size=4).changed(changes), task)
    with no_numbers():
        for _ in range(2):
            loop.step()
    loop.feed.close()


@pytest.mark.parametrize("changes", [{"look_every": 1}, {"precision": "fp16-autocast"}], ids=str)
def test_steps_that_must_ask_for_a_number_do(changes, no_numbers):
    loop = make_loop(LoopSettings(batch_size=4).changed(changes), task)
    with no_numbers(), pytest.raises(AssertionError, match="waits for the device"):
        loop.step()


def test_training_skips_a_task_without_a_loss():
    with pytest.raises(Skip, match="task 'model only' has no loss"):
        make_loop(LoopSettings(), ModelOnly())
    assert make_loop(LoopSettings(phase="infer"), ModelOnly()).step().shape == (100, 10)


def test_compiling_fixes_the_shapes(monkeypatch):
    asked = []

    def record(function, **options):
        asked.append(options)
        return function

    monkeypatch.setattr(torch, "compile", record)
    for phase in ("train", "infer"):
        make_loop(LoopSettings(phase=phase, batch_size=2, compile_mode="max-autotune"), task).step()
    assert asked == [{"mode": "max-autotune", "dynamic": False}] * 2


@pytest.fixture
def _rounding_to_tf32():
    """Begin with both of torch's flags on, and leave them as they were."""
    flags = [torch.backends.cuda.matmul, torch.backends.cudnn]
    before = [flag.allow_tf32 for flag in flags]
    for flag in flags:
        flag.allow_tf32 = True
    yield
    for flag, value in zip(flags, before, strict=True):
        flag.allow_tf32 = value


@pytest.mark.usefixtures("_rounding_to_tf32")
def test_on_cuda_float32_means_float32(monkeypatch):
    monkeypatch.setattr(torch.nn.Module, "to", lambda self, _: self)
    monkeypatch.setattr(torch.Tensor, "to", lambda self, *_: self)
    make_loop(LoopSettings(phase="infer", device="cuda", batch_size=2), ModelOnly())
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32


CONFLICTS = {
    "scaler": (
        LoopSettings(device="cuda", precision="fp16-autocast", optimizer_in_backward=True),
        "fp16 scaler",
    ),
    "micro-batches": (LoopSettings(micro_batches=4, optimizer_in_backward=True), "cannot add up"),
    "inference": (LoopSettings(device="cuda", phase="infer", graph_steps=1), "that of a training step"),
    "numbers": (LoopSettings(device="cuda", look_every=1, graph_steps=1), "asks for a number"),
    "state": (LoopSettings(device="cuda", optimizer="adam", graph_steps=1), "plain SGD alone has none"),
    "checkpoints": (LoopSettings(device="cuda", checkpointing=True, graph_steps=1), "random numbers"),
    "two graphs": (LoopSettings(device="cuda", compile_mode="reduce-overhead", graph_steps=1), "do not nest"),
    "autotuned": (LoopSettings(device="cuda", compile_mode="max-autotune", graph_steps=1), "do not nest"),
    "added up": (LoopSettings(device="cuda", compile_mode="max-autotune", micro_batches=4), "add up"),
}


@pytest.mark.parametrize(("settings", "why"), CONFLICTS.values(), ids=CONFLICTS)
def test_settings_that_do_not_go_together_are_skipped_with_the_reason(settings, why):
    assert why in settings.conflict
    with pytest.raises(Skip, match=why):
        make_loop(settings, task)


def test_settings_are_changed_by_name():
    assert LoopSettings().changed({"data": "memory", "threads": 2}) == LoopSettings(data="memory", threads=2)
    assert LoopSettings(device="cuda", graph_steps=10).conflict == ""
    assert LoopSettings(compile_mode="max-autotune", micro_batches=4).conflict == ""
    assert LoopSettings(device="cuda", compile_mode="default", micro_batches=4, graph_steps=1).conflict == ""
    assert LoopSettings(graph_steps=10).items_per_step == 1000
    with pytest.raises(TypeError):
        LoopSettings().changed({"colour": "red"})
