"""Optimizers written out after their definitions, in float64: what checks hold torch's against.

Their options stand here once more, so that a wrong one in the tested optimizer is found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from scenarios.optimizers import OptimizerName


def after_updates(
    name: OptimizerName,
    weights: Tensor,
    gradient: Tensor,
    num_steps: int,
    *,
    l1: float = 0.0,
    l2: float = 0.0,
) -> Tensor:
    """Return what weights become that are updated again and again by the same gradient.

    Args:
        name: the optimizer; it starts without any state.
        weights: any shape; they stay as they are.
        gradient: of the loss without the penalties, in the same shape.
        num_steps: so many updates.
        l1: weight of the sum of absolute values in the loss.
        l2: weight of half the sum of squares in the loss.

    Returns:
        In float64, in the weights' shape and on their device.
    """
    rules = {"sgd": _sgd, "momentum": _momentum, "adam": _adam, "adamw": _adamw, "adagrad": _adagrad}
    start, held = weights.detach().double().clone(), gradient.detach().double()

    def gradient_at(w: Tensor) -> Tensor:
        return held + l1 * w.sign() + l2 * w

    return rules[name](start, gradient_at, num_steps)


def _sgd(w: Tensor, gradient_at: Callable[[Tensor], Tensor], num_steps: int) -> Tensor:
    for _ in range(num_steps):
        w = w - 0.01 * gradient_at(w)
    return w


def _momentum(w: Tensor, gradient_at: Callable[[Tensor], Tensor], num_steps: int) -> Tensor:
    velocity = w * 0
    for _ in range(num_steps):
        velocity = 0.9 * velocity + gradient_at(w)
        w = w - 0.01 * velocity
    return w


def _adam(w: Tensor, gradient_at: Callable[[Tensor], Tensor], num_steps: int, decay: float = 0.0) -> Tensor:
    """Kingma and Ba, Adam, 2015, algorithm 1; with a decay Loshchilov and Hutter, AdamW, 2019, algorithm 2."""
    mean = square = w * 0
    for t in range(1, num_steps + 1):
        g = gradient_at(w)
        mean = 0.9 * mean + 0.1 * g
        square = 0.999 * square + 0.001 * g**2
        direction = mean / (1 - 0.9**t) / ((square / (1 - 0.999**t)).sqrt() + 1e-8)
        w = w - 0.001 * (direction + decay * w)
    return w


def _adamw(w: Tensor, gradient_at: Callable[[Tensor], Tensor], num_steps: int) -> Tensor:
    return _adam(w, gradient_at, num_steps, decay=0.01)


def _adagrad(w: Tensor, gradient_at: Callable[[Tensor], Tensor], num_steps: int) -> Tensor:
    """Duchi, Hazan and Singer, Adaptive subgradient methods, 2011, with diagonal matrices."""
    square = w * 0
    for _ in range(num_steps):
        g = gradient_at(w)
        square = square + g**2
        w = w - 0.01 * g / (square.sqrt() + 1e-10)
    return w
