"""What a step does, seen from outside: which operators it calls, what layers put out. For checks; it slows a step."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from torch import Tensor, nn


def operators_of(step: Callable[[], object]) -> Counter[str]:
    """Run a step and count the operators that it calls, those of its backward pass included.

    Returns:
        How often each was called, under names such as `aten.convolution.default`.
    """
    from torch.utils._python_dispatch import TorchDispatchMode

    counts: Counter[str] = Counter()

    class Listing(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            counts[str(func)] += 1
            return func(*args, **(kwargs or {}))

    with Listing():  # type: ignore[no-untyped-call]
        step()
    return counts


def outputs_of(modules: Iterable[nn.Module], step: Callable[[], object]) -> list[Tensor]:
    """Run a step and return what these modules put out, detached, in the order of their calls.

    Outputs that are no tensors are left out.
    """
    import torch

    outputs: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: object, output: object) -> None:
        if torch.is_tensor(output):
            outputs.append(output.detach())

    hooks = [module.register_forward_hook(keep) for module in modules]
    try:
        step()
    finally:
        for hook in hooks:
            hook.remove()
    return outputs
