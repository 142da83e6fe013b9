"""The limits that control groups set on this process: CPU quota, memory, throttling; versions 1 and 2.

A limit holds for a group and all groups within, so each is looked for from the process's own group up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchsuite import procfs

if TYPE_CHECKING:
    from pathlib import Path

NO_LIMIT_BYTES = 2**60
"""Version 1 of control groups spells "no limit" as a number of bytes close to 2**63."""


@dataclass(frozen=True, slots=True)
class Throttling:
    """How often a control group had used up its CPU quota, since the group was made."""

    periods: int
    throttled: int


def cpu_quota(root: Path = procfs.ROOT) -> float | None:
    """Return how many cores' worth of time the control groups allow this process; None: no limit."""
    quotas = []
    for folder in group_folders("cpu", root):
        text = procfs.read_text(folder / "cpu.max")
        if text is None:
            text = f"{procfs.read_text(folder / 'cpu.cfs_quota_us')} {procfs.read_text(folder / 'cpu.cfs_period_us')}"
        quotas.append(parse_quota(text))
    return min((quota for quota in quotas if quota is not None), default=None)


def cpu_throttling(root: Path = procfs.ROOT) -> Throttling | None:
    """Return the throttling of whichever of this process's control groups was throttled most."""
    found = []
    for folder in group_folders("cpu", root):
        fields = procfs.parse_fields(procfs.read_text(folder / "cpu.stat") or "")
        if "nr_throttled" in fields:
            found.append(Throttling(fields.get("nr_periods", 0), fields["nr_throttled"]))
    return max(found, key=lambda one: one.throttled, default=None)


def memory_limit_bytes(root: Path = procfs.ROOT) -> int | None:
    """Return how much memory the control groups allow this process; None: no limit."""
    limits = [limit for _, limit in _memory_limits(root)]
    return min(limits, default=None)


def memory_left_bytes(root: Path = procfs.ROOT) -> int | None:
    """Return how much more memory the control groups allow this process; None: no limit.

    File pages that the kernel can drop at once are not counted as used.
    """
    left = []
    for folder, limit in _memory_limits(root):
        used = (
            procfs.read_text(folder / "memory.current")
            or procfs.read_text(folder / "memory.usage_in_bytes")
            or ""
        )
        if procfs.is_count(used):
            stat = procfs.parse_fields(procfs.read_text(folder / "memory.stat") or "")
            droppable = stat.get("inactive_file", stat.get("total_inactive_file", 0))
            left.append(max(0, limit - int(used) + droppable))
    return min(left, default=None)


def group_folders(controller: str, root: Path = procfs.ROOT) -> list[Path]:
    """Return the folders of this process's control group and of the groups around it, innermost first."""
    groups = parse_groups(procfs.read_text(root / "proc/self/cgroup") or "")
    mounts = root / "sys/fs/cgroup"
    if controller in groups:
        top, group = mounts / controller, groups[controller]
    elif "" in groups:
        unified = mounts / "unified"
        top, group = (unified if unified.is_dir() else mounts), groups[""]
    else:
        return []
    parts = [part for part in group.split("/") if part not in {"", ".", ".."}]
    chain = [top.joinpath(*parts[:count]) for count in range(len(parts), -1, -1)]
    return [folder for folder in chain if folder.is_dir()]


def parse_quota(text: str) -> float | None:
    """Return how many cores the words `quota period` allow; None for `max`, for -1 and for anything else."""
    words = text.split()
    if len(words) != 2 or not all(procfs.is_count(word) for word in words):  # noqa: PLR2004 - quota and period
        return None
    quota_us, period_us = int(words[0]), int(words[1])
    return quota_us / period_us if quota_us > 0 and period_us > 0 else None


def parse_groups(text: str) -> dict[str, str]:
    """Return a process's group by controller from /proc/self/cgroup; version 2's stands under the empty name."""
    groups = {}
    for line in text.splitlines():
        _, _, rest = line.partition(":")
        controllers, separator, group = rest.partition(":")
        if separator:
            groups.update(dict.fromkeys(controllers.split(","), group))
    return groups


def _memory_limits(root: Path) -> list[tuple[Path, int]]:
    limits = []
    for folder in group_folders("memory", root):
        text = (
            procfs.read_text(folder / "memory.max")
            or procfs.read_text(folder / "memory.limit_in_bytes")
            or ""
        )
        if procfs.is_count(text) and int(text) < NO_LIMIT_BYTES:
            limits.append((folder, int(text)))
    return limits
