"""Floating-point operations of a step, by operator and input shapes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.flop_counter import FlopCounterMode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


def count(step: Callable[[], object]) -> dict[tuple[str, str], int]:
    """Run one step and count its FLOPs by operator, such as `aten::mm`, and the shapes of its inputs.

    The step must be an eager one: a dispatch mode would break compiled graphs up. Formulas are torch's: a
    multiplication and an addition count as two, an operator without a formula counts nothing.
    """
    counter = _ByShapes()
    with counter:
        step()
    return dict(counter.found)


def said(shapes: Iterable[Sequence[int]]) -> str:
    """Return the shapes of inputs as text, `100x1x28x28, 10x1x5x5, 10`; what has no dimensions is left out."""
    return ", ".join("x".join(map(str, shape)) for shape in shapes if shape)


class _ByShapes(FlopCounterMode):
    def __init__(self) -> None:
        super().__init__(display=False)
        self.found: Counter[tuple[str, str]] = Counter()

    def _count_flops(self, func_packet: Any, out: Any, args: Any, kwargs: Any) -> Any:
        before = self.get_total_flops()
        result = super()._count_flops(func_packet, out, args, kwargs)  # type: ignore[no-untyped-call]
        shapes = (tuple(argument.shape) for argument in args if isinstance(argument, torch.Tensor))
        self.found[str(func_packet).replace(".", "::", 1), said(shapes)] += self.get_total_flops() - before
        return result
