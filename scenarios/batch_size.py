"""At which batch size does throughput stop growing, and what does it cost in latency and memory?

glibc gives large blocks back when they are freed: on a CPU a large batch's activations are asked for anew in each step. That is
part of the answer, so memory is not kept here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchsuite import CUDA, Check, Device, Phase, Task, Workload, grid, scenario
from scenarios.loop import Loop, LoopSettings, make_loop, process_of
from scenarios.parity import finite, fresh_weights, relative_error, results

if TYPE_CHECKING:
    from torch import Tensor

TOLERANCE = 1e-4
"""Largest relative error between a batch and its parts: float32 sums in another order."""
NUM_CHUNKS = 4


@dataclass(frozen=True, slots=True)
class Settings:
    """One batch size, training or inferring, on one device."""

    batch_size: int = 100
    phase: Phase = "train"
    device: Device = "cpu"


def loop_settings(settings: Settings) -> LoopSettings:
    """Return the loop that these settings stand for."""
    return LoopSettings(
        phase=settings.phase, device=settings.device, batch_size=settings.batch_size, allocator="default"
    )


@scenario(
    question="From which batch size on does a larger batch no longer pay?",
    variants=grid(
        Settings, device=["cpu", "cuda"], phase=["train", "infer"], batch_size=[1, 8, 32, 100, 512, 2048]
    ),
    compare="batch_size",
    within=("phase", "device"),
    metric="throughput",
    answer="knee",
    requires=lambda s: [CUDA] if s.device == "cuda" else [],
    process=lambda s: process_of(loop_settings(s)),
)
def batch_size(settings: Settings, task: Task) -> Workload:
    """Run the loop over one fixed batch of the given size."""
    loop = make_loop(loop_settings(settings), task)

    def check() -> list[Check]:
        last = finite("loss" if settings.phase == "train" else "output", loop.step())
        loop.model.load_state_dict(fresh_weights(task))
        whole = results(task, loop.model, loop.inputs, loop.target, settings.phase)
        name = "gradient_error_against_parts" if settings.phase == "train" else "output_error_against_parts"
        parts = in_parts(loop, task, settings.phase)
        return [last, Check(name, relative_error(whole, parts), limit=TOLERANCE, direction="<=")]

    return Workload(loop.step, check, items_per_step=settings.batch_size)


def in_parts(loop: Loop, task: Task, phase: Phase) -> list[Tensor]:
    """Return the results of the loop's batch put together from other batch sizes.

    Outputs of the parts stand one after the other; the gradient of a mean is the mean of the parts'
    gradients. A single image has no parts: it is computed as one of two equal ones.
    """
    import torch

    size = len(loop.inputs)
    if size == 1:
        doubled = results(task, loop.model, torch.cat([loop.inputs] * 2), torch.cat([loop.target] * 2), phase)
        return [doubled[0][:1]] if phase == "infer" else doubled
    chunks = zip(loop.inputs.chunk(NUM_CHUNKS), loop.target.chunk(NUM_CHUNKS), strict=True)
    parts = [(len(inputs), results(task, loop.model, inputs, target, phase)) for inputs, target in chunks]
    if phase == "infer":
        return [torch.cat([outputs[0] for _, outputs in parts])]
    shares = [[gradient * (num / size) for gradient in gradients] for num, gradients in parts]
    return [torch.stack(same).sum(0) for same in zip(*shares, strict=True)]
