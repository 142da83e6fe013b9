"""A scenario that tells when its first step begins: how long a worker takes until then."""

from __future__ import annotations

import time
from dataclasses import dataclass

from benchsuite import Check, Workload, scenario
from scenarios.loop import LoopSettings, make_loop


@dataclass(frozen=True, slots=True)
class Settings:
    """The reference batch, training on the CPU."""

    batch_size: int = 100


@scenario(question="When does the first step begin?", variants=[Settings()])
def ready(settings, task):
    """Build the model and its batch, as every scenario does."""
    loop = make_loop(LoopSettings(batch_size=settings.batch_size), task)
    workload = Workload(lambda: None, lambda: [Check("nothing", 0.0, 0.0, "<=")])

    def step():
        # The monotonic clock is the whole machine's: the parent subtracts its own reading.
        workload.metrics.setdefault("first_step_began_s", time.monotonic())
        loop.step()

    workload.step = step
    return workload
