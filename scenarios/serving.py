"""What latency and what throughput can a trained model be served with?

`single` answers one request after another, `offline` works through a store of inputs in whole batches.
No engine becomes part of the best combination (`changes` stays empty): exported and quantised models
cannot train, and whether the loop gains from torch.compile is what `compile` asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from benchsuite import (
    CUDA,
    CXX_COMPILER,
    Check,
    Device,
    ProcessSpec,
    Requirement,
    Skip,
    Task,
    Workload,
    demand,
    does_not_apply,
    grid,
    scenario,
)
from scenarios import numerics
from scenarios.checkpoint import first_items, trained_weights
from scenarios.engines import EngineName, make_engine
from scenarios.feed import example_of
from scenarios.parity import finite, fresh_weights, relative_error, results, was_compiled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor, nn

Mode: TypeAlias = Literal["single", "offline"]

BATCH_SIZES: Mapping[Mode, int] = {"single": 1, "offline": 256}
TEST_ITEMS: Mapping[Mode, int] = {"single": 500, "offline": 1_536}
"""The check asks for the same items of the test set in each variant of a mode: whole batches of every size."""
REQUESTS = 1_050
"""A p99 needs 1,000 of them, and the first one of each turn does not count."""
FLOAT_TOLERANCE = 1e-4
"""Largest relative error of float32 outputs: fused operations and other batch sizes round elsewhere."""
INT8_TOLERANCE = 0.1
"""Largest relative error of outputs whose layers round to 8 bits."""
ACCURACY_LOSS = 0.02
"""So much accuracy rounding to 8 bits may cost."""
LEAST_AGREEMENT = 0.97
"""So large a share of all items must get the class that float32 gives them."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One engine in one mode of serving, on one device."""

    engine: EngineName = "eager"
    batch_size: int = 0
    """0: the mode's own, 1 for `single` and 256 for `offline`."""
    mode: Mode = "single"
    device: Device = "cpu"

    @property
    def items(self) -> int:
        """How many items one call answers."""
        return self.batch_size or BATCH_SIZES[self.mode]


def _requires(settings: Settings) -> list[Requirement]:
    device = [CUDA] if settings.device == "cuda" else []
    if settings.engine == "int8" and settings.device == "cuda":
        return [does_not_apply("dynamic int8 quantisation has kernels for the CPU alone"), *device]
    # On a GPU too: Triton compiles the code that launches its kernels.
    compiler = [CXX_COMPILER] if settings.engine in {"compiled", "aotinductor"} else []
    return device + compiler


@scenario(
    question="What latency and what throughput can it serve?",
    variants=grid(
        Settings,
        device=["cpu", "cuda"],
        mode=["single", "offline"],
        engine=["eager", "compiled", "aotinductor", "int8"],
    )
    + grid(Settings, device=["cpu", "cuda"], mode=["offline"], batch_size=[32, 128, 512]),
    compare="engine",
    within=("mode", "device"),
    metric="latency",
    requires=_requires,
    process=lambda s: ProcessSpec(own_compile_cache=s.engine in {"compiled", "aotinductor"}),
)
def serving(settings: Settings, task: Task) -> Workload:
    """Ask a trained model, in one engine, for one batch that lies on the device."""
    if settings.device == "cuda":
        numerics.set_tf32("fp32")
    weights, trained = _weights(task)
    model = _loaded(task, weights, settings.device)
    inputs, target = example_of(task, settings.items)
    served = inputs.to(settings.device)
    engine = make_engine(settings.engine, model, served, settings.device)
    metrics: dict[str, float] = {}
    if engine.compile_ns is not None:
        metrics["compile_time"] = float(engine.compile_ns)

    def check() -> list[Check]:
        asked = _test_items(task, settings.mode) if trained else (inputs, target)
        found = in_batches(engine.infer, asked[0], settings)
        plain = _loaded(task, weights, settings.device)
        (expected,) = results(task, plain, asked[0].to(settings.device), asked[1], "infer")
        checks = [finite("output", found), *_parity(settings.engine, found, expected)]
        if settings.engine == "compiled":
            checks.append(was_compiled())
        return checks + _accuracy(task, settings, found, expected, asked[1], metrics) if trained else checks

    return Workload(
        answering(engine.infer, served, settings),
        check,
        items_per_step=settings.items,
        min_steps=REQUESTS if settings.mode == "single" else 1,
        metrics=metrics,
        close=engine.close,
    )


def answering(infer: Callable[[Tensor], Tensor], inputs: Tensor, settings: Settings) -> Callable[[], Tensor]:
    """Return a step that answers one call.

    A single request has been answered when its output is there: the next one waits for that. Batches of
    a store follow each other as fast as the device takes them.
    """
    import torch

    def request() -> Tensor:
        output = infer(inputs)
        torch.cuda.current_stream().synchronize()
        return output

    waits = settings.mode == "single" and settings.device == "cuda"
    return request if waits else lambda: infer(inputs)


def in_batches(infer: Callable[[Tensor], Tensor], inputs: Tensor, settings: Settings) -> Tensor:
    """Return the engine's outputs for all inputs, asked in batches of its one size, on the CPU."""
    import torch

    parts = inputs.split(settings.items)
    return torch.cat([infer(part.to(settings.device)).cpu() for part in parts])


def _weights(task: Task) -> tuple[Mapping[str, Tensor], bool]:
    """Return trained weights and True; for a task that cannot be trained and judged here, fresh ones and False."""
    try:
        demand(task, "loss", "dataset", "metrics")
    except Skip:
        return fresh_weights(task), False
    return trained_weights(task), True


def _loaded(task: Task, weights: Mapping[str, Tensor], device: Device) -> nn.Module:
    model = task.make_model()
    model.load_state_dict(weights)
    return model.to(device).eval()


def _test_items(task: Task, mode: Mode) -> tuple[Tensor, Tensor]:
    """Return the beginning of the test set; where it is too short, it starts over."""
    import torch

    inputs, target = first_items(task, "test", TEST_ITEMS[mode])
    indices = torch.arange(TEST_ITEMS[mode]) % len(inputs)
    return inputs[indices], target[indices]


def _parity(engine: EngineName, found: Tensor, expected: Tensor) -> list[Check]:
    error = relative_error([found], [expected])
    limit = INT8_TOLERANCE if engine == "int8" else FLOAT_TOLERANCE
    checks = [Check("output_error_against_eager", error, limit=limit, direction="<=")]
    if engine == "int8" and found.ndim == 2:  # noqa: PLR2004 - items and classes
        agreement = (found.argmax(1) == expected.argmax(1)).double().mean().item()
        checks.append(Check("agreement_with_eager", agreement, limit=LEAST_AGREEMENT, direction=">="))
    return checks


def _accuracy(  # noqa: PLR0917 - what an accuracy is made of
    task: Task, settings: Settings, found: Tensor, expected: Tensor, target: Tensor, metrics: dict[str, float]
) -> list[Check]:
    """Return the checks of the engine's accuracy, which is kept as a metric; none for a task that has no accuracy."""
    accuracy = task.metrics(found, target).get("accuracy")
    if accuracy is None:
        return []
    metrics["accuracy"] = accuracy
    checks = []
    if settings.engine == "int8":
        lost = task.metrics(expected, target)["accuracy"] - accuracy
        checks.append(Check("accuracy_lost_against_eager", lost, limit=ACCURACY_LOSS, direction="<="))
    if task.target_accuracy is not None:
        checks.append(Check("accuracy", accuracy, limit=task.target_accuracy, direction=">="))
    return checks
