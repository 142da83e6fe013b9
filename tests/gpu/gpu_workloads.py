"""Scenarios on a GPU whose figures are known: for a real run."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchsuite import CUDA, Check, Workload, grid, scenario

sys.path.append(str(Path(__file__).parent))
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Settings:
    work: Literal["product", "kernels", "captured-kernels", "planted-peak"] = "product"


@scenario(
    question="Are the figures of a GPU right?",
    variants=grid(Settings, work=["product", "kernels", "captured-kernels", "planted-peak"]),
    compare="work",
    requires=lambda _: [CUDA],
)
def known(settings, task):
    """Do work of which kernels, peak and time are known."""
    import gpu_steps
    import torch

    def peak():
        first = torch.empty(64 * MIB, dtype=torch.uint8, device="cuda")
        second = torch.empty(32 * MIB, dtype=torch.uint8, device="cuda")
        return first, second

    makers = {
        "product": gpu_steps.product,
        "kernels": gpu_steps.kernels,
        "captured-kernels": gpu_steps.captured_kernels,
        "planted-peak": lambda: peak,
    }
    return Workload(makers[settings.work](), lambda: [Check("a fact", 1.0, 1.0, "<=")])
