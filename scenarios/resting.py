"""Random layers at rest: two runs of a model then differ by what is compared, and by nothing else."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn


@contextlib.contextmanager
def resting(model: nn.Module) -> Iterator[None]:
    """Keep all layers that are trained in evaluation mode, but those that need the other to be trained at all.

    Batch normalisation goes on as it is. So do recurrent layers, without their dropout.
    """
    from torch import nn

    modes = {module: module.training for module in model.modules()}
    dropouts = {module: module.dropout for module in modes if isinstance(module, nn.RNNBase)}
    trained = nn.modules.batchnorm._BatchNorm | nn.RNNBase  # noqa: SLF001 - torch offers no other name
    for module in modes:
        # Each by itself: `eval` would reach into those that are to stay as they are.
        module.training &= isinstance(module, trained)
    for module in dropouts:
        module.dropout = 0.0
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training
        for module, dropout in dropouts.items():
            module.dropout = dropout
