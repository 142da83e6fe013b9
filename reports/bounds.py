"""A step's time by what it went into, from the records of one variant's passes and the machine's ceilings."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from benchsuite.record import OperatorRow
    from reports.results import VariantResult

LONG_CALL = 10
"""A call of so many tiny operators' time is mostly work: below, the profiler's own cost is as large."""
ASSUMED_OPERATOR_NS = 1_000.0
"""What a tiny operator costs where the ceilings were not measured."""
COPIES = frozenset({"aten::copy_", "aten::_to_copy", "aten::clone", "aten::contiguous"})
TRANSFERS = ("Memcpy HtoD", "Memcpy DtoH")
ALLOCATIONS = frozenset({
    "aten::empty", "aten::empty_like", "aten::empty_strided", "aten::empty_permuted", "aten::new_empty",
    "aten::resize_", "aten::zeros", "aten::zeros_like", "aten::new_zeros", "aten::zero_", "aten::fill_",
    "aten::_pin_memory", "aten::pin_memory",
    "cudaMalloc", "cudaFree", "cudaMallocAsync", "cudaFreeAsync", "cudaHostAlloc", "cudaFreeHost",
})  # fmt: skip
"""Operators and calls that make memory ready and compute nothing."""
HOST_PREFIXES = ("cuda", "autograd::", "torch::autograd::", "enumerate(", "Optimizer.", "ProfilerStep")
"""Of rows that wrap others or stand for calls into the CUDA runtime: no operators."""
FORMATS = {"tf32": "tf32", "bf16": "bfloat16", "fp16": "float16"}
"""How a setting's value that chooses a number format begins, and the ceiling's name for it."""

CUDA_PEAK = re.compile(r"cuda_\w+_flops_per_s")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a variant: times in ns, shares of the step from 0 to 1."""

    variant: VariantResult
    ceilings: Mapping[str, float]
    step_ns: float

    @classmethod
    def of(cls, variant: VariantResult, ceilings: Mapping[str, float]) -> Self | None:
        """Return a variant's step; None where none was timed."""
        time = variant.step_time
        return cls(variant, ceilings, time.value) if time is not None and time.value > 0 else None

    @property
    def on_gpu(self) -> bool:
        """Whether the step's work ran on a GPU."""
        on_device = any(row.self_device_ns for row in self.variant.operators)
        return on_device or any(record.device_ns for record in self.variant.timings)

    @property
    def profiled_ns(self) -> float:
        """How long the step took under the profiler."""
        recorded_ns = sum(row.self_cpu_ns for row in self.variant.operators)
        return max(recorded_ns, self.step_ns * (1 + self._overhead))

    @property
    def data_wait_share(self) -> float | None:
        """The share in which the loop waited for its next batch, and nothing else went on.

        On a GPU the wait may be hidden behind the device's work: more than its idle time cannot be saved, and
        where that is not known nothing can be said.
        """
        wait = self.variant.metric("data_wait_share")
        if wait is None or not self.on_gpu:
            return None if wait is None else _share(wait)
        return None if self.idle_share is None else min(_share(wait), self.idle_share)

    @property
    def num_operators(self) -> float | None:
        """Operators a step."""
        return self.variant.metric("operators")

    @property
    def operator_ns(self) -> float:
        """What one operator on a single number costs on this machine."""
        return self.ceilings.get("cpu_operator_ns", ASSUMED_OPERATOR_NS)

    @property
    def launches(self) -> float | None:
        """Launches onto the GPU a step."""
        return self.variant.metric("launches", "kernels")

    @property
    def allocations(self) -> float | None:
        """Allocations on the heap a step."""
        return self.variant.metric("allocations")

    @property
    def idle_share(self) -> float | None:
        """The share in which the GPU had nothing to do; the profiler slows the host, not the kernels."""
        idle = self.variant.metric("device_idle_share")
        return None if idle is None else _share(1 - (1 - idle) * (1 + self._overhead))

    @property
    def allocation_ns(self) -> float:
        """Time in which memory is made ready, under the profiler."""
        return sum(row.self_cpu_ns for row in self.variant.operators if row.name in ALLOCATIONS)

    @property
    def transfer_ns(self) -> float:
        """On a GPU the time of copies from and to the host; on a CPU that of copies, under the profiler."""
        rows = self.variant.operators
        if self.on_gpu:
            return sum(row.self_device_ns for row in rows if row.name.startswith(TRANSFERS))
        return sum(row.self_cpu_ns for row in rows if row.name in COPIES)

    @property
    def ideal_transfer_ns(self) -> float | None:
        """How long a GPU's copies would take at the ceiling; None: not known."""
        num_bytes = self.variant.metric("copied_bytes")
        bytes_per_s = self.ceilings.get("cuda_host_to_device_bytes_per_s")
        return 1e9 * num_bytes / bytes_per_s if self.on_gpu and num_bytes and bytes_per_s else None

    @property
    def busy_share(self) -> float:
        """The share that goes into computing: of a GPU's kernels, or of CPU operators with long calls."""
        if not self.on_gpu:
            return _share(sum(self._computing.values()) / self.profiled_ns)
        if self.idle_share is not None:
            return _share(1 - self.idle_share - self.transfer_ns / self.step_ns)
        return _share(sum(self._computing.values()) / self.step_ns)

    @property
    def longest(self) -> tuple[str, ...]:
        """The names of what computes, the longest first."""
        computing = self._computing
        return tuple(sorted(computing, key=lambda name: -computing[name]))

    @property
    def flops_ceiling_name(self) -> str:
        """The name of the ceiling for products of this step's number format; empty: none is measured."""
        if self.variant.ranks > 1:
            return ""
        words = [value for value in self.variant.settings.values() if isinstance(value, str)]
        formats = [name for prefix, name in FORMATS.items() if any(w.startswith(prefix) for w in words)]
        if self.on_gpu:
            return self._fast_enough(f"cuda_{formats[0] if formats else 'float32'}_flops_per_s")
        return f"cpu_{self._threads}_flops_per_s" if self._threads and not formats else ""

    @property
    def flops_ceiling(self) -> float | None:
        """The FLOP/s that products of this step's number format reach at most; None: not measured for it."""
        return self.ceilings.get(self.flops_ceiling_name)

    @property
    def copy_ceiling(self) -> float | None:
        """The bytes/s, read and written, that a large copy reaches where the step ran; None: not measured for it."""
        if self.variant.ranks > 1:
            return None
        place = "cuda" if self.on_gpu else f"cpu_{self._threads}"
        return self.ceilings.get(f"{place}_copy_bytes_per_s")

    @property
    def moved_bytes(self) -> float | None:
        """Bytes that a step's operators read and write, whether memory or a cache serves them."""
        return self.variant.metric("moved_bytes")

    @property
    def flops_per_s(self) -> float:
        """The products' FLOP/s over the whole step; 0: not known."""
        return 1e9 * (self.variant.metric("flops") or 0.0) / self.step_ns

    @property
    def utilisation(self) -> float | None:
        """The products' FLOP/s as a share of the ceiling; None: not known."""
        ceiling = self.flops_ceiling
        return utilisation(self.flops_per_s, ceiling) if self.flops_per_s and ceiling is not None else None

    def at_most_without_wait(self, share: float) -> float:
        """Return a share, but no more than is left beside the wait for data."""
        return min(_share(share), 1 - (self.data_wait_share or 0.0))

    @property
    def _threads(self) -> str:
        """How the names of ceilings call the step's number of threads; empty: none was measured with so many."""
        places = {self.ceilings.get("cpu_threads"): "all_threads", 1: "1_thread"}
        return places.get(self.variant.timings[0].threads, "")

    def _fast_enough(self, name: str) -> str:
        """Return a GPU's ceiling, or the lowest one that the step does not pass.

        Who passes its format's ceiling computes in a faster format that its settings do not name.
        """
        formats = {one: value for one, value in self.ceilings.items() if CUDA_PEAK.fullmatch(one)}
        if self.flops_per_s <= formats.get(name, math.inf):
            return name
        faster = {one: value for one, value in formats.items() if value >= self.flops_per_s}
        return min(faster or formats, key=lambda one: formats[one] if faster else -formats[one])

    @property
    def _overhead(self) -> float:
        return max(0.0, self.variant.metric("profiler_overhead") or 0.0)

    @property
    def _computing(self) -> dict[str, float]:
        """Time by operator or kernel, without copies, allocations and short calls."""
        if self.on_gpu:
            return self._added(lambda row: row.self_device_ns, lambda row: not row.name.startswith("Mem"))
        shortest_ns = LONG_CALL * self.operator_ns
        return self._added(
            lambda row: row.self_cpu_ns,
            lambda row: (
                row.self_cpu_ns >= shortest_ns * row.calls
                and row.name not in COPIES | ALLOCATIONS
                and not row.name.startswith(HOST_PREFIXES)
            ),
        )

    def _added(
        self, time_ns: Callable[[OperatorRow], float], counts: Callable[[OperatorRow], bool]
    ) -> dict[str, float]:
        found: dict[str, float] = defaultdict(float)
        for row in self.variant.operators:
            if time_ns(row) and counts(row):
                found[row.name] += time_ns(row)
        return found


def raised(ceilings: Mapping[str, float], variants: Iterable[VariantResult]) -> dict[str, float]:
    """Return the ceilings, each as high as the best of these variants' steps has shown it to lie at least."""
    found = dict(ceilings)
    for step in filter(None, (Step.of(variant, ceilings) for variant in variants)):
        name = step.flops_ceiling_name
        if name in found:
            found[name] = max(found[name], step.flops_per_s)
    return found


def utilisation(achieved: float, ceiling: float) -> float:
    """Return what was achieved as a share of a ceiling, from 0 to 1.

    Who passes a measured ceiling shows that it lies higher: the share is 1 then.
    """
    highest = max(achieved, ceiling)
    return _share(achieved / highest) if highest > 0 else 0.0


def _share(value: float) -> float:
    return min(1.0, max(0.0, value))
