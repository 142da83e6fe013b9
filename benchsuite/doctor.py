"""Is this machine fit to measure? What can be told by looking, without measuring anything.

Findings are returned, never printed. What others do is watched for a fraction of a second; all else is
read from files, so that this can stand before every run.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from benchsuite import cgroup, environment, nvml, procfs
from benchsuite.load import Load, watch
from benchsuite.scenario import CUDA, CXX_COMPILER, Requirement
from benchsuite.store import NEEDED_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Level: TypeAlias = Literal["ok", "warn", "bad"]

GIB = 2**30
WATCH_SECONDS = 0.3
BUSY_LIMITS = (0.15, 0.75)
"""Cores kept busy by others, from which it is `warn` and `bad`: something always ticks, and one whole core
displaces a worker."""
PRESSURE_LIMITS = (0.05, 0.25)
STEAL_LIMITS = (0.05, 0.15)
"""Shares; two ticks of the clock while two cores are watched are 3 % already."""
MEMORY_WARN_BYTES, MEMORY_BAD_BYTES = 4 * GIB, 2 * GIB
"""A zygote holds about 0.8 GiB; each worker of a group adds its model, its batches and its compiler."""
SWAP_WARN_BYTES = GIB // 4
DISK_WARN_BYTES = 2 * GIB
TEMP_WARN_BYTES = GIB

CHANGING_VARIABLES = re.compile(
    r"(CUBLAS|DNNL|GOMP|KMP|MALLOC|MKL|OMP|ONEDNN|OPENBLAS|PYTORCH)_|TORCH"
    r"|(CUDA_LAUNCH_BLOCKING|GLIBC_TUNABLES|LD_PRELOAD|NVIDIA_TF32_OVERRIDE)$"
)
"""What changes how fast torch is, or what it computes."""
HARMLESS_VARIABLES = frozenset({"TORCH_HOME", "TORCHINDUCTOR_CACHE_DIR"})
DEBUGGING_VARIABLES = re.compile(
    "(COVERAGE_PROCESS_START|PYTHONDEVMODE|PYTHONMALLOC|PYTHONPROFILEIMPORTTIME|PYTHONTRACEMALLOC)$"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: `warn` makes figures noisier or fewer, `bad` makes them wrong."""

    name: str
    level: Level
    message: str
    remedy: str = ""


def inspect_machine(
    *,
    runs_dir: Path = Path("runs"),
    root: Path = procfs.ROOT,
    environ: Mapping[str, str] = os.environ,
    load: Load | None = None,
) -> tuple[Finding, ...]:
    """Look at everything that is known to spoil measurements; takes about half a second.

    Args:
        runs_dir: where runs are written; it need not exist.
        root: where /proc and /sys are looked for.
        environ: the environment that workers inherit.
        load: what others do; None: watch them now, for 0.3 s.

    Returns:
        What was found, good and bad; what this system cannot tell is left out.
    """
    load = watch(WATCH_SECONDS, root) if load is None else load
    return (
        *_processor_findings(root),
        *_load_findings(load),
        *_memory_findings(load, root),
        *_disk_findings(runs_dir),
        *_software_findings(environ),
    )


def _processor_findings(root: Path) -> Iterator[Finding]:
    cores = len(procfs.usable_cpus(root))
    if cores == 1:
        remedy = "use a machine with two cores or more"
        yield Finding("cores", "warn", "one core: all else that runs here takes its time from it", remedy)
    elif procfs.threads_per_core(root) > 1:
        message = f"{cores} CPUs are threads that share cores: a busy neighbour slows the one beside it"
        yield Finding("cores", "warn", message, "leave the siblings idle, or turn SMT off")
    else:
        yield Finding("cores", "ok", f"{cores} cores, none of them shared")
    quota = cgroup.cpu_quota(root)
    if quota is not None:
        throttling = cgroup.cpu_throttling(root)
        often = (
            f", it was stopped in {throttling.throttled} of {throttling.periods} periods"
            if throttling
            else ""
        )
        message = f"a quota of {quota:g} cores is set{often}"
        yield Finding("quota", "warn", message, "give cores to the container (--cpuset-cpus), not a quota")
    governor = procfs.governor(root)
    if governor == "performance":
        yield Finding("clocks", "ok", "the governor keeps the clocks high")
    elif governor:
        remedy = "sudo cpupower frequency-set -g performance"
        yield Finding("clocks", "warn", f"the governor {governor!r} moves the clocks with the load", remedy)
    if procfs.turbo(root):
        yield Finding("turbo", "ok", "turbo is on: clocks follow heat and load, so compare in turns only")
    if kind := procfs.hypervisor(root):
        name = "" if kind == "unknown" else f" ({kind})"
        message = f"what the host's other guests do cannot be seen from inside{name}"
        yield Finding(
            "virtual machine", "warn", message, "trust what was measured in turns, and mind the canary"
        )


def _load_findings(load: Load) -> Iterator[Finding]:
    names = ", ".join(f"{name} {cores:.1f}" for name, cores in load.busiest)
    message = f"others keep {load.busy_cores:.1f} of {load.num_cores} cores busy" + (
        f": {names}" if names else ""
    )
    remedy = "end what is busy, or wait until it is done"
    yield _graded("busy", load.busy_cores, BUSY_LIMITS, message, remedy)
    if load.average is not None and load.average > load.num_cores / 2:
        message = f"over the last minute {load.average:.1f} tasks ran or waited, on {load.num_cores} cores"
        yield Finding("load average", "warn", message, remedy)
    if load.pressure is not None:
        message = f"tasks waited for a core in {load.pressure:.0%} of the last ten seconds"
        yield _graded("pressure", load.pressure, PRESSURE_LIMITS, message, remedy)
    if load.steal is not None:
        message = f"the host took {load.steal:.0%} of the time, {load.steal_since_boot or 0:.1%} since boot"
        worst = max(load.steal, load.steal_since_boot or 0)
        yield _graded("steal", worst, STEAL_LIMITS, message, "use a machine with cores of its own")
    if load.throttled:
        message = f"the CPU quota stopped this process's group {load.throttled} times while it was watched"
        yield Finding("throttling", "bad", message, "raise the quota (--cpus), or measure outside")


def _memory_findings(load: Load, root: Path) -> Iterator[Finding]:
    left = cgroup.memory_left_bytes(root)
    free = load.available_bytes if left is None else min(load.available_bytes, left)
    level: Level = "bad" if free < MEMORY_BAD_BYTES else "warn" if free < MEMORY_WARN_BYTES else "ok"
    remedy = "" if level == "ok" else "end what holds memory, or raise the container's limit"
    yield Finding("memory", level, f"{free / GIB:.1f} GiB of memory are available", remedy)
    if load.swap_used_bytes > SWAP_WARN_BYTES:
        message = f"{load.swap_used_bytes / GIB:.1f} GiB are swapped out: a step may wait for the disk"
        yield Finding("swap", "warn", message, "end what holds memory, then swapoff -a and swapon -a")


def _disk_findings(runs_dir: Path) -> Iterator[Finding]:
    folder = next(
        (one for one in (runs_dir.absolute(), *runs_dir.absolute().parents) if one.is_dir()), Path("/")
    )
    free = shutil.disk_usage(folder).free
    level: Level = "bad" if free < NEEDED_BYTES else "warn" if free < DISK_WARN_BYTES else "ok"
    remedy = "" if level == "ok" else "free some room, or name another folder with --runs-dir"
    yield Finding("disk", level, f"{free / GIB:.1f} GiB are free for runs", remedy)
    if not os.access(folder, os.W_OK):
        yield Finding("disk", "bad", f"{runs_dir} cannot be written", "name another folder with --runs-dir")
    temp = Path(tempfile.gettempdir())
    if shutil.disk_usage(temp).free < TEMP_WARN_BYTES:
        message = f"less than {TEMP_WARN_BYTES // GIB} GiB is free for temporary files: compiling needs some"
        yield Finding("temporary files", "warn", message, "set TMPDIR to a folder with more room")
    if os.statvfs(temp).f_flag & getattr(os, "ST_NOEXEC", 0):
        message = "temporary files cannot be executed: torch.compile cannot load there what it has built"
        yield Finding("temporary files", "warn", message, "set TMPDIR to a folder mounted without noexec")


def _software_findings(environ: Mapping[str, str]) -> Iterator[Finding]:
    parts = (
        ("compiler", CXX_COMPILER, "a C++ compiler and Python's headers are there"),
        ("memray", Requirement("module", "memray"), "memray is there: allocations can be recorded"),
        ("GPU", CUDA, "an NVIDIA GPU and a CUDA build of torch are there"),
    )
    for name, requirement, good in parts:
        reason = environment.unmet(requirement)
        no_fault = name == "GPU" and nvml.installed_gpus() == nvml.Gpus()
        level: Level = "warn" if reason and not no_fault else "ok"
        message = f"{reason}; what needs it is skipped" if reason else good
        yield Finding(name, level, message)
    given = sorted(name for name, value in environ.items() if value)
    changing = [name for name in given if CHANGING_VARIABLES.match(name) and name not in HARMLESS_VARIABLES]
    if changing:
        message = f"{_listed(changing, environ)} change what is measured"
        yield Finding("environment", "warn", message, "unset them, unless they are what you ask about")
    if debugging := [name for name in given if DEBUGGING_VARIABLES.match(name)]:
        yield Finding("debugging", "bad", f"{_listed(debugging, environ)} slow Python down", "unset them")
    if sys.gettrace() is not None or sys.getprofile() is not None:
        message = "a debugger, a profiler or a coverage tool follows this process"
        yield Finding("debugging", "bad", message, "run without it")


def _graded(name: str, value: float, limits: tuple[float, float], message: str, remedy: str) -> Finding:
    warn, bad = limits
    if value < warn:
        return Finding(name, "ok", message)
    return Finding(name, "bad" if value >= bad else "warn", message, remedy)


def _listed(names: list[str], environ: Mapping[str, str]) -> str:
    """Spell variables with their values; a value that holds a path may name a user, and stays out."""
    return ", ".join(name if "/" in environ[name] else f"{name}={environ[name]}" for name in names)
