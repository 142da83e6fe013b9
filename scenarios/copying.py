"""From host memory onto the device: on the stream that works, or ahead of it on a stream beside.

Whether a copy lets the host go on is decided by the memory that it reads: from pageable memory CUDA
first copies into a pinned buffer of its own, and `non_blocking` changes nothing, without a warning.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from scenarios.feed import placed

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from scenarios.feed import Batch, Feed
    from scenarios.loop import LoopSettings
    from scenarios.sources import Source


def make(source: Source, settings: LoopSettings, example: Batch) -> Feed:
    """Return the feed that copies a source's batches as these settings ask for."""
    kind = Copied if settings.copy_stream == "same" else CopiedAhead
    return kind(source, settings, example)


class Copied:
    """Copies each batch when it is asked for, into fresh memory, on the stream that will read it."""

    def __init__(self, source: Source, settings: LoopSettings, example: Batch) -> None:
        """Take up a source; nothing is copied yet."""
        self.example = example
        self.waited_ns = 0
        self._source = source
        self._settings = settings

    def next(self) -> Batch:
        """Return the next batch on the device."""
        inputs, target = self.in_host_memory()
        return placed(self._copied(inputs), self._settings), self._copied(target)

    def in_host_memory(self) -> Batch:
        """Return the next batch in the memory that it is copied from."""
        began_ns = perf_counter_ns()
        inputs, target = self._source.next()
        self.waited_ns += perf_counter_ns() - began_ns
        if self._settings.host_memory == "pinned-in-loop":
            return inputs.pin_memory(), target.pin_memory()
        return inputs, target

    def restart(self, num_batches: int = 0) -> None:
        """Go back to the first batch."""
        self._source.restart(num_batches)

    def pause(self) -> None:
        """Stop the source's processes."""
        self._source.pause()

    def resume(self) -> None:
        """Let the source's processes work on."""
        self._source.resume()

    def close(self) -> None:
        """End the source's processes."""
        self._source.close()

    def _copied(self, tensor: Tensor) -> Tensor:
        # Batches that a loader has made for this step alone need no copy where host and device are one.
        return tensor.to(
            self._settings.device,
            non_blocking=self._settings.non_blocking,
            copy=self._settings.data == "host",
        )


@dataclass(slots=True)
class Buffer:
    """Memory on the device that every second batch is copied into."""

    inputs: Tensor
    target: Tensor
    copied: torch.cuda.Event
    """Lies behind the last copy into this buffer."""


class CopiedAhead(Copied):
    """Copies the next batch on a stream of its own while the device works on this one, into two buffers in turn."""

    def __init__(self, source: Source, settings: LoopSettings, example: Batch, cuda: Any = None) -> None:
        """Take up a source; nothing is copied yet.

        Args:
            source: of batches in host memory.
            settings: of the loop.
            example: a batch on the device.
            cuda: stands in for torch.cuda.
        """
        import torch

        super().__init__(source, settings, example)
        self._cuda = cuda or torch.cuda
        self._side = self._cuda.Stream()
        self._buffers: list[Buffer] = []
        self._next_index = 0
        self._ahead: Buffer | None = None

    def next(self) -> Batch:
        """Return the batch that was copied ahead, and start to copy the one after it."""
        buffer = self._ahead or self._copy_ahead()
        self._work_waits_for_copy(buffer)
        self._ahead = self._copy_ahead()
        return placed(buffer.inputs, self._settings), buffer.target

    def restart(self, num_batches: int = 0) -> None:
        """Go back to the first batch; what was copied ahead is dropped."""
        self._ahead = None
        super().restart(num_batches)

    def close(self) -> None:
        """Release the buffers once nothing is copied into them."""
        self._cuda.current_stream().wait_stream(self._side)
        self._buffers = []
        self._ahead = None
        super().close()

    def _copy_ahead(self) -> Buffer:
        inputs, target = self.in_host_memory()
        buffer = self._next_buffer(inputs, target)
        self._copy_waits_for_work()
        with self._cuda.stream(self._side):
            self._copy(inputs, target, buffer)
            buffer.copied.record(self._side)
        return buffer

    def _next_buffer(self, inputs: Tensor, target: Tensor) -> Buffer:
        import torch

        device = self.example[1].device
        if not self._buffers:
            self._buffers = [
                Buffer(
                    torch.empty_like(inputs, device=device),
                    torch.empty_like(target, device=device),
                    self._cuda.Event(),
                )
                for _ in range(2)
            ]
        self._next_index = 1 - self._next_index
        return self._buffers[self._next_index]

    def _copy(self, inputs: Tensor, target: Tensor, buffer: Buffer) -> None:
        buffer.inputs.copy_(inputs, non_blocking=self._settings.non_blocking)
        buffer.target.copy_(target, non_blocking=self._settings.non_blocking)

    def _work_waits_for_copy(self, buffer: Buffer) -> None:
        """Let the stream that works wait until the batch is there."""
        self._cuda.current_stream().wait_event(buffer.copied)

    def _copy_waits_for_work(self) -> None:
        """Let the copy wait for all work given to the device so far: some of it reads the same buffer.

        That is the step before the one whose batch is handed out next, which is not held up.
        """
        self._side.wait_stream(self._cuda.current_stream())
