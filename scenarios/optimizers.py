"""The optimizers that a training loop may use, each in the forms that torch has of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from torch import Tensor, nn
    from torch.optim import Optimizer

OptimizerName: TypeAlias = Literal["sgd", "momentum", "adam", "adamw", "adagrad"]
OptimizerForm: TypeAlias = Literal["default", "loop", "foreach", "fused"]

CLASSES: Mapping[OptimizerName, tuple[str, Mapping[str, float]]] = {
    "sgd": ("SGD", {"lr": 0.01}),
    "momentum": ("SGD", {"lr": 0.01, "momentum": 0.9}),
    "adam": ("Adam", {"lr": 0.001}),
    "adamw": ("AdamW", {"lr": 0.001}),
    "adagrad": ("Adagrad", {"lr": 0.01}),
}
"""Each name's class in torch.optim, and its options where torch's own default is not what is meant."""
FORMS: Mapping[OptimizerForm, Mapping[str, bool]] = {
    "default": {},
    "loop": {"foreach": False, "fused": False},
    "foreach": {"foreach": True},
    "fused": {"fused": True},
}
"""`default` is torch's own choice: foreach on CUDA, the loop on a CPU."""


def make_optimizer(
    parameters: Iterable[Tensor],
    name: OptimizerName = "sgd",
    form: OptimizerForm = "default",
    **options: float,
) -> Optimizer:
    """Return an optimizer over these parameters.

    Args:
        parameters: what it updates.
        name: which one.
        form: a Python loop over the parameters, one call for all of them, or one fused kernel.
        options: `lr` or `weight_decay`, where they are not the name's own.
    """
    import torch

    class_name, defaults = CLASSES[name]
    keywords: dict[str, Any] = {**defaults, **FORMS[form], **options}
    made: Optimizer = getattr(torch.optim, class_name)(parameters, **keywords)
    return made


def reset(optimizer: Optimizer) -> None:
    """Put an optimizer back to where it was before its first step.

    Clearing its state would not do: Adagrad makes its own when it is made.
    """
    make: Any = type(optimizer)
    fresh = make([dict(group) for group in optimizer.param_groups])
    optimizer.load_state_dict(fresh.state_dict())


def step_in_backward(
    model: nn.Module, make: Callable[[Iterable[Tensor]], Optimizer]
) -> tuple[Optimizer, ...]:
    """Give each parameter an optimizer of its own that steps, and frees the gradient, as soon as that is complete.

    No more than one gradient is alive at a time (torch's tutorial "How to save memory by fusing the
    optimizer step into the backward pass").
    """
    owned = {parameter: make([parameter]) for parameter in model.parameters() if parameter.requires_grad}

    def update(parameter: Tensor) -> None:
        owned[parameter].step()  # type: ignore[index]
        owned[parameter].zero_grad()  # type: ignore[index]

    for parameter in owned:
        parameter.register_post_accumulate_grad_hook(update)
    return tuple(owned.values())
