"""How far is a training step from what launching its kernels costs?

A small model's step on a GPU is mostly the host's time for launching one kernel after the other. A CUDA
graph launches all of them at once: what it gains is what the launches cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from benchsuite import CUDA, CXX_COMPILER, Check, Device, Requirement, Task, Workload, grid, scenario
from scenarios.loop import LoopSettings, make_loop, process_of
from scenarios.parity import finite, same_progress, was_compiled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchsuite.scenario import SettingValue

Launch: TypeAlias = Literal["eager", "compiled", "graph", "graph-of-10"]

CHANGES: Mapping[Launch, Mapping[str, SettingValue]] = {
    "eager": {"graph_steps": 0, "compile_mode": "eager"},
    "compiled": {"graph_steps": 0, "compile_mode": "default"},
    "graph": {"graph_steps": 1, "compile_mode": "eager"},
    "graph-of-10": {"graph_steps": 10, "compile_mode": "eager"},
}
NUM_CALLS = 2
"""The second call of a graph shows that its buffers were filled anew."""
TOLERANCE = 1e-3
"""Largest relative error of the parameters' way over up to 20 steps: some CUDA kernels add up in any order."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One way to launch the kernels of a training step."""

    launch: Launch = "eager"
    device: Device = "cuda"


def _requires(settings: Settings) -> list[Requirement]:
    device = [CUDA] if settings.device == "cuda" else []
    return [*device, CXX_COMPILER] if settings.launch == "compiled" else device


def _plain(settings: Settings) -> LoopSettings:
    return LoopSettings(device=settings.device, data="resident")


def changes(settings: Settings) -> dict[str, SettingValue]:
    """Return what these settings change in the shared loop."""
    return dict(CHANGES[settings.launch])


def loop_settings(settings: Settings) -> LoopSettings:
    """Return the loop that these settings stand for: fresh batches in each step, all of them on the device."""
    return _plain(settings).changed(changes(settings))


@scenario(
    question="How far is a step from the launch limit?",
    variants=grid(Settings, launch=["eager", "compiled", "graph", "graph-of-10"]),
    compare="launch",
    within=("device",),
    requires=_requires,
    process=lambda s: process_of(loop_settings(s)),
    changes=changes,
)
def cuda_graphs(settings: Settings, task: Task) -> Workload:
    """Train on batches that lie on the device; a graph's steps have theirs copied into its buffers first."""
    made = loop_settings(settings)
    loop = make_loop(made, task)

    def check() -> list[Check]:
        plain = make_loop(_plain(settings), task)
        # A graph that kept reading the batch it was captured with, or that skipped a step, would go elsewhere.
        name, steps_of_a_call = "update_error_against_eager", max(1, made.graph_steps)
        same = same_progress(name, loop, plain, task, TOLERANCE, steps_of_a_call, NUM_CALLS)
        checks = [finite("loss", loop.step()), same]
        return [*checks, was_compiled()] if settings.launch == "compiled" else checks

    return Workload(loop.step, check, items_per_step=made.items_per_step, close=loop.feed.close)
