"""Bytes that a step's operators read and write."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ALLOCATING = ("empty", "new_empty")
"""How the names of operators begin that hand out memory and leave it as it is."""
FILLING = ("new_", "ones_like", "zeros_like", "full_like", "rand_like", "randn_like", "randint_like")
"""How the names of operators begin that look at the shape of their first operand alone."""
OVERWRITING = frozenset({
    "copy_", "fill_", "zero_", "_foreach_copy_", "_foreach_zero_",
    "bernoulli_", "cauchy_", "exponential_", "geometric_", "log_normal_", "normal_", "random_", "uniform_",
})  # fmt: skip
"""Operators that write their first operand without reading it."""
ASKING = frozenset({"_local_scalar_dense", "equal"})
"""Operators that read their operands and return no tensor; others that return none ask for a shape or the like."""
PICKING = frozenset({"embedding", "gather", "index", "index_select", "take", "_unsafe_index"})
"""Operators that read as many elements of their first operand as they return."""
PUTTING = frozenset({
    "index_add_", "index_copy_", "index_fill_", "index_put_", "_index_put_impl_", "put_",
    "scatter_", "scatter_add_", "scatter_reduce_",
})  # fmt: skip
"""Operators that change as many elements of their first operand as the largest of the others has."""
BAGS = ("_embedding_bag",)
"""How the names of operators begin that read a row of their first operand for each element of their second."""


class MovedBytes(TorchDispatchMode):
    """Adds up, while it is entered, what each operator reads and writes of its operands.

    An operand counts with the elements that it has in memory: an expanded one with those that it repeats, one that is
    handed over twice only once. Views and what only asks for a shape move nothing. Between operators nothing is
    remembered: what a cache still holds counts again.

    Enter it before FlopCounterMode, which takes composite operators apart, to see what they consist of.
    """

    supports_higher_order_operators = True

    def __init__(self, device_type: str) -> None:
        """Count tensors on devices of one type: a GPU's ceilings say nothing of the host's memory."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.device_type = device_type
        self._total = 0
        self._complete = True

    @property
    def total(self) -> int | None:
        """In bytes; None: an operator or a tensor was of a kind whose memory cannot be told."""
        return self._total if self._complete else None

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run an operator and count what it moved."""
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if isinstance(func, OpOverload):
            if _roles(func).moves:
                self._total += self._moved(func, args, kwargs, result)
        else:
            self._complete = False
        return result

    def _moved(
        self, func: OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: object
    ) -> int:
        roles = _roles(func)
        operands = {**dict(zip(roles.names, args, strict=False)), **kwargs}
        written = set(roles.written)
        if func.name().startswith("aten::_fused_") and operands.get("grad_scale") is None:
            # The schema says what may happen: gradients are written only where they are scaled back.
            written -= {"grads"}
        read: dict[object, int] = {}
        changed: dict[object, int] = {}
        storages: set[int] = set()
        most = _most_elements(func, operands, result)
        for name, value in operands.items():
            for tensor in self._counted(value):
                storages.add(tensor.untyped_storage().data_ptr())
                num_bytes = _num_bytes(tensor, most if name == roles.first else None)
                if name not in roles.unread:
                    read[_place(tensor)] = num_bytes
                if name in written:
                    changed[_place(tensor)] = num_bytes
        returned = list(self._counted(result))
        made = [one for one in returned if one.untyped_storage().data_ptr() not in storages]
        if returned and not made and not written:
            return 0  # a view, though the operator's schema does not say so
        return sum(read.values()) + sum(changed.values()) + sum(_num_bytes(one) for one in made)

    def _counted(self, value: object) -> Iterator[torch.Tensor]:
        """Yield the tensors on this device that a value consists of."""
        if isinstance(value, torch.Tensor):
            if value.layout != torch.strided or value.is_nested or hasattr(value, "__tensor_flatten__"):
                self._complete = False
            elif value.device.type == self.device_type:
                yield value
        elif isinstance(value, (list, tuple)):
            for one in value:
                yield from self._counted(one)


@dataclass(frozen=True, slots=True)
class _Roles:
    """What an operator does with its arguments, as its schema and its name say."""

    moves: bool
    names: tuple[str, ...]
    written: frozenset[str]
    unread: frozenset[str]

    @property
    def first(self) -> str:
        return self.names[0] if self.names else ""


@cache
def _roles(func: OpOverload) -> _Roles:
    name = _name(func)
    arguments = func._schema.arguments  # noqa: SLF001 - there is no public way to an operator's schema
    names = tuple(argument.name for argument in arguments)
    written = frozenset(
        argument.name
        for argument in arguments
        if argument.alias_info is not None and argument.alias_info.is_write
    )
    unread = {argument.name for argument in arguments if argument.kwarg_only and argument.name in written}
    if name in OVERWRITING or name.startswith(FILLING):
        unread |= set(names[:1])
    returns = any("Tensor" in str(one.type) for one in func._schema.returns)  # noqa: SLF001 - as above
    metadata = func.is_view or torch.Tag.inplace_view in func.tags or name.startswith(ALLOCATING)
    moves = not metadata and (returns or bool(written) or name in ASKING)
    return _Roles(moves, names, written, frozenset(unread))


def _name(func: OpOverload) -> str:
    return str(func.name()).partition("::")[2].partition(".")[0]


def _most_elements(func: OpOverload, operands: Mapping[str, Any], result: object) -> int | None:
    """Return how many elements an indexing operator touches of its first operand at most; None: all of them."""
    name = _name(func)
    if name in PICKING:
        return result.numel() if isinstance(result, torch.Tensor) else None
    first, *others = operands.values()
    if name in PUTTING:
        return max((one.numel() for one in _tensors(others)), default=None)
    if name.startswith(BAGS) and isinstance(first, torch.Tensor):
        return int(others[0].numel()) * first.shape[-1]
    return None


def _tensors(values: list[Any]) -> Iterator[torch.Tensor]:
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _tensors(list(value))


def _num_bytes(tensor: torch.Tensor, most: int | None = None) -> int:
    """Return the bytes of a tensor's elements, each place in memory once."""
    if not tensor.numel():
        return 0
    elements, span = 1, 1
    for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
        elements *= size if stride else 1
        span += (size - 1) * stride
    elements = min(elements, span)
    return tensor.element_size() * (elements if most is None else min(elements, most))


def _place(tensor: torch.Tensor) -> tuple[object, ...]:
    return (tensor.untyped_storage().data_ptr(), tensor.storage_offset(), tensor.shape, tensor.stride())
