from __future__ import annotations

from typing import get_args

import pytest
import torch

from benchsuite import Task
from scenarios import numerics
from scenarios.loop import LoopSettings, make_loop
from scenarios.mnist import task
from scenarios.numerics import Precision

PRECISIONS = get_args(Precision)


class Small(Task):
    name = "one layer"

    def make_model(self):
        return torch.nn.Linear(4, 2)

    def example_batch(self, size):
        return torch.ones(size, 4), torch.zeros(size, dtype=torch.int64)


@pytest.fixture(params=[True, False])
def _flags_from_before(request):
    """Begin with both of torch's flags on, or both off, and leave them as they were."""
    flags = [torch.backends.cuda.matmul, torch.backends.cudnn]
    before = [flag.allow_tf32 for flag in flags]
    for flag in flags:
        flag.allow_tf32 = request.param
    yield
    for flag, value in zip(flags, before, strict=True):
        flag.allow_tf32 = value


@pytest.mark.usefixtures("_flags_from_before")
@pytest.mark.filterwarnings("ignore:.*GradScaler is enabled, but CUDA is not available")
@pytest.mark.parametrize("precision", PRECISIONS)
def test_float32_is_rounded_to_tf32_where_that_is_asked_for_and_nowhere_else(precision, monkeypatch):
    monkeypatch.setattr(torch.nn.Module, "to", lambda self, *_, **__: self)
    monkeypatch.setattr(torch.Tensor, "to", lambda self, *_, **__: self)
    make_loop(LoopSettings(phase="infer", device="cuda", batch_size=2, precision=precision), Small())
    assert torch.backends.cuda.matmul.allow_tf32 == (precision == "tf32")
    assert torch.backends.cudnn.allow_tf32 == (precision == "tf32")
    assert numerics.tf32_flags() == (precision == "tf32",) * 2


@pytest.mark.usefixtures("_flags_from_before")
def test_a_loop_on_the_cpu_leaves_the_flags_alone():
    before = numerics.tf32_flags()
    make_loop(LoopSettings(phase="infer", batch_size=2), Small())
    assert numerics.tf32_flags() == before


@pytest.mark.parametrize("micro_batches", [1, 2])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_fp16_never_trains_without_a_scaler(micro_batches, optimizer, monkeypatch):
    calls = []
    for name in ("scale", "step", "update"):
        method = getattr(torch.amp.GradScaler, name)

        def record(self, *arguments, name=name, method=method):
            calls.append(name)
            return method(self, *arguments)

        monkeypatch.setattr(torch.amp.GradScaler, name, record)
    settings = LoopSettings(
        precision="fp16-autocast", batch_size=4, micro_batches=micro_batches, optimizer=optimizer
    )
    make_loop(settings, task).step()
    assert calls == ["scale"] * micro_batches + ["step", "update"]


@pytest.mark.parametrize("precision", PRECISIONS)
def test_fp16_alone_needs_a_scaler(precision):
    scaler = numerics.make_scaler(precision, "cpu")
    assert (scaler is not None and scaler.is_enabled()) == (precision == "fp16-autocast")


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_layer_puts_out_what_it_computes_in(precision):
    model = numerics.stored(torch.nn.Linear(4, 2), precision)
    for _ in range(2):
        with numerics.autocast(precision, "cpu"):
            output = model(numerics.as_input(torch.ones(1, 4), precision))
        assert output.dtype == numerics.computed_in(precision)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_short_weights_alone_ask_for_short_inputs(precision):
    short = precision == "bf16-weights"
    weight = numerics.stored(torch.nn.Linear(4, 2), precision).weight
    images = numerics.as_input(torch.ones(1, 4), precision)
    assert weight.dtype == images.dtype == (torch.bfloat16 if short else torch.float32)
    assert numerics.as_input(torch.ones(1, dtype=torch.int64), precision).dtype == torch.int64
