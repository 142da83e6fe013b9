"""What is set for a whole worker process: its parent's death, its cores, its threads, its allocator."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
KEEP_BYTES = 1 << 30

ENVIRONMENT = {
    # By default a barrier spins for milliseconds: with one busy neighbour a step of 10 ms took 300. Without any
    # spinning, sleeping threads are woken on one core and share it. This is libgomp's own value for when there
    # are more threads than cores: microseconds.
    "GOMP_SPINCOUNT": "1000",
    # numpy's own pool would be inherited broken by forked workers.
    "OPENBLAS_NUM_THREADS": "1",
    # Ask NVML, not the CUDA driver, which must not be initialised before a fork.
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
    # The profiler's backend otherwise writes to stderr, where a failed trial's last words are looked for.
    "KINETO_LOG_LEVEL": "5",
}
"""Set for every worker unless the user or the scenario sets it; kept in the run's environment."""
RECORDED_PREFIXES = (
    "OMP_",
    "GOMP_",
    "KMP_",
    "MKL_",
    "OPENBLAS_",
    "TORCH",
    "PYTORCH_",
    "CUDA_",
    "CUBLAS_",
    "NCCL_",
    "MALLOC_",
)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when the thread that started it ends (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # The parent may have gone before the signal was armed.
        if os.getppid() != parent:
            os._exit(1)


def prefer_for_oom_kill() -> None:
    """Have the kernel end this worker rather than the program that keeps the results."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def run_on(cores: Sequence[int]) -> None:
    """Bind this process to these cores; before any thread is made, as threads keep the mask they start with."""
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)


def keep_freed_memory() -> bool:
    """Stop glibc from giving memory back between steps; returns whether that took effect.

    With the default thresholds a step is bistable: those that trim and fault their pages anew take a
    third longer. Never used where memory is measured.
    """
    if sys.platform != "linux":
        return False
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        return bool(mallopt(_M_TRIM_THRESHOLD, KEEP_BYTES) and mallopt(_M_MMAP_THRESHOLD, KEEP_BYTES))
    return False


def recorded_environment() -> dict[str, str]:
    """Return the environment variables that can change a measurement."""
    return {name: value for name, value in sorted(os.environ.items()) if name.startswith(RECORDED_PREFIXES)}


def reset_peak_rss() -> None:
    """Start VmHWM anew, where the kernel lets a process do that."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_rss_bytes() -> dict[str, Any]:
    """Return VmHWM as the metric `peak_rss`; context only: it counts pages shared with the zygote."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return {"peak_rss": float(line.split()[1]) * 1024}
    return {}
