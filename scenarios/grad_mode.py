"""What does it cost to track gradients at inference, and to leave the model in training mode?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchsuite import CUDA, Check, Device, Phase, Task, Workload, grid, scenario
from scenarios.loop import LoopSettings, make_loop, process_of
from scenarios.parity import finite, fresh_weights, progress, relative_error

if TYPE_CHECKING:
    from torch import Tensor, nn

    from benchsuite.scenario import SettingValue
    from scenarios.loop import GradMode, Loop

FAST_PATH_TOLERANCE = 1e-5
"""Largest relative error of attention layers, which compute otherwise where no gradients are tracked."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How inference treats gradients and random layers; the baseline is what a loop does without a word about it."""

    grad_mode: GradMode = "grad"
    eval_mode: bool = True
    phase: Phase = "infer"
    device: Device = "cpu"


def changes(settings: Settings) -> dict[str, SettingValue]:
    """Return what these settings change in the shared loop; a model in training mode does other work."""
    return {"grad_mode": settings.grad_mode} if settings.eval_mode else {}


def loop_settings(settings: Settings) -> LoopSettings:
    """Return the loop that these settings stand for."""
    return LoopSettings(
        phase=settings.phase,
        device=settings.device,
        grad_mode=settings.grad_mode,
        eval_mode=settings.eval_mode,
    )


@scenario(
    question="What does tracking gradients cost at inference?",
    variants=grid(Settings, device=["cpu", "cuda"], grad_mode=["grad", "no_grad", "inference_mode"])
    + grid(Settings, device=["cpu", "cuda"], eval_mode=[False]),
    compare="grad_mode",
    within=("phase", "device"),
    requires=lambda s: [CUDA] if s.device == "cuda" else [],
    process=lambda s: process_of(loop_settings(s)),
    changes=changes,
)
def grad_mode(settings: Settings, task: Task) -> Workload:
    """Run inference on one batch and drop the output, and with it what was kept for a backward pass."""
    loop = make_loop(loop_settings(settings), task)

    def check() -> list[Check]:
        output = loop.step()
        error = relative_error(progress(loop, task, num_steps=1), [_plain_output(loop, task, settings)])
        limit = FAST_PATH_TOLERANCE if _has_fast_path(loop.model) else 0
        return [
            finite("output", output),
            Check("output_error_against_plain_forward", error, limit=limit, direction="<="),
            _as_promised(settings, loop.model, output),
        ]

    return Workload(loop.step, check, items_per_step=loop_settings(settings).items_per_step)


def _plain_output(loop: Loop, task: Task, settings: Settings) -> Tensor:
    """Return the output of a model of its own, called with gradients tracked, on the CPU."""
    import torch

    model = task.make_model()
    model.load_state_dict(fresh_weights(task))
    model.to(settings.device).train(not settings.eval_mode)
    torch.manual_seed(0)
    with torch.enable_grad():
        output: Tensor = model(loop.inputs)
    return output.detach().float().cpu()


def _has_fast_path(model: nn.Module) -> bool:
    from torch import nn

    return any(isinstance(m, nn.MultiheadAttention | nn.TransformerEncoderLayer) for m in model.modules())


def _as_promised(settings: Settings, model: nn.Module, output: Tensor) -> Check:
    """Return the check that the output is part of a graph, no part of one, or can never become one."""
    trained = any(parameter.requires_grad for parameter in model.parameters())
    promised = {
        "grad": (trained, False),
        "no_grad": (False, False),
        "inference_mode": (False, True),
    }
    found = (output.requires_grad, output.is_inference())
    broken = float(found != promised[settings.grad_mode])
    return Check("output_not_as_mode_promises", broken, limit=0, direction="<=")
