"""The default model: a small convolutional network for 28 x 28 images of ten classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor


class ConvBlock(nn.Module):
    """A convolution of 5 x 5, the maximum over 2 x 2, and a ReLU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size=5)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, out_channels, (H - 4) / 2, (W - 4) / 2) of (N, in_channels, H, W)."""
        return functional.relu(functional.max_pool2d(self.conv(x), 2))


class Head(nn.Module):
    """Two fully connected layers with a ReLU between them."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits (N, 10) of (N, 20, 4, 4)."""
        # flatten copies where it must; a view fails on activations in channels_last.
        logits: Tensor = self.fc2(functional.relu(self.fc1(x.flatten(1))))
        return logits


class CNN(nn.Module):
    """Two blocks with a convolution each and a head; 21,840 parameters, 0.96 MFLOP an image forward.

    Its children are what checkpointing works on: each can drop what it holds inside.
    """

    def __init__(self) -> None:
        super().__init__()
        self.block1 = ConvBlock(1, 10)
        self.block2 = ConvBlock(10, 20)
        self.head = Head()

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits.

        Args:
            images: (N, 1, 28, 28).

        Returns:
            (N, 10).
        """
        logits: Tensor = self.head(self.block2(self.block1(images)))
        return logits
