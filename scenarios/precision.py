"""What do number formats of fewer bits bring, and what do they take from the result?

Accuracy is that of a short training by Adam over a few examples: a model that has hardly learnt
anything would show no loss. A plain SGD step on bf16 weights is often smaller than their last bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchsuite import (
    CUDA,
    Check,
    Device,
    Phase,
    Requirement,
    Skip,
    Task,
    Workload,
    does_not_apply,
    grid,
    scenario,
)
from scenarios import numerics
from scenarios.loop import LoopSettings, make_loop, process_of
from scenarios.observe import outputs_of
from scenarios.parity import finite, fresh_weights, relative_error
from scenarios.short_training import accuracy_of, examples, train_shortly

if TYPE_CHECKING:
    from torch import Tensor

    from benchsuite.scenario import SettingValue
    from scenarios.loop import Loop
    from scenarios.numerics import Precision

PLAIN_TOLERANCE = 1e-4
"""Largest relative error of fp32 against itself: a GPU may add up in another order."""
LOSS_TOLERANCE = 2e-2
OUTPUT_TOLERANCE = 0.1
GRADIENT_TOLERANCE = 0.25
"""Rounding to 8 bits makes a few per cent; gradients that vanish or are not scaled back make 100 or more."""
ACCURACY_TOLERANCE = 0.01
"""One point; more accuracy than fp32's is no fault."""
MOST_SKIPPED = 30
"""The scaler halves its factor with each step that it skips: after so many, gradients that fit are found."""
FIRST_WITH_TF32 = (8, 0)
"""The compute capability that brought TF32 and bfloat16."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One number format, training or inferring, on one device."""

    precision: Precision = "fp32"
    phase: Phase = "train"
    device: Device = "cpu"


def _requires(settings: Settings) -> list[Requirement]:
    if settings.device == "cuda":
        return [CUDA]
    if settings.precision == "tf32":
        return [does_not_apply("TF32 is a format of NVIDIA's tensor cores: a CPU has none")]
    if settings.precision == "fp16-autocast":
        return [
            does_not_apply(
                "fp16 autocast is meant for GPUs: without units for fp16 a CPU takes several times as long"
            )
        ]
    return []


def changes(settings: Settings) -> dict[str, SettingValue]:
    """Return what these settings change in the shared loop; SGD on bf16 weights does not train as on others."""
    if settings.precision == "bf16-weights" and settings.phase == "train":
        return {}
    return {"precision": settings.precision}


def loop_settings(settings: Settings) -> LoopSettings:
    """Return the loop that these settings stand for."""
    return LoopSettings(phase=settings.phase, device=settings.device, precision=settings.precision)


@scenario(
    question="What do lower precisions buy, and what do they cost?",
    variants=grid(
        Settings,
        device=["cpu", "cuda"],
        phase=["train", "infer"],
        precision=["fp32", "tf32", "bf16-autocast", "fp16-autocast", "bf16-weights"],
    ),
    compare="precision",
    within=("phase", "device"),
    answer="trade_off",
    requires=_requires,
    process=lambda s: process_of(loop_settings(s)),
    changes=changes,
)
def precision(settings: Settings, task: Task) -> Workload:
    """Run the loop in one number format: rounded products, autocast, or weights that are stored shorter."""
    _demand_support(settings)
    measured = loop_settings(settings)
    loop = make_loop(measured, task)
    scaled = settings.precision == "fp16-autocast" and settings.phase == "train"
    updates = _Updates(loop) if scaled else None
    metrics: dict[str, float] = {}

    def check() -> list[Check]:
        if updates is not None:
            metrics["skipped_steps"] = float(updates.skipped)
        checks = [
            finite("loss" if settings.phase == "train" else "output", loop.step()),
            *_tf32_as_asked(settings),
            computes_in(settings.precision, loop),
            *_near_plain(loop, task, settings),
        ]
        accuracies = _accuracies(loop, task, measured)
        if accuracies is None:
            return checks
        metrics["accuracy"], plain = accuracies
        if settings.precision == "fp32":
            return checks
        lost = plain - metrics["accuracy"]
        return [*checks, Check("accuracy_lost_against_fp32", lost, limit=ACCURACY_TOLERANCE, direction="<=")]

    step = loop.step if updates is None else updates.step
    return Workload(step, check, items_per_step=measured.items_per_step, metrics=metrics)


class _Updates:
    """Counts a loop's steps, and those of them that updated the weights: the scaler skips the others."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._steps = 0
        self._updates = 0
        (optimizer,) = loop.optimizers
        optimizer.register_step_post_hook(self._updated)

    @property
    def skipped(self) -> int:
        """How many steps so far did not update the weights."""
        return self._steps - self._updates

    def step(self) -> Tensor:
        """Do the loop's next step."""
        self._steps += 1
        return self._loop.step()

    def _updated(self, *_: object) -> None:
        self._updates += 1


def _demand_support(settings: Settings) -> None:
    """Skip the variant if the GPU's hardware does not have its number format."""
    if settings.device != "cuda" or settings.precision in {"fp32", "fp16-autocast"}:
        return
    import torch

    major, minor = torch.cuda.get_device_capability()
    if (major, minor) < FIRST_WITH_TF32:
        raise Skip(
            f"{torch.cuda.get_device_name()} (compute capability {major}.{minor}) has no TF32 and no bfloat16"
        )


def _tf32_as_asked(settings: Settings) -> list[Check]:
    """Return the check that both of torch's flags are what the precision says; none on a CPU."""
    if settings.device == "cpu":
        return []
    wrong = sum(flag != (settings.precision == "tf32") for flag in numerics.tf32_flags())
    return [Check("tf32_flags_wrong", float(wrong), limit=0, direction="<=")]


def computes_in(precision: Precision, loop: Loop) -> Check:
    """Run a step and return the check that layers put out the precision's format; for fp32 no shorter one at all."""
    import torch

    formats = [output.dtype for output in outputs_of(loop.model.modules(), loop.step)]
    wanted = numerics.computed_in(precision)
    name = str(wanted).removeprefix("torch.")
    if wanted == torch.float32:
        shorter = sum(dtype in {torch.float16, torch.bfloat16} for dtype in formats)
        return Check(f"outputs_shorter_than_{name}", float(shorter), limit=0, direction="<=")
    return Check(f"outputs_in_{name}", float(formats.count(wanted)), limit=1, direction=">=")


def _near_plain(loop: Loop, task: Task, settings: Settings) -> list[Check]:
    """Return the checks that the first step's loss and gradients, or its output, are those of fp32."""
    found = first_results(loop, task)
    # Made after the other has run: the flags for TF32 are the whole process's.
    plain = make_loop(LoopSettings(phase=settings.phase, device=settings.device), task)
    expected = first_results(plain, task)
    limits = (
        {"loss": LOSS_TOLERANCE, "gradient": GRADIENT_TOLERANCE}
        if settings.phase == "train"
        else {"output": OUTPUT_TOLERANCE}
    )
    if settings.precision == "fp32":
        limits = dict.fromkeys(limits, PLAIN_TOLERANCE)
    return [
        Check(
            f"{name}_error_against_fp32",
            relative_error(found[name], expected[name]),
            limit=limit,
            direction="<=",
        )
        for name, limit in limits.items()
    ]


def first_results(loop: Loop, task: Task) -> dict[str, list[Tensor]]:
    """Return the loss and the gradients of a loop's first step from the fresh weights, or its output, in float32.

    A step that the scaler has skipped has changed no weight and is done again.
    """
    loop.restart(fresh_weights(task))
    loop.model.eval()
    for _ in range(MOST_SKIPPED):
        result = loop.step().float()
        gradients = [p.grad.float() for p in loop.model.parameters() if p.grad is not None]
        if all(bool(gradient.isfinite().all()) for gradient in gradients):
            break
    return {"loss": [result], "gradient": gradients} if loop.optimizers else {"output": [result]}


def _accuracies(loop: Loop, task: Task, measured: LoopSettings) -> tuple[float, float] | None:
    """Return the accuracies of the settings measured and of fp32; None: the task does not define any."""
    batches = examples(task)
    if batches is None:
        return None
    plain = LoopSettings(phase=measured.phase, device=measured.device)
    trained = train_shortly(plain, task, batches)
    expected = accuracy_of(trained, plain, task, batches)
    if measured.phase == "infer":
        loop.restart(trained.state_dict())
        found = accuracy_of(loop.model, measured, task, batches)
    elif measured == plain:
        found = expected
    else:
        found = accuracy_of(train_shortly(measured, task, batches), measured, task, batches)
    return None if found is None or expected is None else (found, expected)
