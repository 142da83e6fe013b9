"""What a GPU does at most, and each variant of a run as a multiple of it. It shares no code with the suite's own ceilings.

python benchmarks/gpu_limits.py measure limits.json     # a minute on a GPU
python benchmarks/gpu_limits.py table limits.json RUN   # anywhere
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from reports.results import ScenarioResult, VariantResult

SIDE = 8192
COPY_BYTES = 1 << 30
HOST_COPY_BYTES = 1 << 28
LAUNCHES = 500
"""Fewer than wait in the GPU's queue before the host has to wait as well."""
NODES = 100
HOLD_CYCLES = 8_000_000
"""About 4 ms in which the host gets ahead of the GPU."""
REPETITIONS = 15
FORMATS = {"float32": ("float32", False), "tf32": ("float32", True), "bfloat16": ("bfloat16", False)}
"""By name: the dtype in which matrices are stored, and whether products may be rounded to TF32."""
PREFIXES = {"tf32": "tf32", "bf16": "bfloat16"}
"""How a setting's value that chooses a number format begins, and the limit's name for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the GPU of one machine did at most."""

    gpu: str
    torch: str
    cuda: str
    taken: str
    """UTC, ISO 8601."""
    flops_per_s: Mapping[str, float]
    """Products, by number format."""
    copy_bytes_per_s: float
    """Within the GPU; bytes read and bytes written both count."""
    host_bytes_per_s: Mapping[str, float]
    """Between host and GPU, by memory and direction, such as `pinned to device`."""
    launch_ns: float
    """What the host needs for one small operator."""
    kernel_ns: float
    """What the GPU needs for one small kernel after the other."""
    graph_node_ns: float
    """What the GPU needs for one small kernel after the other within a CUDA graph."""
    graph_launch_ns: float
    """What the host needs to launch a CUDA graph of 100 kernels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One variant's step beside the least time that each limit allows it; None: not known."""

    scenario: str
    variant: str
    step_ns: float
    products_ns: float | None
    copies_ns: float | None
    """Operands of all operators at the speed of a copy."""
    transfers_ns: float | None
    launches_ns: float | None
    kernels_ns: float | None
    """All kernels, if each were as short as the smallest."""
    borrowed: bool
    """Whether FLOPs and bytes are those of the baseline, as this variant's cannot be counted."""

    @property
    def bound(self) -> tuple[str, float] | None:
        """The largest of these times, and what it is of: no step of this kind can be shorter."""
        times = {
            "products": self.products_ns, "copies": self.copies_ns, "transfers": self.transfers_ns, "launches": self.launches_ns,
            "kernels": self.kernels_ns,
        }  # fmt: skip
        known = {name: value for name, value in times.items() if value}
        return max(known.items(), key=lambda item: item[1]) if known else None

    @property
    def multiple(self) -> float | None:
        """The step's time over its bound."""
        return self.step_ns / self.bound[1] if self.bound else None


def measure() -> Limits:
    """Measure the current CUDA device; the best of several repetitions counts."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = False
    small = torch.zeros(32, device="cuda")
    graph = _graph(small)
    return Limits(
        gpu=torch.cuda.get_device_name(),
        torch=torch.__version__,
        cuda=str(torch.version.cuda),
        taken=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        flops_per_s={name: _product_flops_per_s(*how) for name, how in FORMATS.items()},
        copy_bytes_per_s=_device_copy_bytes_per_s(),
        host_bytes_per_s=dict(_host_copies()),
        launch_ns=_host_ns(lambda: small.add_(1), LAUNCHES),
        kernel_ns=_device_ns(lambda: small.add_(1), LAUNCHES, held=True),
        graph_node_ns=_device_ns(graph.replay, 3, held=True) / NODES,
        graph_launch_ns=_host_ns(graph.replay, 3),
    )


def _product_flops_per_s(dtype: str, tf32: bool) -> float:
    import torch

    torch.backends.cuda.matmul.allow_tf32 = tf32
    # Random numbers: zeros need less power, and run at higher clocks.
    left, right = (torch.randn(SIDE, SIDE, device="cuda", dtype=getattr(torch, dtype)) for _ in range(2))
    product = torch.empty_like(left)
    found = 2e9 * SIDE**3 / _device_ns(lambda: torch.mm(left, right, out=product), 3)
    torch.backends.cuda.matmul.allow_tf32 = False
    return found


def _device_copy_bytes_per_s() -> float:
    import torch

    source, target = (torch.ones(COPY_BYTES, dtype=torch.uint8, device="cuda") for _ in range(2))
    return 2e9 * COPY_BYTES / _device_ns(lambda: target.copy_(source), 3)


def _host_copies() -> Iterator[tuple[str, float]]:
    import torch

    there = torch.ones(HOST_COPY_BYTES, dtype=torch.uint8, device="cuda")
    pageable = torch.ones(HOST_COPY_BYTES, dtype=torch.uint8)
    for memory, here in (("pageable", pageable), ("pinned", pageable.pin_memory())):
        for direction, target, source in (("to device", there, here), ("to host", here, there)):
            # By the host's clock: a pageable copy is in part the host's own work.
            taken_ns = _host_ns(
                lambda target=target, source=source: target.copy_(source, non_blocking=True), 1, wait=True
            )
            yield f"{memory} {direction}", 1e9 * HOST_COPY_BYTES / taken_ns


def _graph(small: Any) -> Any:
    import torch

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        small.add_(1)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(NODES):
            small.add_(1)
    graph.replay()
    return graph


def _device_ns(work: Callable[[], object], count: int, *, held: bool = False) -> float:
    """Return the least time of one piece of work, of so many on end, by the GPU's clock.

    Args:
        work: works on the current stream.
        count: how many pieces stand between two events.
        held: whether the GPU is held up until the host has launched them all.
    """
    import torch

    work()
    found = []
    for _ in range(REPETITIONS):
        before, after = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize()
        if held:
            torch.cuda._sleep(HOLD_CYCLES)  # noqa: SLF001 - torch has no other kernel of a length to be chosen
        before.record()
        for _ in range(count):
            work()
        after.record()
        torch.cuda.synchronize()
        found.append(1e6 * before.elapsed_time(after) / count)
    return min(found)


def _host_ns(work: Callable[[], object], count: int, *, wait: bool = False) -> float:
    """Return the least time of one piece of work, of so many on end, by the host's clock; `wait`: up to its end on the GPU."""
    import torch

    work()
    found = []
    for _ in range(REPETITIONS):
        torch.cuda.synchronize()
        began_ns = time.perf_counter_ns()
        for _ in range(count):
            work()
        if wait:
            torch.cuda.synchronize()
        found.append((time.perf_counter_ns() - began_ns) / count)
    torch.cuda.synchronize()
    return min(found)


def rows(scenarios: tuple[ScenarioResult, ...], limits: Limits) -> list[Row]:
    """Return a row for each timed variant that worked on a GPU, in the report's order."""
    return [
        _row(scenario.name, variant, context.baseline, limits)
        for scenario in scenarios
        for context in scenario.contexts
        for variant in context.measured
        if on_gpu(variant)
    ]


def on_gpu(variant: VariantResult) -> bool:
    """Whether a variant's steps were timed by a GPU's clock."""
    return any(record.device_ns for record in variant.timings)


def _row(scenario: str, variant: VariantResult, baseline: VariantResult | None, limits: Limits) -> Row:
    step = variant.step_time
    assert step is not None, "a measured variant has a step time"
    flops, flops_borrowed = _amount("flops", variant, baseline)
    moved, moved_borrowed = _amount("moved_bytes", variant, baseline)

    def per(amount: float | None, rate_per_s: float | None) -> float | None:
        return 1e9 * amount / rate_per_s if amount and rate_per_s else None

    launches, kernels = variant.metric("launches"), variant.metric("kernels")
    return Row(
        scenario=scenario,
        variant=variant.id,
        step_ns=step.value,
        products_ns=per(flops, limits.flops_per_s.get(_format(variant))),
        copies_ns=per(moved, limits.copy_bytes_per_s),
        transfers_ns=per(variant.metric("copied_bytes"), limits.host_bytes_per_s.get("pinned to device")),
        # One launch of a graph starts many kernels, and costs more than one of a kernel.
        launches_ns=launches * limits.launch_ns if launches and launches >= (kernels or 0) else None,
        kernels_ns=kernels * min(limits.kernel_ns, limits.graph_node_ns) if kernels else None,
        borrowed=flops_borrowed or moved_borrowed,
    )


def _amount(name: str, variant: VariantResult, baseline: VariantResult | None) -> tuple[float | None, bool]:
    """Return an amount of a step and whether it is the baseline's, which does the same work for an item."""
    own = variant.metric(name)
    if own is not None:
        return own, False
    theirs = baseline.metric(name) if baseline is not None and baseline.timings else None
    if theirs is None or baseline is None:
        return None, False
    return theirs * variant.timings[0].items_per_step / baseline.timings[0].items_per_step, True


def _format(variant: VariantResult) -> str:
    words = [value for value in variant.settings.values() if isinstance(value, str)]
    return next(
        (name for prefix, name in PREFIXES.items() if any(word.startswith(prefix) for word in words)),
        "float32",
    )


def table(limits: Limits, found: list[Row]) -> str:
    """Return the limits and each variant as a multiple of them, as Markdown."""
    lines = [
        f"Limits of one {limits.gpu} (torch {limits.torch}, CUDA {limits.cuda}), taken {limits.taken}:",
        "",
        "| limit | |",
        "| --- | --- |",
        *(f"| product, {name} | {value / 1e12:.1f} TFLOP/s |" for name, value in limits.flops_per_s.items()),
        f"| copy within the GPU, read and written | {limits.copy_bytes_per_s / 1e12:.2f} TB/s |",
        *(f"| copy, {name} | {value / 1e9:.1f} GB/s |" for name, value in limits.host_bytes_per_s.items()),
        f"| launch of a small operator, host | {limits.launch_ns / 1e3:.2f} us |",
        f"| small kernel, GPU | {limits.kernel_ns / 1e3:.2f} us |",
        f"| small kernel within a graph, GPU | {limits.graph_node_ns / 1e3:.2f} us |",
        f"| launch of a graph of {NODES}, host | {limits.graph_launch_ns / 1e3:.2f} us |",
        "",
        "Each step beside the least time that each limit allows it, in microseconds, and as a multiple of the largest of them. *: FLOPs",
        "and bytes are the baseline's, for as many items.",
        "",
        "| variant | step | products | copies | transfers | launches | kernels | multiple of |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *map(_line, found),
    ]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    times = (row.step_ns, row.products_ns, row.copies_ns, row.transfers_ns, row.launches_ns, row.kernels_ns)
    cells = ["—" if value is None else f"{value / 1e3:.1f}" for value in times]
    multiple = f"{row.multiple:.1f} x {row.bound[0]}" if row.bound and row.multiple else "—"
    return f"| {row.variant}{' *' if row.borrowed else ''} | {' | '.join(cells)} | {multiple} |"


def read(path: Path) -> Limits:
    """Read what `measure` wrote.

    Raises:
        SystemExit: it is no such file.
    """
    try:
        return Limits(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        sys.exit(f"{path}: not the limits of a GPU ({error}): take them by gpu_limits.py measure {path}")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    taking = commands.add_parser("measure", help="measure this machine's GPU and write the limits to FILE")
    taking.add_argument("file", type=Path)
    showing = commands.add_parser(
        "table", help="print each variant of RUN as a multiple of the limits in FILE"
    )
    showing.add_argument("file", type=Path)
    showing.add_argument("run", type=Path)
    given = parser.parse_args(arguments)
    if given.command == "table":
        import reports

        limits = read(given.file)
        print(table(limits, rows(reports.load(given.run).scenarios, limits)), end="")
        return
    import torch

    if not torch.cuda.is_available():
        sys.exit("no CUDA device: there is nothing to measure")
    limits = measure()
    given.file.write_text(json.dumps(asdict(limits), indent=1) + "\n", encoding="utf-8")
    print(table(limits, []), end="")


if __name__ == "__main__":
    main()
