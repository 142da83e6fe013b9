"""Does a second worker scale: one that takes half of the batch, one that takes half of the model, or a thread?"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from benchsuite import (
    CUDA,
    Check,
    Device,
    ProcessSpec,
    Requirement,
    Skip,
    Task,
    Workload,
    does_not_apply,
    grid,
    scenario,
)
from benchsuite.environment import usable_cores
from scenarios.loop import LoopSettings, make_loop
from scenarios.optimizers import make_optimizer
from scenarios.parity import plain_progress, progress, relative_error, widened
from scenarios.resting import resting
from scenarios.steps import training_step

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from scenarios.loop import Loop

Split: TypeAlias = Literal["none", "data", "pipeline"]

NUM_WORKERS = 2
MICRO_BATCHES = 4
"""Parts of a batch that go through the pipeline one behind the other."""
TOLERANCE = 1e-4
"""Largest relative error against one process: float32 sums in another order."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is split between two ranks, and how many threads each of them has."""

    split: Split = "none"
    """The batch (data) or the model (pipeline); none: one process does it all."""
    threads: int = 1
    device: Device = "cpu"

    @property
    def ranks(self) -> int:
        """Processes that train one model together."""
        return 1 if self.split == "none" else NUM_WORKERS


def _requires(settings: Settings) -> list[Requirement]:
    if settings.device == "cuda":
        return [CUDA, Requirement("cuda", str(settings.ranks))]
    if settings.ranks * settings.threads > len(usable_cores()):
        return [does_not_apply("a second worker needs a core of its own, and this machine offers one alone")]
    return []


@scenario(
    question="Does a second worker scale?",
    variants=grid(Settings, device=["cpu", "cuda"], split=["none", "data", "pipeline"])
    + grid(Settings, threads=[2]),
    compare="split",
    within=("device",),
    requires=_requires,
    process=lambda s: ProcessSpec(threads=s.threads, ranks=s.ranks),
)
def parallel(settings: Settings, task: Task) -> Workload:
    """Train on one global batch of 100, whoever works on which part of it."""
    split = {"none": _whole, "data": _split_batch, "pipeline": _split_model}[settings.split]
    plain = LoopSettings(device=settings.device)
    loop = split(make_loop(plain, task), task, settings)

    def check() -> list[Check]:
        return [*_runs_as_asked(settings), _equals_one_process(loop, task, settings)]

    return Workload(loop.step, check, items_per_step=plain.items_per_step)


def split_point(model: nn.Module) -> str:
    """Return the name of the module with which a model's second half begins.

    Half of the children, rounded down, stand before it; a model of one child is looked into.

    Raises:
        Skip: the model has no children to stand on either side.
    """
    inside = ""
    children = list(model.named_children())
    while len(children) == 1:
        inside += f"{children[0][0]}."
        children = list(children[0][1].named_children())
    if not children:
        raise Skip("the model has no two modules to share out")
    return inside + children[len(children) // 2][0]


def _whole(loop: Loop, _task: Task, _settings: Settings) -> Loop:
    return loop


def _split_batch(loop: Loop, task: Task, settings: Settings) -> Loop:
    """Return the loop over this rank's part of the batch; the backward pass takes the mean of all gradients."""
    from torch import distributed
    from torch.nn.parallel import DistributedDataParallel

    _demand_samples_of_their_own(loop.model)
    rank = distributed.get_rank()
    on_gpu = settings.device == "cuda"
    model = DistributedDataParallel(loop.model, device_ids=[rank] if on_gpu else None)
    train = training_step(task, model, loop.optimizers, LoopSettings(device=settings.device))
    inputs, target = (tensor.chunk(settings.ranks)[rank] for tensor in (loop.inputs, loop.target))
    return dataclasses.replace(loop, step=lambda: train(inputs, target))


def _split_model(loop: Loop, task: Task, settings: Settings) -> Loop:
    """Return the loop over this rank's half of the model, which works on one micro-batch after the other."""
    import torch
    from torch import distributed
    from torch.distributed.pipelining import Pipe, ScheduleGPipe, SplitPoint, pipeline

    _demand_samples_of_their_own(loop.model)
    example = loop.inputs.chunk(MICRO_BATCHES)[0]
    point = split_point(loop.model)
    begins = loop.model.get_submodule(point)
    forward = begins.forward
    try:
        pipe: Pipe = pipeline(loop.model, (example,), split_spec={point: SplitPoint.BEGINNING})
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise Skip(f"the model cannot be split before {point!r}: {type(error).__name__}: {reason}") from error
    finally:
        # What marks the split would call itself, were the model to be split once more.
        begins.forward = forward
    if pipe.num_stages != settings.ranks:
        raise Skip(f"the model cannot be split before {point!r}: nothing is computed on one of the sides")
    rank = distributed.get_rank()
    device = torch.device("cuda", rank) if settings.device == "cuda" else torch.device("cpu")
    stage = pipe.build_stage(rank, device)
    owned = list(stage.submod.parameters())
    if not owned:
        raise Skip(f"the model cannot be split before {point!r}: one of the sides has nothing to train")
    schedule = ScheduleGPipe(stage, MICRO_BATCHES, loss_fn=task.loss)
    optimizer = make_optimizer(owned)
    work = _stage_step(schedule.step, loop, first=stage.is_first)

    def step() -> Tensor:
        optimizer.zero_grad()
        loss = work()
        optimizer.step()
        return loss

    return dataclasses.replace(
        loop, step=step, optimizers=(optimizer,), make_again=lambda: _split_model(loop, task, settings)
    )


def _stage_step(schedule: Callable[..., object], loop: Loop, *, first: bool) -> Callable[[], Tensor]:
    """Return a function that takes the batch through this rank's stage, forwards and backwards.

    It returns the batch's loss, which the last stage alone knows; the first one returns a zero.
    """
    import torch

    nothing = torch.zeros((), device=loop.inputs.device)

    def forward_from_inputs() -> Tensor:
        schedule(loop.inputs)
        return nothing

    def backward_from_target() -> Tensor:
        losses: list[Tensor] = []
        schedule(target=loop.target, losses=losses)
        return torch.stack(losses).detach().mean()

    return forward_from_inputs if first else backward_from_target


def _demand_samples_of_their_own(model: nn.Module) -> None:
    """Skip a model for which a part of the batch is not a part of the work."""
    from torch import nn

    mixing = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d
    if any(isinstance(module, mixing) for module in model.modules()):
        raise Skip("batch normalisation over a part of the batch is other work than over all of it")


def _runs_as_asked(settings: Settings) -> list[Check]:
    import torch
    from torch import distributed

    ranks = distributed.get_world_size() if distributed.is_initialized() else 1
    as_asked = {
        f"ranks_are_{settings.ranks}": ranks == settings.ranks,
        f"threads_are_{settings.threads}": torch.get_num_threads() == settings.threads,
    }
    if settings.ranks > 1:
        backend = "nccl" if settings.device == "cuda" else "gloo"
        backends = distributed.get_backend_config().split(",")
        as_asked[f"backend_is_{backend}"] = f"{settings.device}:{backend}" in backends
    return [Check(name, float(holds), limit=1, direction=">=") for name, holds in as_asked.items()]


def _equals_one_process(loop: Loop, task: Task, settings: Settings) -> Check:
    """Return the check that all ranks together move the parameters as one process does with the whole batch.

    Every rank compares its own copy where each has one. Each stage of a pipeline moves its own
    parameters alone: the sum over the ranks is what the whole model has moved.
    """
    plain = make_loop(LoopSettings(device=settings.device), task)
    found = _moved(loop, task, settings)
    expected, spread = plain_progress(plain, task)
    if _on_any_rank(spread > TOLERANCE, settings):
        with resting(loop.model), resting(plain.model):
            found = _moved(loop.remade(), task, settings)
            expected, spread = plain_progress(plain, task)
    error = relative_error(found, expected)
    return Check("update_error_against_one_process", error, limit=widened(TOLERANCE, spread), direction="<=")


def _moved(loop: Loop, task: Task, settings: Settings) -> list[Tensor]:
    from torch import distributed

    found = progress(loop, task)
    if settings.split == "pipeline":
        for moved in found:
            distributed.all_reduce(moved)
    return found


def _on_any_rank(holds: bool, settings: Settings) -> bool:
    """Return whether it holds on one of the ranks at least: all must go the same way, or wait for ever."""
    import torch
    from torch import distributed

    if settings.ranks == 1:
        return holds
    found = torch.tensor(float(holds), device=settings.device)
    distributed.all_reduce(found)
    return bool(found.item())
