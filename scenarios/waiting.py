"""How much of a loop's time is spent waiting for its next batch."""

from __future__ import annotations

from time import perf_counter_ns
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from scenarios.loop import Loop


class Watch:
    """Adds up how long steps have taken on the host and how much of that they waited for data."""

    def __init__(self, loop: Loop) -> None:
        """Take up a loop that has not done a step."""
        self._loop = loop
        self._num_steps = 0
        self._steps_ns = 0
        self._first_waited_ns = 0

    def step(self) -> Tensor:
        """Do the loop's step; the first, in which workers start, is not counted."""
        began_ns = perf_counter_ns()
        result = self._loop.step()
        if self._num_steps:
            self._steps_ns += perf_counter_ns() - began_ns
        else:
            self._first_waited_ns = self._loop.feed.waited_ns
        self._num_steps += 1
        return result

    @property
    def data_wait_share(self) -> float:
        """From 0 to 1; 0 before the second step."""
        waited_ns = self._loop.feed.waited_ns - self._first_waited_ns
        return waited_ns / self._steps_ns if self._steps_ns else 0.0
