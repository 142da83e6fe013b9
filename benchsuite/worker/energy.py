"""Energy of a step on NVIDIA GPUs, from the counter that each of them keeps.

The counter moves on only every 20 to 100 ms, too seldom for a turn of 20 ms: steps are run for it alone,
from one of its movements to another, a second or more later.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from time import perf_counter_ns
from typing import TYPE_CHECKING

from benchsuite.worker import device

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchsuite.scenario import Workload

MIN_SPAN_NS = 1_000_000_000
CHUNK_NS = 5_000_000
"""So long run steps between two looks at the counter: seldom enough to keep the device's queue filled."""
PATIENCE_NS = 2_000_000_000
"""A counter that stands still for so long, under load, does not work."""


@dataclass(slots=True)
class Meter:
    """One device's counter, and how far it had come after how many steps."""

    read: Callable[[], int]
    """Returns millijoules since the driver was loaded."""
    millijoules: int
    moved_ns: int
    """When it was last seen to move, or first looked at."""
    start: tuple[int, int, int] | None = None
    """Millijoules, time in ns and steps when it was first seen to move."""
    joules_per_step: float = math.nan

    def look(self, steps: int, now_ns: int) -> None:
        """Read the counter after so many steps, at this time."""
        millijoules = self.read()
        if millijoules == self.millijoules:
            return
        self.millijoules, self.moved_ns = millijoules, now_ns
        if self.start is None:
            self.start = (millijoules, now_ns, steps)
        elif now_ns - self.start[1] >= MIN_SPAN_NS and not self.done:
            self.joules_per_step = (millijoules - self.start[0]) / (steps - self.start[2]) / 1000

    @property
    def done(self) -> bool:
        """Whether it has moved twice, a second or more apart."""
        return not math.isnan(self.joules_per_step)


def measure(workload: Workload) -> dict[str, float]:
    """Run steps for a second or a little more and return what each took, in joules, as `energy`.

    Returns:
        The sum over all devices that hold memory of this process; empty where the work has a fixed
        length, no device is used, NVML's optional bindings are missing, or a counter does not work.
    """
    if workload.num_steps is not None or not device.cuda_in_use():
        return {}
    device.synchronize()
    try:
        meters = _meters(perf_counter_ns())
    except Exception:  # noqa: BLE001 - whatever NVML's bindings raise: there is no counter
        return {}
    if not meters:
        return {}
    steps, chunk = 0, 1
    now_ns = perf_counter_ns()
    while not all(meter.done for meter in meters):
        for _ in range(chunk):
            workload.step()
        device.synchronize()
        steps += chunk
        before_ns, now_ns = now_ns, perf_counter_ns()
        chunk = max(1, round(chunk * CHUNK_NS / max(1, now_ns - before_ns)))
        try:
            for meter in meters:
                meter.look(steps, now_ns)
        except Exception:  # noqa: BLE001 - as above
            return {}
        if any(now_ns - meter.moved_ns > PATIENCE_NS for meter in meters):
            return {}
    return {"energy": sum(meter.joules_per_step for meter in meters)}


def _meters(now_ns: int) -> list[Meter]:
    nvml, handles = device.nvml()
    counters = [functools.partial(nvml.nvmlDeviceGetTotalEnergyConsumption, handle) for handle in handles]
    return [Meter(read, read(), now_ns) for read in counters]
