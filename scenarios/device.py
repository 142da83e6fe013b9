"""How much faster is the GPU than the CPU, and does it compute the same?"""

from __future__ import annotations

from dataclasses import dataclass

from benchsuite import CUDA, Check, Device, Phase, Task, Workload, grid, scenario
from scenarios.loop import LoopSettings, make_loop
from scenarios.parity import finite, fresh_weights, relative_error, results

TOLERANCE = 1e-4
"""Largest relative error against the CPU: float32 on both sides, sums in another order."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One device, training or inferring."""

    device: Device = "cpu"
    phase: Phase = "train"


@scenario(
    question="Does a GPU pay for this model?",
    variants=grid(Settings, phase=["train", "infer"], device=["cpu", "cuda"]),
    compare="device",
    within=("phase",),
    requires=lambda s: [CUDA] if s.device == "cuda" else [],
)
def device(settings: Settings, task: Task) -> Workload:
    """Run the loop over a batch of 100 that already lies on the device."""
    loop_settings = LoopSettings(phase=settings.phase, device=settings.device)
    loop = make_loop(loop_settings, task)

    def check() -> list[Check]:
        last = finite("loss" if settings.phase == "train" else "output", loop.step())
        weights = fresh_weights(task)
        loop.model.load_state_dict(weights)
        found = results(task, loop.model, loop.inputs, loop.target, settings.phase)
        reference = task.make_model()
        reference.load_state_dict(weights)
        expected = results(task, reference, loop.inputs.cpu(), loop.target.cpu(), settings.phase)
        name = "gradient_error_against_cpu" if settings.phase == "train" else "output_error_against_cpu"
        return [last, Check(name, relative_error(found, expected), limit=TOLERANCE, direction="<=")]

    return Workload(loop.step, check, items_per_step=loop_settings.batch_size)
