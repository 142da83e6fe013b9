"""How much of a loop's time is spent waiting for its next batch."""

from __future__ import annotations

from time import perf_counter_ns
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scenarios.feed import Feed


class Watch:
    """Adds up how long a workload's turns have taken, and how much of that they waited for data.

    A turn's time is that of all its work: on a GPU the host runs ahead of the device, and waits for it where
    the turn ends, after the last step.
    """

    def __init__(self, feed: Feed) -> None:
        """Take up the feed of a loop, whose workers stop and go on with the turns."""
        self._feed = feed
        self._turns_ns = 0
        self._waited_ns = 0
        self._began: tuple[int, int] | None = None
        """When this turn began, and how long the loop had waited by then; None: it is another's turn."""

    def resume(self) -> None:
        """Begin a turn."""
        self._feed.resume()
        self._began = perf_counter_ns(), self._feed.waited_ns

    def pause(self) -> None:
        """End a turn; what came before the first, the set-up and the warm-up, is none."""
        if self._began is not None:
            began_ns, waited_before_ns = self._began
            self._turns_ns += perf_counter_ns() - began_ns
            self._waited_ns += self._feed.waited_ns - waited_before_ns
            self._began = None
        self._feed.pause()

    @property
    def data_wait_share(self) -> float:
        """From 0 to 1; 0 before the end of the first turn."""
        return self._waited_ns / self._turns_ns if self._turns_ns else 0.0
