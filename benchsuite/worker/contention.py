"""How much others disturbed a worker while it was timed: Linux counters read before and after its turns."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchsuite.procfs import is_count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Counters:
    """What was counted between two readings, in nanoseconds and counts."""

    waited_ns: int = 0
    """Time all threads of this process were ready to run but had no core."""
    involuntary_switches: int = 0
    pressure_ns: int = 0
    """Time in which some process of the machine waited for a core (PSI)."""
    stolen_ns: int = 0
    """Time that the host gave to other guests, summed over cores."""

    def __add__(self, other: Counters) -> Counters:
        return Counters(
            self.waited_ns + other.waited_ns,
            self.involuntary_switches + other.involuntary_switches,
            self.pressure_ns + other.pressure_ns,
            self.stolen_ns + other.stolen_ns,
        )

    def shares(self, elapsed_ns: int) -> dict[str, float]:
        """Return the counters relative to the time that was measured.

        `wait_share` can pass 1 where several threads waited at once.
        """
        if elapsed_ns <= 0:
            return {}
        return {
            "wait_share": self.waited_ns / elapsed_ns,
            "involuntary_switches": float(self.involuntary_switches),
            "pressure_share": self.pressure_ns / elapsed_ns,
            "steal_share": self.stolen_ns / elapsed_ns / (os.cpu_count() or 1),
        }


@dataclass(frozen=True, slots=True)
class Reading:
    """The counters at one moment; subtract an earlier one."""

    waited_ns: Mapping[str, int]
    """By thread: one that ends takes its time with it, and a sum over all would fall."""
    involuntary_switches: int
    pressure_ns: int
    stolen_ns: int

    def __sub__(self, earlier: Reading) -> Counters:
        return Counters(
            sum(ns - earlier.waited_ns.get(thread, 0) for thread, ns in self.waited_ns.items()),
            self.involuntary_switches - earlier.involuntary_switches,
            self.pressure_ns - earlier.pressure_ns,
            self.stolen_ns - earlier.stolen_ns,
        )


def read_counters(proc: Path = PROC, ranks: Sequence[int] = ()) -> Reading:
    """Read all counters; what this system does not offer stays zero.

    Args:
        proc: where /proc is looked for.
        ranks: the process ids of all ranks, if there are several; their mean counts. Only main threads do:
            those that carry the messages wait for them on the same cores whoever else is there.
    """
    return Reading(
        waited_ns=_ranks_waited_ns(proc, ranks) if ranks else _waited_ns(proc),
        involuntary_switches=resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw,
        pressure_ns=parse_pressure_ns(_text(proc / "pressure" / "cpu")),
        stolen_ns=parse_stolen_ns(_text(proc / "stat")),
    )


def own_wait_ns(proc: Path = PROC) -> int:
    """Return how long the calling thread has been ready to run without a core, in all its life; 0: not known."""
    return parse_schedstat_wait_ns(_text(proc / "thread-self" / "schedstat"))


def parse_schedstat_wait_ns(text: str) -> int:
    """Return the second field of a task's schedstat: nanoseconds spent waiting on a run queue."""
    return _count(text.split(), 1)


def parse_pressure_ns(text: str) -> int:
    """Return the total of the line `some` of a PSI file, which is in microseconds."""
    for line in text.splitlines():
        if line.startswith("some "):
            return _count([line.rpartition(" total=")[2]], 0) * 1000
    return 0


def parse_stolen_ns(text: str) -> int:
    """Return the steal column of /proc/stat's first line, which is in clock ticks."""
    fields = text.partition("\n")[0].split()
    ticks = _count(fields, 8) if fields[:1] == ["cpu"] else 0
    return ticks * (1_000_000_000 // os.sysconf("SC_CLK_TCK"))


def _count(words: Sequence[str], index: int) -> int:
    return int(words[index]) if index < len(words) and is_count(words[index]) else 0


def _ranks_waited_ns(proc: Path, ranks: Sequence[int]) -> dict[str, int]:
    files = {str(pid): proc / str(pid) / "task" / str(pid) / "schedstat" for pid in ranks}
    return {pid: parse_schedstat_wait_ns(_text(file)) // len(ranks) for pid, file in files.items()}


def _waited_ns(proc: Path) -> dict[str, int]:
    try:
        folders = list((proc / "self" / "task").iterdir())
    except OSError:
        return {}
    return {folder.name: parse_schedstat_wait_ns(_text(folder / "schedstat")) for folder in folders}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
