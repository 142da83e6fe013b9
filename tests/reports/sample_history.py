"""Writes runs of many days into a folder: one variant becomes slower, one faster, one fails for two days, one stays."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sample_run import make_info

from benchsuite.record import CANARY, CheckResult, Record, Turn
from benchsuite.store import RunDirectory

if TYPE_CHECKING:
    from pathlib import Path

FIRST = datetime(2026, 3, 1, 9, tzinfo=UTC)
SLOWER, FASTER, FAILING, STEADY = (f"compile[mode={mode},phase=infer]" for mode in ("a", "b", "c", "d"))
SLOWER_FROM, FASTER_FROM, FAILED, MORE_OPERATORS_FROM = 25, 15, (10, 11), 30
NEW_TORCH_FROM = 25
ROUNDS = 3


def write_history(root: Path, days: int = 40, *, seed: int = 3) -> list[Path]:
    """Write one run for each day; of the noise, each variant has its own."""
    noise = random.Random(seed)
    return [
        write_day(root, number, [_trials(noise, number), _canary(4e6 * _near_one(noise))])
        for number in range(days)
    ]


def write_day(root: Path, number: int, records: list[list[Record]], **changes: Any) -> Path:
    """Write the run of one day."""
    when = FIRST + timedelta(days=number)
    started = when.isoformat(timespec="seconds")
    torch = "2.11.0" if number < NEW_TORCH_FROM else "2.12.0"
    info = make_info(
        **{
            "started": started,
            "finished": started,
            "commit": commit_of(number),
            "scenarios": (),
            "environments": {"e1": {"torch": torch, "threads": 2, "env": {"OMP_NUM_THREADS": "2"}}},
            **changes,
        }
    )
    directory = RunDirectory(root / f"{when:%Y%m%dT%H%M%SZ}-{number:06x}")
    directory.path.mkdir(parents=True)
    directory.write_info(info)
    directory.append(*(record for members in records for record in members))
    return directory.path


def commit_of(number: int) -> str:
    """Return the commit of a day."""
    return f"{number + 0xABC000:06x}" + "0123456789" * 3 + "abcd"


def timing(variant: str, step_ns: float, repetition: int = 0, **more: Any) -> Record:
    """Make one timing trial."""
    values: dict[str, Any] = {
        "variant": variant,
        "scenario": "compile",
        "settings": {"mode": variant, "phase": "infer"},
        "context": {"phase": "infer"},
        "baseline": False,
        "pass_": "timing",
        "repetition": repetition,
        "group": f"g{repetition}",
        "outcome": "completed",
        "started": "2026-03-01T09:00:00Z",
        "environment": "e1",
        "threads": 2,
        "items_per_step": 100,
        "turns": tuple(Turn(order, 2, round(2 * step_ns)) for order in range(5)),
        "checks": (CheckResult("equal to the reference", 0.0, 1e-3, "<=", ok=True),),
    }
    return Record(**{**values, **more})


def counted(variant: str, **metrics: float) -> Record:
    """Make one operator pass."""
    return timing(variant, 1.0, pass_="operators", group="o", turns=(), metrics=metrics, checks=())


def _trials(noise: random.Random, number: int) -> list[Record]:
    found = []
    for place, variant in enumerate((SLOWER, FASTER, FAILING, STEADY)):
        level = 9e6 * (1 + place)
        level *= 1.06 if variant == SLOWER and number >= SLOWER_FROM else 1.0
        level *= 0.8 if variant == FASTER and number >= FASTER_FROM else 1.0
        level *= _near_one(noise)
        for repetition in range(ROUNDS):
            if variant == FAILING and number in FAILED:
                failed = {
                    "outcome": "failed",
                    "reason": "out of memory\nlast words",
                    "turns": (),
                    "checks": (),
                }
                found.append(timing(variant, 1.0, repetition, **failed))
            else:
                contention = {"wait_share": 0.3 if number % 9 == 0 else 0.0}
                found.append(
                    timing(variant, level * noise.gauss(1, 0.004), repetition, contention=contention)
                )
        operators = 187.0 if number < MORE_OPERATORS_FROM else 190.0
        found.append(counted(variant, operators=operators, synchronisations=0.0))
    return found


def _canary(step_ns: float) -> list[Record]:
    return [timing(CANARY, step_ns, scenario=CANARY, settings={}, context={}, checks=())]


def _near_one(noise: random.Random) -> float:
    return noise.gauss(1, 0.01)
