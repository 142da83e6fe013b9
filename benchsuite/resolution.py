"""The smallest change that this machine can show: measured on identical code against itself."""

from __future__ import annotations

import math
import random
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchsuite.errors import BenchsuiteError, UsageError
from benchsuite.plan import start_order
from benchsuite.procfs import usable_cpus
from benchsuite.starters import Starters
from benchsuite.statistics import robust_deviation, smallest_detectable
from benchsuite.trials import launch
from benchsuite.turns import run_group
from benchsuite.worker import canary
from benchsuite.worker.protocol import TrialSpec

if TYPE_CHECKING:
    from collections.abc import Callable

MIN_PAIRS = 4
TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Resolution:
    """How far apart identical workers came out, pinned to one core and taking turns."""

    pairs: int
    deviation: float
    """Robust standard deviation of one pair's log ratio."""
    largest: float
    """The largest ratio away from 1 that any pair showed, as a relative change."""
    smallest_detectable: float
    """Relative change shown in nine of ten cases by so many pairs."""

    def describe(self) -> str:
        """Say what this machine can show, in one line."""
        return (
            f"{self.pairs} pairs of identical workers differed by {self.deviation:.1%} (robust standard deviation), at most "
            f"by {self.largest:.1%}: so many pairs show a change of {self.smallest_detectable:.1%} and more."
        )


def measure_resolution(pairs: int, working_on: Callable[[str, float], None]) -> Resolution:
    """Let two identical workers take turns on one core, `pairs` times with fresh processes.

    Raises:
        UsageError: fewer than four pairs say nothing about a deviation.
        BenchsuiteError: a worker failed.
    """
    if pairs < MIN_PAIRS:
        raise UsageError(f"--pairs {pairs}: give 0 to look only, or at least {MIN_PAIRS} to measure")
    core = min(usable_cpus())
    spec = TrialSpec(
        scenario=canary.canary.name, module=canary.__name__, file=str(Path(canary.__file__).resolve()), settings={},
        pass_="timing", task_module=canary.__name__, task_file=str(Path(canary.__file__).resolve()),
        task_attribute="canary", threads=1, cores=(core,),
    )  # fmt: skip
    starters = Starters(None)
    ratios: list[float] = []
    pair_s = 2.0

    try:
        for pair in range(pairs):
            working_on(f"pair {pair + 1} of {pairs}", (pairs - pair) * pair_s)
            began = time.monotonic()
            start = launch(starters, spec, {})
            first, second = run_group(
                [start, start],
                start_order(2, pair, "doctor"),
                random.Random(f"doctor/{pair}"),
                timeout_s=TIMEOUT_S,
            )
            for outcome in (first, second):
                if outcome.message["event"] != "result":
                    raise BenchsuiteError(f"a worker failed: {outcome.message.get('reason')}")
            neighbours = zip(first.turns, second.turns, strict=True)
            ratios.append(statistics.median(math.log(a.step_ns / b.step_ns) for a, b in neighbours))
            pair_s = time.monotonic() - began
    finally:
        starters.renew()
    deviation = robust_deviation(ratios)
    return Resolution(
        pairs,
        deviation,
        math.expm1(max(abs(ratio) for ratio in ratios)),
        smallest_detectable(deviation, pairs),
    )
