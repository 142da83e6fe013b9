from __future__ import annotations

import dataclasses
import math

import pytest
import torch

import scenarios.memory_saving
from scenarios import loop as shared
from scenarios import steps
from scenarios.cnn import CNN
from scenarios.loop import LoopSettings, make_loop
from scenarios.memory_saving import CHANGES, Settings, changes, memory_saving, observed
from scenarios.mnist import MnistTask, task
from scenarios.observe import operators_of

ERROR = "update_error_against_plain_loop"
OTHERS = [technique for technique in CHANGES if technique != "plain"]
ACTING = {
    "kept-gradients": "gradients_kept_between_steps",
    "micro-batches": "forward_passes_of_a_step",
    "checkpointing": "operators_computed_again",
    "optimizer-in-backward": "gradients_after_a_step",
}


class DropoutTask(MnistTask):
    def make_model(self):
        return torch.nn.Sequential(CNN(), torch.nn.Dropout())


def small(technique="plain"):
    return Settings(technique, batch_size=16)


@pytest.fixture
def use(monkeypatch):
    """Return a function that changes the settings of the loop that is measured, and of no other."""

    def install(**fields):
        right = scenarios.memory_saving.loop_settings
        monkeypatch.setattr(
            scenarios.memory_saving,
            "loop_settings",
            lambda settings: dataclasses.replace(right(settings), **fields),
        )

    return install


@pytest.mark.parametrize("technique", CHANGES)
def test_each_technique_acts_and_trains_as_the_plain_loop(technique, failing):
    workload = memory_saving.build(small(technique), task)
    assert workload.items_per_step == 16
    for _ in range(3):
        workload.step()
    checks = workload.check()
    assert failing(checks) == set()
    assert technique == "plain" or ACTING[technique] in {check.name for check in checks}


@pytest.mark.parametrize("technique", OTHERS)
def test_a_technique_that_is_not_in_use_fails(technique, failing, monkeypatch):
    monkeypatch.setitem(CHANGES, technique, {})
    assert ACTING[technique] in failing(memory_saving.build(small(technique), task).check())


@pytest.mark.parametrize("technique", ["plain", "micro-batches", "checkpointing", "optimizer-in-backward"])
def test_gradients_that_are_kept_beside_a_technique_fail(technique, failing, use):
    use(set_to_none=False, optimizer_in_backward=False)
    assert "gradients_not_freed" in failing(memory_saving.build(small(technique), task).check())


def test_gradients_that_pile_up_fail(failing, monkeypatch):
    # The plain loop of the check has the fault too, so that nothing but this tells.
    monkeypatch.setattr(torch.optim.SGD, "zero_grad", lambda *_, **__: None)
    checks = memory_saving.build(small("kept-gradients"), task).check()
    assert failing(checks) == {"gradients_not_zeroed"}


def test_parts_that_are_not_weighted_fail(failing, monkeypatch):
    right = steps._backward

    def unweighted(compute, scaler, micro_batches):
        scale = 1 if micro_batches == 1 else micro_batches
        return right(lambda inputs, target: compute(inputs, target) * scale, scaler, micro_batches)

    monkeypatch.setattr(steps, "_backward", unweighted)
    assert failing(memory_saving.build(small("micro-batches"), task).check()) == {ERROR}


def test_too_few_parts_fail(failing, use):
    use(micro_batches=2)
    checks = memory_saving.build(small("micro-batches"), task).check()
    assert failing(checks) == {"forward_passes_of_a_step"}


def test_another_learning_rate_fails(failing, monkeypatch):
    right = shared.step_in_backward
    monkeypatch.setattr(
        shared, "step_in_backward", lambda model, _: right(model, lambda p: torch.optim.SGD(p, lr=0.0101))
    )
    assert failing(memory_saving.build(small("optimizer-in-backward"), task).check()) == {ERROR}


def test_checkpointing_computes_each_convolution_twice():
    plain, again = (make_loop(LoopSettings(batch_size=4, checkpointing=on), task) for on in (False, True))
    name = "aten.convolution.default"
    assert (operators_of(plain.step)[name], operators_of(again.step)[name]) == (2, 4)


def test_checkpointing_keeps_less_between_the_passes():
    def kept_bytes(*, checkpointing):
        """Return the bytes of the activations that are kept for the backward pass."""
        kept = []
        loop = make_loop(LoopSettings(batch_size=64, checkpointing=checkpointing), task)

        def note(tensor):
            kept.append(tensor.nbytes)
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            loop.model(loop.inputs)
        return sum(kept)

    assert kept_bytes(checkpointing=True) < 0.3 * kept_bytes(checkpointing=False)


def test_what_is_observed_of_a_plain_step():
    seen = observed(make_loop(LoopSettings(batch_size=4), task))
    assert (seen.forward_passes, seen.held_in_forward, seen.held_after) == (1, 0, 8)


@pytest.mark.parametrize("technique", CHANGES)
def test_dropout_is_no_fault(technique, failing):
    assert failing(memory_saving.build(small(technique), DropoutTask()).check()) == set()


def test_a_model_of_plain_layers_may_be_checkpointed(failing):
    class Perceptron(MnistTask):
        def make_model(self):
            return torch.nn.Sequential(
                torch.nn.Flatten(), torch.nn.Linear(784, 16), torch.nn.ReLU(), torch.nn.Linear(16, 10)
            )

    assert failing(memory_saving.build(small("checkpointing"), Perceptron()).check()) == set()


def test_a_loss_that_is_nan_fails(nan_task, failing):
    checks = memory_saving.build(small(), nan_task).check()
    assert failing(checks) == {"loss_not_finite", ERROR}
    assert all(math.isfinite(check.limit) for check in checks)


def test_the_batch_size_is_no_change():
    assert changes(Settings("checkpointing")) == {"checkpointing": True}
    assert changes(Settings()) == {}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("technique", CHANGES)
def test_each_technique_on_a_gpu(technique, failing):
    workload = memory_saving.build(Settings(technique, 64, "cuda"), task)
    for _ in range(3):
        workload.step()
    assert failing(workload.check()) == set()
