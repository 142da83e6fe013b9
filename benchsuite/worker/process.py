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
LAST_WORDS_BYTES = 2000

ENVIRONMENT = {
    # By default a barrier spins for milliseconds: with one busy neighbour a step of 10 ms took 300. Without any
    # spinning, sleeping threads are woken on one core and share it. This is libgomp's own value for when there
    # are more threads than cores: microseconds.
    "GOMP_SPINCOUNT": "1000",
    # numpy's own pool would be inherited broken by forked workers.
    "OPENBLAS_NUM_THREADS": "1",
    # Ask NVML, not the CUDA driver, which must not be initialised before a fork.
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
    # The profiler's backend otherwise writes to stderr, where a failed trial's last words are looked for: it says when
    # it starts and stops on level 5, above its errors.
    "KINETO_LOG_LEVEL": "6",
}
"""Set for every worker unless the user or the scenario sets it; kept in the run's environment."""
BEFORE_THE_FORK_ONLY = "PYTORCH_NVML_BASED_CUDA_CHECK"
"""Adam and AdamW look for a GPU in each step: asking NVML takes 0.1 ms there, asking the driver nothing."""
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
    "GLOO_",
    "NCCL_",
    "MALLOC_",
)


def die_with(parent: int, by: signal.Signals = signal.SIGKILL) -> None:
    """Have the kernel end this process by a signal when the thread that started it ends (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, by)
        # The parent may have gone before the signal was armed.
        if os.getppid() != parent:
            os._exit(1)


def prefer_for_oom_kill() -> None:
    """Have the kernel end this worker rather than the program that keeps the results."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def run_on(cores: Sequence[int], child_cores: Sequence[int] = ()) -> None:
    """Bind this process to these cores; before any thread is made, as threads keep the mask they start with.

    Args:
        cores: those to run on; empty: leave as it is.
        child_cores: those for the processes that it forks, such as the workers of a data loader; empty: its own.
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    if cores:
        os.sched_setaffinity(0, cores)
    if child_cores:
        os.register_at_fork(after_in_child=lambda: os.sched_setaffinity(0, child_cores))


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


def use_cuda_driver() -> None:
    """Let torch ask the CUDA driver itself from here on: nothing will be forked that has yet to use CUDA."""
    os.environ.pop(BEFORE_THE_FORK_ONLY, None)


def recorded_environment() -> dict[str, str]:
    """Return the environment variables that can change a measurement."""
    return {name: value for name, value in sorted(os.environ.items()) if name.startswith(RECORDED_PREFIXES)}


def reset_peak_rss() -> None:
    """Start VmHWM anew in this process and all below it, where the kernel lets a process do that."""
    for pid in _tree(os.getpid()):
        with contextlib.suppress(OSError):
            Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def peak_rss_bytes() -> dict[str, Any]:
    """Return VmHWM as the metric `peak_rss`, summed over this process and all below it that still live.

    Context only: pages that they share with one another and with the zygote count in each of them.
    """
    peaks = [peak for pid in _tree(os.getpid()) if (peak := _peak_rss_bytes(pid)) is not None]
    return {"peak_rss": sum(peaks)} if peaks else {}


def exit_cause(code: int) -> str:
    """Say how a process has ended, as what follows its name in a sentence.

    Args:
        code: its exit code; negative: the signal that ended it.
    """
    if code >= 0:
        return f"exited with code {code}"
    if code == -signal.SIGKILL:
        return "was killed by SIGKILL, as the kernel does when memory runs out"
    return f"crashed with {signal.Signals(-code).name}"


def last_words() -> str:
    """Return the end of what this process and those below it have written to stderr, if that can be read."""
    with contextlib.suppress(OSError):
        size = os.fstat(2).st_size
        # Not read(): it would move the place where everybody writes.
        text = os.pread(2, LAST_WORDS_BYTES, max(0, size - LAST_WORDS_BYTES)).decode(errors="replace").strip()
        return f"; last words: {text}" if text else ""
    return ""


def has_children() -> bool:
    """Whether this process has started others that still live."""
    return len(_tree(os.getpid())) > 1


def _tree(pid: int) -> list[int]:
    """Return a process and all that it has started, directly or not, and that still live."""
    children: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            children += map(int, (task / "children").read_text(encoding="ascii").split())
    return [pid, *(below for child in children for below in _tree(child))]


def _peak_rss_bytes(pid: int) -> float | None:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return float(line.split()[1]) * 1024
    return None
