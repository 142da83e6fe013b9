"""How checks compare: the results of a fast path against those of a plain one.

References start from weights of their own: those of a loop that ran a thousand times over one batch
have gradients so small that rounding would drown them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from benchsuite import Check
from scenarios.resting import resting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from benchsuite import Phase, Task
    from scenarios.loop import Loop

SPREAD_FACTOR = 3
"""A run whose model is random even at rest may be so many times as far from a plain one as another plain run is."""
LARGEST_LIMIT = 0.5
"""No spread widens a limit further: a loop that never moves has an error of 1, one that goes the wrong way of 2."""


def finite(name: str, values: Tensor) -> Check:
    """Return the check that a tensor holds no NaN and no infinity."""
    return Check(f"{name}_not_finite", float((~values.isfinite()).sum().item()), limit=0, direction="<=")


def was_compiled() -> Check:
    """Return the check that torch.compile has compiled at least one graph in this process."""
    from torch._dynamo.utils import counters

    return Check("compiled_graphs", float(counters["stats"]["unique_graphs"]), limit=1, direction=">=")


def fresh_weights(task: Task) -> dict[str, Tensor]:
    """Return the state of a newly made model, the same in each call; torch's own seed is left alone."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return task.make_model().state_dict()


def results(task: Task, model: nn.Module, inputs: Tensor, target: Tensor, phase: Phase) -> list[Tensor]:
    """Return what a phase is about, on the CPU: the output (infer), or every parameter's gradient (train).

    The model is put into evaluation mode, where a batch's samples do not depend on one another and
    nothing is random, so that the same numbers may be asked of any split and any device.
    """
    import torch

    model.eval()
    if phase == "infer":
        with torch.inference_mode():
            return [model(inputs).cpu()]
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    loss = task.loss(model(inputs), target)
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    return [gradient.cpu() for gradient in gradients if gradient is not None]


def progress(loop: Loop, task: Task, num_steps: int = 3, seed: int = 0) -> list[Tensor]:
    """Return what a loop does from a beginning that every loop over this task can share, on the CPU.

    Args:
        loop: is put back to the fresh weights and to its first batch, and runs on from there.
        task: whose model it trains, or asks.
        num_steps: so many steps are run.
        seed: for random layers, such as dropout.

    Returns:
        How far each parameter has moved (train), or the last step's output (infer), in float32.
    """
    import torch

    loop.restart(fresh_weights(task))
    before = [parameter.detach().float().clone() for parameter in loop.model.parameters()]
    # torch's own seed is left alone: the next loop takes the order of its data from it.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for _ in range(num_steps):
            last = loop.step()
    if not loop.optimizers:
        return [last.detach().float().cpu().clone()]
    after = [parameter.detach().float() for parameter in loop.model.parameters()]
    return [(new - old).cpu() for new, old in zip(after, before, strict=True)]


def same_progress(  # noqa: PLR0917 - what is compared, and how closely
    name: str, loop: Loop, plain: Loop, task: Task, tolerance: float, plain_steps: int = 1, num_steps: int = 3
) -> Check:
    """Return the check that a loop does what a plain one does, up to rounding.

    A random layer such as dropout may draw its numbers in another order on a fast path. Where two runs of the
    plain loop from different seeds differ, the random layers of both loops rest for the comparison.

    Args:
        name: the check's.
        loop: the one that was measured; it runs first, under the flags that the process was measured with.
        plain: its reference, of the same phase.
        task: what both are about.
        tolerance: the largest relative error.
        plain_steps: so many steps of the plain loop are one of the other's.
        num_steps: so many steps of the loop are compared.
    """
    found = progress(loop, task, num_steps)
    expected, spread = plain_progress(plain, task, num_steps * plain_steps)
    if spread > tolerance:
        with resting(loop.model), resting(plain.model):
            found = progress(loop.remade(), task, num_steps)
            expected, spread = plain_progress(plain, task, num_steps * plain_steps)
    return Check(name, relative_error(found, expected), limit=widened(tolerance, spread), direction="<=")


def plain_progress(plain: Loop, task: Task, num_steps: int = 3) -> tuple[list[Tensor], float]:
    """Return what a plain loop does, and the relative error of another run of it, from another seed."""
    expected, again = (progress(plain, task, num_steps, seed) for seed in (0, 1))
    return expected, relative_error(again, expected)


def widened(tolerance: float, spread: float) -> float:
    """Return the limit of an error where the reference's own runs are so far apart."""
    return min(tolerance + SPREAD_FACTOR * spread, LARGEST_LIMIT) if math.isfinite(spread) else tolerance


def relative_error(found: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
    """Return the largest difference over the largest expected value, all tensors taken together.

    Returns:
        0 for equal values, infinity where all that was expected are zeros and something else was
        found, NaN where either side holds a NaN.
    """
    difference = _largest([a.double() - b.double() for a, b in zip(found, expected, strict=True)])
    scale = _largest(expected)
    if scale == 0:
        return 0.0 if difference == 0 else difference * float("inf")
    return difference / scale


def _largest(tensors: Sequence[Tensor]) -> float:
    import torch

    # torch's maximum, unlike Python's, passes a NaN on.
    return float(torch.stack([tensor.double().abs().max() for tensor in tensors]).max().item())
