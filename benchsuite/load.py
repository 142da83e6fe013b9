"""What else this machine is doing: busy cores, stolen time, pressure and memory, watched for a moment."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchsuite import cgroup, procfs

if TYPE_CHECKING:
    from pathlib import Path

SHOWN_PROCESSES = 3
SHOWN_CORES = 0.1
"""Processes that keep less of a core busy than this are not worth naming."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What others did while they were watched; None stands for what this system does not tell."""

    num_cores: int
    busy_cores: float
    """How many cores' worth of time others used."""
    busiest: tuple[tuple[str, float], ...]
    """The processes that used most: name and cores, those of one name together."""
    average: float | None
    """Tasks that ran or waited, over the last minute."""
    pressure: float | None
    """Share of the last ten seconds in which some task waited for a core."""
    steal: float | None
    """Share of the time that the host gave to others."""
    steal_since_boot: float | None
    throttled: int
    """How often the CPU quota stopped this process's control group."""
    available_bytes: int
    swap_used_bytes: int


def watch(seconds: float, root: Path = procfs.ROOT) -> Load:
    """Watch this machine while this process sleeps.

    Args:
        seconds: how long; a core's time is counted in ticks of 10 ms.
        root: where /proc/pressure and the control groups are looked for.
    """
    import psutil

    throttled_before = _throttled(root)
    used_before = _used_by_process()
    before = psutil.cpu_times()
    time.sleep(seconds)
    after = psutil.cpu_times()
    used_after = _used_by_process()
    cores_by_name: dict[str, float] = defaultdict(float)
    for key, used in used_after.items():
        cores_by_name[key[1]] += (used - used_before.get(key, used)) / seconds
    spent = {name: max(0.0, value - getattr(before, name)) for name, value in after._asdict().items()}
    total = _total(spent)
    num_cores = psutil.cpu_count() or 1
    steal = spent.get("steal")
    booted = after._asdict()
    return Load(
        num_cores=num_cores,
        busy_cores=num_cores * _busy(spent) / total if total else 0.0,
        busiest=_busiest(cores_by_name),
        average=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        pressure=procfs.cpu_pressure(root),
        steal=None if steal is None or not total else steal / total,
        steal_since_boot=None if steal is None else booted["steal"] / _total(booted),
        throttled=_throttled(root) - throttled_before,
        available_bytes=psutil.virtual_memory().available,
        swap_used_bytes=psutil.swap_memory().used,
    )


def _busiest(cores_by_name: dict[str, float]) -> tuple[tuple[str, float], ...]:
    ordered = sorted(cores_by_name.items(), key=lambda entry: -entry[1])
    return tuple((name, cores) for name, cores in ordered[:SHOWN_PROCESSES] if cores > SHOWN_CORES)


def _busy(spent: dict[str, float]) -> float:
    return _total(spent) - sum(spent.get(name, 0.0) for name in ("idle", "iowait", "steal"))


def _total(spent: dict[str, float]) -> float:
    """Sum the kinds of time; a guest's stands in the host's `user` and `nice` already."""
    return sum(seconds for name, seconds in spent.items() if not name.startswith("guest"))


def _used_by_process() -> dict[tuple[int, str], float]:
    """Return the CPU seconds that each other process has used so far, by its id and name."""
    import psutil

    used = {}
    for process in psutil.process_iter(["name", "cpu_times"]):
        times = process.info["cpu_times"]
        if times is not None and process.pid != os.getpid():
            used[process.pid, process.info["name"] or "?"] = times.user + times.system
    return used


def _throttled(root: Path) -> int:
    throttling = cgroup.cpu_throttling(root)
    return throttling.throttled if throttling else 0
