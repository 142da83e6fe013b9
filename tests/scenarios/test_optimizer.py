from __future__ import annotations

import math

import pytest
import torch

import scenarios.loop
import scenarios.optimizer
from benchsuite import Skip
from scenarios.cnn import CNN
from scenarios.mnist import MnistTask, task
from scenarios.optimizer import Settings, changes, form_of, optimizer
from scenarios.optimizers import CLASSES, make_optimizer

FORMS = ["loop", "foreach", "fused"]
APART = "float32_parameter_error_against_loop_form"
ERROR = "float32_parameter_error_against_definition"
SETTINGS = [Settings(name, form) for name in CLASSES for form in FORMS]
SETTINGS += [Settings(penalty=penalty) for penalty in ("l2", "l1")]


@pytest.fixture
def make(monkeypatch):
    """Return a function that puts another in the place of the one that makes optimizers."""

    def install(replacement):
        monkeypatch.setattr(scenarios.loop, "make_optimizer", replacement)

    return install


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_each_variant_follows_its_definition(settings, failing):
    workload = optimizer.build(settings, task)
    for _ in range(5):
        workload.step()
    checks = workload.check()
    assert len(checks) == 3
    assert failing(checks) == set()
    assert workload.items_per_step == 1


def test_these_are_all_variants_on_a_cpu():
    assert [settings for settings in optimizer.variants if settings.device == "cpu"] == SETTINGS


@pytest.mark.parametrize("name", CLASSES)
def test_a_wrong_learning_rate_fails(name, failing, monkeypatch):
    class_name, options = CLASSES[name]
    monkeypatch.setitem(CLASSES, name, (class_name, {**options, "lr": options["lr"] * 1.001}))
    assert failing(optimizer.build(Settings(name), task).check()) == {ERROR}


@pytest.mark.parametrize("form", FORMS)
def test_a_wrong_momentum_fails(form, failing, monkeypatch):
    monkeypatch.setitem(CLASSES, "momentum", ("SGD", {"lr": 0.01, "momentum": 0.89}))
    assert failing(optimizer.build(Settings("momentum", form), task).check()) == {ERROR}


@pytest.mark.parametrize(
    "settings", [Settings(penalty="l2"), *(Settings("adamw", form) for form in FORMS)], ids=str
)
def test_a_weight_decay_of_the_wrong_sign_fails(settings, failing, make):
    def wrong(parameters, name, form, **options):
        made = make_optimizer(parameters, name, form, **options)
        for group in made.param_groups:
            group["weight_decay"] = -group["weight_decay"]
        return made

    make(wrong)
    assert failing(optimizer.build(settings, task).check()) == {ERROR, APART}


def test_an_l1_penalty_of_the_wrong_sign_fails(failing, monkeypatch):
    right = torch.autograd.grad
    monkeypatch.setattr(torch.autograd, "grad", lambda *given: [-gradient for gradient in right(*given)])
    assert failing(optimizer.build(Settings(penalty="l1"), task).check()) == {ERROR}


@pytest.mark.parametrize("name", CLASSES)
def test_a_form_that_ends_apart_from_the_loop_fails(name, failing, make):
    def a_little_faster(parameters, name, form, **options):
        made = make_optimizer(parameters, name, form, **options)
        for group in made.param_groups:
            group["lr"] *= 1.01
        return made

    make(a_little_faster)
    assert APART in failing(optimizer.build(Settings(name, "fused"), task).check())


@pytest.mark.parametrize("asked", FORMS)
@pytest.mark.parametrize("name", CLASSES)
def test_another_form_than_the_one_asked_for_fails(name, asked, failing, make):
    other = FORMS[FORMS.index(asked) - 1]
    make(lambda parameters, _name, _form, **options: make_optimizer(parameters, name, other, **options))
    assert failing(optimizer.build(Settings(name, asked), task).check()) == {"runs_in_the_form_asked_for"}


def test_a_fused_step_is_known_by_its_kernel():
    assert form_of(["aten._foreach_add_.Scalar", "aten._fused_adam_.default"]) == "fused"
    assert form_of(["aten.add_.Tensor"]) == "loop"


def test_a_torch_without_the_fused_kernel_skips(monkeypatch):
    def refuse(*_):
        raise RuntimeError("`fused=True` requires all the params to be on supported devices")

    monkeypatch.setattr(scenarios.optimizer, "make_optimizer", refuse)
    with pytest.raises(Skip, match=r"torch \S+ has no fused Adagrad for cpu"):
        optimizer.build(Settings("adagrad", "fused"), task)
    optimizer.build(Settings("adagrad", "foreach"), task)


@pytest.mark.parametrize("penalty", ["none", "l1"])
def test_the_gradients_held_do_not_pile_up(penalty):
    class Kept(MnistTask):
        def make_model(self):
            self.model = CNN()
            return self.model

    kept = Kept()
    workload = optimizer.build(Settings(penalty=penalty), kept)
    before = kept.model.block2.conv.weight.grad.clone()
    for _ in range(20):
        workload.step()
    moved = (kept.model.block2.conv.weight.grad - before).abs().max().item()
    assert moved <= (1.001 * scenarios.optimizer.L1 if penalty == "l1" else 0)


def test_state_is_counted_in_bytes():
    def bytes_of(name):
        workload = optimizer.build(Settings(name), task)
        workload.check()
        return workload.metrics["optimizer_state_bytes"]

    parameters = 4 * 21_840
    assert bytes_of("sgd") == 0
    assert bytes_of("momentum") == parameters
    assert bytes_of("adam") == 2 * parameters + 8 * 4, "two moments, and a count of steps for each tensor"


def test_parameters_without_a_gradient_are_left_out(failing):
    class HalfFrozen(MnistTask):
        def make_model(self):
            model = CNN()
            model.block1.requires_grad_(requires_grad=False)
            return model

    for settings in (Settings("adam", "fused"), Settings(penalty="l1")):
        assert failing(optimizer.build(settings, HalfFrozen()).check()) == set()


def test_a_loss_that_is_nan_fails(nan_task, failing):
    checks = optimizer.build(Settings(), nan_task).check()
    assert failing(checks) == {ERROR, APART}
    assert all(math.isfinite(check.limit) for check in checks)


def test_only_forms_of_plain_sgd_may_be_combined():
    assert changes(Settings(form="fused")) == {"optimizer_form": "fused"}
    assert changes(Settings(penalty="l2")) == {}
    assert changes(Settings("adam", "fused")) == {}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("settings", [s for s in optimizer.variants if s.device == "cuda"], ids=str)
def test_each_variant_on_a_gpu_follows_its_definition(settings, failing):
    try:
        workload = optimizer.build(settings, task)
    except Skip as skip:
        pytest.skip(str(skip))
    for _ in range(5):
        workload.step()
    assert failing(workload.check()) == set()
