"""What this machine can do at most: the ceilings that a step's figures are held against.

A ceiling is the best of several repetitions: a neighbour can only make one slower.
"""

from __future__ import annotations

from time import perf_counter_ns
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

SIDE = 1024
"""Of the square matrices on the CPU: 2.1 GFLOP a product, three matrices of 4 MiB."""
COPY_BYTES = 128 * 2**20
"""Beyond any cache that a few cores have to themselves."""
TINY_CALLS = 1000
"""A single tiny operator is shorter than a clock reads well."""
CUDA_SIDE = 8192
CUDA_COPY_BYTES = 512 * 2**20
CUDA_COPIES = 8
"""One after the other between two waits: a single one is so short that launch and wait would be a tenth of it."""
HOST_COPY_BYTES = 64 * 2**20
REPETITIONS = 3
"""At least so many, even where they outlast the time below."""
LONG_NS, SHORT_NS = 400_000_000, 100_000_000
"""How long each ceiling is tried."""
CUDA_FORMATS = {
    "float32": (torch.float32, False),
    "tf32": (torch.float32, True),
    "bfloat16": (torch.bfloat16, False),
    "float16": (torch.float16, False),
}
"""By name: how matrices are stored, and whether float32 products may be rounded to TF32."""


def measure(threads: int, *, cuda: bool) -> dict[str, float]:
    """Measure the ceilings of the CPU at one thread and at `threads`, and of the GPU where it is used.

    It sets the process's number of threads and what CUDA may round: it wants a process of its own.

    Returns:
        Products in FLOP/s, copies in bytes/s (read and written bytes both count, except from host to
        device), `cpu_operator_ns`, one call of an operator on a single number, and `cpu_threads`.
    """
    torch.set_num_threads(1)
    found = _cpu("cpu_1_thread") | {"cpu_operator_ns": _operator_ns()}
    torch.set_num_threads(threads)
    # A neighbour holds several threads back more than one: what one reaches, all reach too.
    found |= {
        name: max(value, found[name.replace("all_threads", "1_thread")])
        for name, value in _cpu("cpu_all_threads").items()
    }
    found["cpu_threads"] = float(threads)
    if cuda and torch.cuda.is_available():
        found |= _cuda()
    return found


def _cpu(name: str) -> dict[str, float]:
    left, right, product = (torch.rand(SIDE, SIDE) for _ in range(3))
    source, target = (torch.ones(COPY_BYTES // 4) for _ in range(2))
    return {
        f"{name}_flops_per_s": 2e9 * SIDE**3 / _best_ns(lambda: torch.mm(left, right, out=product), LONG_NS),
        f"{name}_copy_bytes_per_s": 2e9 * COPY_BYTES / _best_ns(lambda: target.copy_(source), LONG_NS),
    }


def _operator_ns() -> float:
    left, right = torch.ones(1), torch.ones(1)

    def work() -> None:
        for _ in range(TINY_CALLS):
            torch.add(left, right)

    return _best_ns(work, SHORT_NS) / TINY_CALLS


def _cuda() -> dict[str, float]:
    found = {}
    for name, (dtype, tf32) in CUDA_FORMATS.items():
        if dtype != torch.bfloat16 or torch.cuda.is_bf16_supported(including_emulation=False):
            torch.backends.cuda.matmul.allow_tf32 = tf32
            found[f"cuda_{name}_flops_per_s"] = 2e9 * CUDA_SIDE**3 / _cuda_product_ns(dtype)
    source, target = (torch.ones(CUDA_COPY_BYTES // 4, device="cuda") for _ in range(2))

    def copy() -> None:
        for _ in range(CUDA_COPIES):
            target.copy_(source)

    best_ns = _best_ns(copy, SHORT_NS, torch.cuda.synchronize) / CUDA_COPIES
    found["cuda_copy_bytes_per_s"] = 2e9 * CUDA_COPY_BYTES / best_ns
    host = torch.ones(HOST_COPY_BYTES // 4).pin_memory()
    arrived = target[: len(host)]
    best_ns = _best_ns(lambda: arrived.copy_(host, non_blocking=True), SHORT_NS, torch.cuda.synchronize)
    found["cuda_host_to_device_bytes_per_s"] = 1e9 * HOST_COPY_BYTES / best_ns
    return found


def _cuda_product_ns(dtype: torch.dtype) -> int:
    left, right = (torch.rand(CUDA_SIDE, CUDA_SIDE, device="cuda", dtype=dtype) for _ in range(2))
    product = torch.empty_like(left)
    return _best_ns(lambda: torch.mm(left, right, out=product), SHORT_NS, torch.cuda.synchronize)


def _best_ns(work: Callable[[], object], budget_ns: int, wait: Callable[[], object] = lambda: None) -> int:
    """Return the shortest of several runs of `work`, in ns, up to the end of all that it has started."""
    samples: list[int] = []
    while len(samples) < REPETITIONS or sum(samples) < budget_ns:
        wait()
        started = perf_counter_ns()
        work()
        wait()
        samples.append(max(1, perf_counter_ns() - started))
    return min(samples)
