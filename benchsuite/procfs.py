"""What the kernel tells of this machine in /proc and /sys: cores, clocks, memory, pressure, virtualisation.

Every reader takes the root of the file tree. What is missing, unreadable or malformed is `None`,
never an error: on macOS all of it is, and containers hide some.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

ROOT = Path("/")
VIRTUAL_VENDORS = frozenset(
    {"Amazon EC2", "Google", "QEMU", "VMware, Inc.", "innotek GmbH", "Xen", "OpenStack Foundation"}
)
"""Makers of machines that exist only as virtual ones, or nearly; ARM processors have no flag that tells."""


def read_text(path: Path) -> str | None:
    """Return a file's text without the white space around it, or None where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0 \t\r\n")
    except OSError:
        return None


def parse_fields(text: str) -> dict[str, int]:
    """Read lines of a name and a number, `MemTotal:  24 kB` or `nr_throttled 3`; other lines are left out."""
    fields = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 2 and is_count(words[1]):  # noqa: PLR2004 - a name and its number
            fields[words[0].rstrip(":")] = int(words[1])
    return fields


def parse_pressure(text: str) -> float | None:
    """Return the share of the last ten seconds in which some task waited, from a file of /proc/pressure."""
    for line in text.splitlines():
        if line.startswith("some "):
            for word in line.split():
                name, _, value = word.partition("=")
                if name == "avg10":
                    return _share_of_percent(value)
    return None


def parse_cpu_model(text: str) -> str | None:
    """Return the processor's name from the text of /proc/cpuinfo."""
    for line in text.splitlines():
        key, separator, value = line.partition(":")
        if separator and key.strip() == "model name" and value.strip():
            return " ".join(value.split())
    return None


def cpu_pressure(root: Path = ROOT) -> float | None:
    """Return the share of the last ten seconds in which some task of this machine waited for a core."""
    text = read_text(root / "proc/pressure/cpu")
    return None if text is None else parse_pressure(text)


def cpu_model(root: Path = ROOT) -> str:
    """Return the processor's name, or at least its architecture."""
    text = read_text(root / "proc/cpuinfo")
    if text is None and sys.platform == "darwin":
        return _macos_cpu_model()
    return parse_cpu_model(text or "") or os.uname().machine


def threads_per_core(root: Path = ROOT) -> int:
    """Return how many of the usable CPUs share one core at most; 1 where the kernel does not tell."""
    folder = root / "sys/devices/system/cpu"
    siblings = [read_text(folder / f"cpu{cpu}/topology/thread_siblings_list") for cpu in usable_cpus(root)]
    return max((siblings.count(one) for one in siblings if one), default=1)


def governor(root: Path = ROOT) -> str:
    """Return the policy by which the kernel sets the cores' clocks; empty: it does not set them, or hides it."""
    paths = sorted((root / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor"))
    return " ".join(sorted({read_text(path) or "" for path in paths} - {""}))


def turbo(root: Path = ROOT) -> bool | None:
    """Return whether cores may exceed their nominal clock; None: the kernel does not tell."""
    folder = root / "sys/devices/system/cpu"
    if (off := read_text(folder / "intel_pstate/no_turbo")) in {"0", "1"}:
        return off == "0"
    if (on := read_text(folder / "cpufreq/boost")) in {"0", "1"}:
        return on == "1"
    return None


def memory_bytes(root: Path = ROOT) -> int:
    """Return the memory of the machine, control groups' limits left aside."""
    kibibytes = parse_fields(read_text(root / "proc/meminfo") or "").get("MemTotal")
    if kibibytes is not None:
        return kibibytes * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def os_name(root: Path = ROOT) -> str:
    """Return the operating system's name and version."""
    for line in (read_text(root / "etc/os-release") or "").splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip("\"'")
    return f"{os.uname().sysname} {os.uname().release}"


def hypervisor(root: Path = ROOT) -> str:
    """Return what this virtual machine runs on, "unknown" where it hides that; empty: no sign of one."""
    flags = re.search(r"^flags\s*:.*\bhypervisor\b", read_text(root / "proc/cpuinfo") or "", re.MULTILINE)
    vendor = read_text(root / "sys/class/dmi/id/sys_vendor") or ""
    if kind := read_text(root / "sys/hypervisor/type"):
        return kind
    if flags:
        return vendor or "unknown"
    return vendor if vendor in VIRTUAL_VENDORS else ""


def container(root: Path = ROOT) -> str:
    """Return the kind of container around this process; empty: no sign of one."""
    if (root / ".dockerenv").exists():
        return "Docker container"
    if (root / "run/.containerenv").exists():
        return "Podman container"
    kind = read_text(root / "run/systemd/container")
    return f"{kind} container" if kind else ""


def usable_cpus(root: Path = ROOT) -> set[int]:
    """Return the numbers of the cores that this process may run on.

    With another root than the machine's own, every core of that tree.
    """
    if root != ROOT:
        names = [
            path.name.removeprefix("cpu") for path in (root / "sys/devices/system/cpu").glob("cpu[0-9]*")
        ]
        return {int(name) for name in names if is_count(name)} or {0}
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def is_count(word: str) -> bool:
    """Say whether a word is a plain number of up to 64 bits."""
    return word.isascii() and word.isdigit() and len(word) <= 20  # noqa: PLR2004 - digits of 2**64


def _macos_cpu_model() -> str:
    import subprocess

    command = ["sysctl", "-n", "machdep.cpu.brand_string"]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    return shown.stdout.strip() or os.uname().machine


def _share_of_percent(word: str) -> float | None:
    try:
        share = float(word) / 100
    except ValueError:
        return None
    return share if 0 <= share <= 1 else None
