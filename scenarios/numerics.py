"""Number formats of a loop: what is stored, what is computed in, and the scaler that fp16 needs."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from benchsuite import Device

Precision: TypeAlias = Literal["fp32", "tf32", "bf16-autocast", "fp16-autocast", "bf16-weights"]


def set_tf32(precision: Precision) -> None:
    """Let CUDA round float32 products to TF32 where that is asked for, and nowhere else.

    cuDNN does so by default for convolutions: both flags are set, so that fp32 means float32. They hold
    for the whole process: the loop that was made last decides for all.
    """
    import torch

    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.allow_tf32 = precision == "tf32"


def tf32_flags() -> tuple[bool, bool]:
    """Return whether products and whether convolutions on CUDA may be rounded to TF32."""
    import torch

    return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32


def computed_in(precision: Precision) -> torch.dtype:
    """Return the format in which products leave a layer; TF32 is stored as float32."""
    import torch

    if precision == "fp16-autocast":
        return torch.float16
    return torch.float32 if precision in {"fp32", "tf32"} else torch.bfloat16


def autocast(precision: Precision, device: Device) -> contextlib.AbstractContextManager[object]:
    """Return the context in which forward pass and loss are computed; it may be entered again and again."""
    import torch

    if precision in {"bf16-autocast", "fp16-autocast"}:
        return torch.autocast(device, dtype=computed_in(precision))
    return contextlib.nullcontext()


def make_scaler(precision: Precision, device: Device) -> torch.amp.GradScaler | None:
    """Return the scaler that keeps small fp16 gradients from vanishing; None: this format needs none."""
    import torch

    return torch.amp.GradScaler(device) if precision == "fp16-autocast" else None


def stored(module: nn.Module, precision: Precision) -> nn.Module:
    """Return the model with its weights in the format that they are stored in."""
    import torch

    return module.to(dtype=torch.bfloat16) if precision == "bf16-weights" else module


def as_input(tensor: Tensor, precision: Precision) -> Tensor:
    """Return inputs in the format that the model's weights have; labels and indices stay as they are."""
    import torch

    if precision == "bf16-weights" and tensor.is_floating_point():
        return tensor.to(torch.bfloat16)
    return tensor
