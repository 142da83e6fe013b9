"""What the gate's self-test measures: short steps of a task, many copies of each, and changes planted in some.

`plants.json` beside this file says which copy has which plant; it is the only file in which base and head differ.
A plant is real work inside the step, or a real fault in it.
"""

from __future__ import annotations

import copy
import json
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchsuite import CUDA, Check, Device, Task, Workload, demand, grid, scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor, nn

    from benchsuite import Requirement

COPIES = 8
PLANTS: Mapping[str, Mapping[str, Any]] = json.loads(
    Path(__file__).with_name("plants.json").read_text(encoding="utf-8")
)
"""By variant: `kind`, `share` (of a slowdown), and `active`; a plant that is not active only does its set-up."""

WARM_STEPS = 3
LEAST_REPETITIONS = 11
CALIBRATION_NS = 80_000_000
"""Thread time in steps that a calibration takes at least; every pair waits for it twice."""
BLOCK_SHARE = 0.05
"""A unit is timed in blocks about as long as a slowdown's, each behind a step: the first units find cold caches there too."""
BALLAST_FLOATS = (1 << 20) // 4
TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Settings:
    """Copies differ in nothing but their number."""

    copy: int = 0
    device: Device = "cpu"


GRID = grid(Settings, device=["cpu", "cuda"], copy=range(COPIES))
WITHIN = ("device",)


def requires(settings: Settings) -> list[Requirement]:
    """Return what a copy needs of the machine."""
    return [CUDA] if settings.device == "cuda" else []


@scenario(
    question="Does a large training step cost more?", variants=GRID, compare="copy", within=WITHIN, requires=requires
)  # fmt: skip
def train(settings: Settings, task: Task) -> Workload:
    """Train on one batch; a step is one update: 100 images on a CPU, on a GPU as many as keep it busy."""
    return _workload("train", settings, task, {"cpu": 100, "cuda": 8192}, trains=True)


@scenario(
    question="Does a small training step cost more?", variants=GRID, compare="copy", within=WITHIN, requires=requires
)  # fmt: skip
def train_small(settings: Settings, task: Task) -> Workload:
    """Train on one batch; a step is one update: 20 images on a CPU; on a GPU so few that it waits for launches."""
    return _workload("train_small", settings, task, {"cpu": 20, "cuda": 100}, trains=True)


@scenario(
    question="Does an inference call cost more?",
    variants=GRID,
    compare="copy",
    within=WITHIN,
    requires=requires,
)
def infer(settings: Settings, task: Task) -> Workload:
    """Classify one batch; a step is one call: 100 images on a CPU, on a GPU as many as keep it busy."""
    return _workload("infer", settings, task, {"cpu": 100, "cuda": 8192}, trains=False)


def _workload(
    name: str, settings: Settings, task: Task, batches: Mapping[Device, int], *, trains: bool
) -> Workload:
    import torch

    device, batch = settings.device, batches[settings.device]
    plant = PLANTS.get(f"{name}[copy={settings.copy}{'' if device == 'cpu' else f',device={device}'}]", {})
    if device == "cuda":
        # Rounded to TF32, outputs would differ from the reference by more than the tolerance.
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    inner = task.make_model().to(device)
    model = _shifted(inner) if _has(plant, "check") else inner
    inputs, target = (tensor.to(device) for tensor in task.example_batch(batch))
    step = _training(task, model, inputs, target) if trains else _inference(model, inputs)

    def check() -> list[Check]:
        with torch.inference_mode():
            reference = copy.deepcopy(inner).double()(inputs.double())
            difference = (model(inputs).double() - reference).abs().max().item()
        return [Check("difference from a float64 reference", difference, TOLERANCE, "<=")]

    return Workload(_planted(plant, step, device), check, items_per_step=batch)


def _training(task: Task, model: nn.Module, inputs: Tensor, target: Tensor) -> Callable[[], Tensor]:
    import torch

    demand(task, "loss")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def step() -> Tensor:
        optimizer.zero_grad()
        loss = task.loss(model(inputs), target)
        loss.backward()
        optimizer.step()
        return loss

    return step


def _inference(model: nn.Module, inputs: Tensor) -> Callable[[], Tensor]:
    import torch

    model.eval()

    @torch.inference_mode()
    def step() -> Tensor:
        output: Tensor = model(inputs)
        return output

    return step


def _has(plant: Mapping[str, Any], kind: str) -> bool:
    return bool(plant) and plant["kind"] == kind and plant["active"]


def _planted(plant: Mapping[str, Any], step: Callable[[], Tensor], device: Device) -> Callable[[], object]:
    """Return the step with what is planted in it."""
    if plant.get("kind") == "slowdown":
        if device == "cuda":
            # A file of the project beside this one, which a worker finds in its own side's folder.
            from gpu_slowdown import slowed  # type: ignore[import-not-found]

            slower: Callable[[], object] = slowed(step, plant["share"], active=plant["active"])
            return slower
        return _slowed(step, plant["share"], active=plant["active"])
    if _has(plant, "memory") or _has(plant, "cuda_memory"):
        return _with_ballast(step, device)
    if _has(plant, "leak"):
        return _leaking(step)
    if _has(plant, "operator"):
        return _with_operator(step, device)
    return step


def _slowed(step: Callable[[], Tensor], share: float, *, active: bool) -> Callable[[], object]:
    """Add small products that take this share of the step's time, as both are here and now."""
    import torch

    left, right, product = torch.rand(32, 32), torch.rand(32, 32), torch.empty(32, 32)

    def work(units: int) -> None:
        for _ in range(units):
            torch.mm(left, right, out=product)

    # On both sides: what has run before the timing is alike.
    wanted = calibrate(step, work, share)
    units = wanted if active else 0

    def slowed() -> Tensor:
        result = step()
        work(units)
        return result

    return slowed


def calibrate(step: Callable[[], object], work: Callable[[int], None], share: float) -> int:
    """Return how many units of work take a share of a step's time.

    Both are timed in turns and on the thread's own clock, so that neither a neighbour nor the machine's level has a say.

    Args:
        step: what is to become slower.
        work: does so many units of work.
        share: 0.05 for 5 %.
    """
    for _ in range(WARM_STEPS):
        step()
        work(10)
    step_ns = min(_thread_ns(step) for _ in range(WARM_STEPS))
    unit_ns = min(_thread_ns(lambda: work(10)) for _ in range(WARM_STEPS)) / 10
    block = max(1, round((share or BLOCK_SHARE) * step_ns / unit_ns))
    steps_ns: list[int] = []
    blocks_ns: list[int] = []
    while len(steps_ns) < LEAST_REPETITIONS or sum(steps_ns) < CALIBRATION_NS:
        steps_ns.append(_thread_ns(step))
        blocks_ns.append(_thread_ns(lambda: work(block)))
    return round(share * statistics.median(steps_ns) / (statistics.median(blocks_ns) / block))


def _thread_ns(function: Callable[[], object]) -> int:
    began_ns = time.thread_time_ns()
    function()
    return time.thread_time_ns() - began_ns


def _with_ballast(step: Callable[[], Tensor], device: Device) -> Callable[[], object]:
    """Hold 1 MiB for as long as the workload lives."""
    import torch

    ballast = torch.ones(BALLAST_FLOATS, device=device)

    def held() -> tuple[Tensor, Tensor]:
        return step(), ballast

    return held


def _leaking(step: Callable[[], Tensor]) -> Callable[[], object]:
    """Keep what every step returns, as a list of losses does that nobody empties."""
    results: list[Tensor] = []

    def leaking() -> None:
        results.append(step())

    return leaking


def _with_operator(step: Callable[[], Tensor], device: Device) -> Callable[[], object]:
    """Call one operator more."""
    import torch

    few = torch.ones(8, device=device)

    def longer() -> Tensor:
        result = step()
        torch.neg(few)
        return result

    return longer


def _shifted(inner: nn.Module) -> nn.Module:
    """Return a model whose outputs are all wrong by 1; it trains as well as before."""
    from torch import nn

    class Shifted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, inputs: Tensor) -> Tensor:
            shifted: Tensor = self.inner(inputs) + 1
            return shifted

    return Shifted()
