"""The loop that all scenarios share, and all that can be set in it.

A scenario's settings are a change of `LoopSettings`; whatever is not changed is as plain as it can be:
one batch that lies on the device before the first step, eager float32, gradients freed in each step,
no step that asks for a number, and threads and memory kept steady.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from benchsuite import ProcessSpec, Skip, Task, demand
from scenarios import numerics
from scenarios.capture import capture
from scenarios.feed import make_feed
from scenarios.optimizers import make_optimizer, reset, step_in_backward
from scenarios.steps import Looked, inference_call, training_step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from torch import Tensor, nn
    from torch.optim import Optimizer

    from benchsuite import Device, Phase
    from benchsuite.scenario import SettingValue
    from scenarios.feed import CopyStream, Data, Feed, HostMemory
    from scenarios.numerics import Precision
    from scenarios.optimizers import OptimizerForm, OptimizerName

CompileMode: TypeAlias = Literal["eager", "default", "reduce-overhead", "max-autotune"]
MODES_WITH_GRAPHS: tuple[CompileMode, ...] = ("reduce-overhead", "max-autotune")
"""On a GPU these let torch.compile capture what it has compiled."""
GradMode: TypeAlias = Literal["grad", "no_grad", "inference_mode"]
WaitPolicy: TypeAlias = Literal["steady", "default", "short", "active", "passive"]
Allocator: TypeAlias = Literal["steady", "default", "keeping"]


def _without_the_engine(environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return what has libgomp wait as it would in this environment if the engine did not set its variable."""
    if "GOMP_SPINCOUNT" in environ:
        return ()
    sleeps = environ.get("OMP_WAIT_POLICY", "").strip().upper() == "PASSIVE"
    # Spinning for some milliseconds is libgomp's own default. Where the user asks for spinning it is the same: without an
    # end it would go on while a worker waits for its turn.
    return (("GOMP_SPINCOUNT", "0" if sleeps else "300000"),)


WAIT_POLICIES: Mapping[WaitPolicy, tuple[tuple[str, str], ...]] = {
    # As the engine has it: a short spin, unless the user has set something else.
    "steady": (),
    # As without the engine: what the user has set, or what libgomp does where nothing is set.
    "default": _without_the_engine(os.environ),
    "short": (("GOMP_SPINCOUNT", "1000"),),
    # Without an end the spinning would go on while a worker waits for its turn, and take a core from the others.
    "active": (("OMP_WAIT_POLICY", "ACTIVE"), ("GOMP_SPINCOUNT", "300000")),
    "passive": (("OMP_WAIT_POLICY", "PASSIVE"), ("GOMP_SPINCOUNT", "0")),
}
"""What an OpenMP thread that waits for others does; libgomp's own variable would outrank the standard one."""
ALLOCATORS: Mapping[Allocator, tuple[tuple[str, str], ...]] = {
    # As the engine has it: it tells glibc to keep what is freed, which steadies a step.
    "steady": (),
    # What glibc does where nothing is set: it gives large blocks back when they are freed, and asks for them anew.
    "default": (),
    "keeping": (("MALLOC_MMAP_THRESHOLD_", str(1 << 30)), ("MALLOC_TRIM_THRESHOLD_", str(1 << 30))),
}
"""What glibc does with memory that is freed on the CPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopSettings:
    """What a loop runs, where, and on how much; the defaults are the plain loop."""

    phase: Phase = "train"
    device: Device = "cpu"
    batch_size: int = 100

    data: Data = "fixed"
    """Where batches come from; see `scenarios.feed`."""
    augment: bool = False
    workers: int = 0
    """Processes of the DataLoader; 0: the loop's own."""
    persistent_workers: bool = False
    prefetch_factor: int = 2
    """Batches that each worker prepares ahead."""
    host_memory: HostMemory = "pageable"
    non_blocking: bool = False
    copy_stream: CopyStream = "same"

    compile_mode: CompileMode = "eager"
    precision: Precision = "fp32"
    channels_last: bool = False
    graph_steps: int = 0
    """So many steps are captured into one CUDA graph; 0: none are."""

    optimizer: OptimizerName = "sgd"
    optimizer_form: OptimizerForm = "default"
    weight_decay: float = 0.0
    """The optimizer's L2 term."""
    set_to_none: bool = True
    """Whether gradients are freed in each step, not overwritten by zeros."""
    micro_batches: int = 1
    """So many parts of a batch go through one after the other; their gradients add up."""
    checkpointing: bool = False
    """Whether each child module's activations are computed again in the backward pass, not kept."""
    optimizer_in_backward: bool = False
    look_every: int = 0
    """The loss is read as a number after every so many steps; 0: never."""

    grad_mode: GradMode = "inference_mode"
    eval_mode: bool = True

    threads: int = 0
    """Intra-op threads; 0: as many as the run uses."""
    wait_policy: WaitPolicy = "steady"
    allocator: Allocator = "steady"

    def changed(self, changes: Mapping[str, SettingValue]) -> LoopSettings:
        """Return these settings with some fields changed.

        Raises:
            TypeError: there is no such field.
        """
        return dataclasses.replace(self, **cast("Mapping[str, Any]", changes))

    @property
    def items_per_step(self) -> int:
        """How many samples one step works through."""
        return self.batch_size * max(1, self.graph_steps)

    @property
    def conflict(self) -> str:
        """Why these settings cannot go together; empty where they can."""
        scaled, captured = self.precision == "fp16-autocast", self.graph_steps > 0
        captures_itself = self.device == "cuda" and self.compile_mode in MODES_WITH_GRAPHS
        rules = (
            (
                self.optimizer_in_backward and scaled,
                "the fp16 scaler looks at all gradients before the optimizer's step, which the backward pass has done",
            ),
            (
                self.optimizer_in_backward and self.micro_batches > 1,
                "gradients of several micro-batches cannot add up where each is used up in the backward pass",
            ),
            (captured and self.phase == "infer", "the captured graph is that of a training step"),
            (
                captured and (scaled or self.look_every > 0),
                "a step that asks for a number cannot be captured in a CUDA graph",
            ),
            (
                captured and self.optimizer != "sgd",
                "a captured graph keeps the optimizer's state where it was captured, and plain SGD alone has none",
            ),
            (
                captured and self.checkpointing,
                "checkpointing reads the state of the random numbers, which cannot be captured in a CUDA graph",
            ),
            (
                captured and captures_itself,
                f"{self.compile_mode} captures CUDA graphs of its own, and graphs do not nest",
            ),
            (
                captures_itself and self.micro_batches > 1,
                f"with {self.compile_mode} each micro-batch replays a CUDA graph over the last one's gradients, which add up",
            ),
        )
        return next((why for holds, why in rules if holds), "")


def not_started_with(variables: Iterable[tuple[str, str]]) -> int:
    """Return how many of these variables this process was not started with.

    OpenMP and glibc have read theirs by the time that Python could change them, so Python's own view would not do.
    """
    wanted = [f"{name}={value}".encode() for name, value in variables]
    started_with = Path("/proc/self/environ").read_bytes().split(b"\0") if wanted else ()
    return sum(variable not in started_with for variable in wanted)


def process_of(settings: LoopSettings) -> ProcessSpec:
    """Return what these settings need of the whole worker process."""
    return ProcessSpec(
        env=WAIT_POLICIES[settings.wait_policy] + ALLOCATORS[settings.allocator],
        threads=settings.threads or None,
        own_compile_cache=settings.compile_mode != "eager",
        keeps_freed_memory=settings.allocator == "steady",
    )


@dataclass(frozen=True, slots=True)
class Loop:
    """A model with what feeds it, ready for the first step."""

    step: Callable[[], Tensor]
    """Works through one batch; returns the loss (train) or the output (infer), on the device."""
    model: nn.Module
    """The eager module; a compiled loop shares its parameters."""
    inputs: Tensor
    """An example batch on the device, as the model takes it; without a feed, the one that every step uses."""
    target: Tensor
    feed: Feed
    optimizers: tuple[Optimizer, ...]
    """Empty: an inference loop."""
    looked: Looked
    """What the loop has seen of its losses."""
    make_again: Callable[[], Loop] | None = None
    """Makes this loop once more, over the same model; None: its steps do not depend on how the model was then."""

    def remade(self) -> Loop:
        """Return a loop that does the same with the model as it is now.

        What has been captured or exported keeps the modes that the layers had then. Eager and compiled
        steps look at the modes themselves.
        """
        return self.make_again() if self.make_again else self

    def restart(self, weights: Mapping[str, Tensor]) -> None:
        """Go back to a beginning: these weights, no optimizer state, the first batch."""
        self.model.load_state_dict(weights)
        for optimizer in self.optimizers:
            reset(optimizer)
        self.feed.restart()


def make_loop(settings: LoopSettings, task: Task) -> Loop:
    """Build the model, place it on the device, and return the loop over its batches.

    Raises:
        Skip: the settings do not go together, or the task lacks what they need.
    """
    if settings.conflict:
        raise Skip(settings.conflict)
    if settings.device == "cuda":
        numerics.set_tf32(settings.precision)
    if settings.phase == "train":
        demand(task, "loss")
    model = _make_model(settings, task)
    feed = make_feed(settings, task)
    inputs, target = feed.example
    looked = Looked(settings.look_every)
    if settings.phase == "infer":
        infer = inference_call(model, settings)
        return Loop(lambda: infer(feed.next()[0]), model, inputs, target, feed, optimizers=(), looked=looked)
    optimizers = _make_optimizers(model, settings)
    train = training_step(task, model, optimizers, settings, looked)
    eager = Loop(lambda: train(*feed.next()), model, inputs, target, feed, optimizers, looked)
    return _captured(eager, train, settings.graph_steps) if settings.graph_steps else eager


def _captured(loop: Loop, train: Callable[[Tensor, Tensor], Tensor], num_steps: int) -> Loop:
    """Return the loop that replays so many training steps at once."""
    graph = capture(train, loop.inputs, loop.target, num_steps)
    return dataclasses.replace(
        loop,
        step=lambda: graph.step(loop.feed.next),
        make_again=lambda: _captured(loop, train, num_steps),
    )


def _make_model(settings: LoopSettings, task: Task) -> nn.Module:
    import torch

    model = numerics.stored(task.make_model().to(settings.device), settings.precision)
    if settings.channels_last:
        model = model.to(memory_format=torch.channels_last)
    if settings.checkpointing:
        _checkpoint_children(model)
    return model.train(settings.phase == "train" or not settings.eval_mode)


def _make_optimizers(model: nn.Module, settings: LoopSettings) -> tuple[Optimizer, ...]:
    options = {"weight_decay": settings.weight_decay} if settings.weight_decay else {}

    def make(parameters: Any) -> Optimizer:
        return make_optimizer(parameters, settings.optimizer, settings.optimizer_form, **options)

    if settings.optimizer_in_backward:
        return step_in_backward(model, make)
    return (make(model.parameters()),)


def _checkpoint_children(model: nn.Module) -> None:
    """Have each child module compute its activations again in the backward pass."""
    from torch.utils.checkpoint import checkpoint

    for child in model.children():
        child.forward = functools.partial(checkpoint, child.forward, use_reentrant=False)
