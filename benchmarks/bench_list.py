"""How long `list` takes: it is typed often, and must not wait for torch."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time


def seconds(*arguments):
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def bench_list(benchmark, found):
    listed = []
    benchmark.pedantic(lambda: listed.append(seconds("-m", "benchsuite", "list")), rounds=10, warmup_rounds=1)
    empty_s = statistics.median(seconds("-c", "pass") for _ in range(5))
    torch_s = statistics.median(seconds("-c", "import torch") for _ in range(3))
    list_s = statistics.median(listed)
    found("`list` takes", f"{list_s:.2f} s", "under 0.3 s")
    found(
        "that is",
        f"{list_s / empty_s:.0f} times an empty interpreter, {list_s / torch_s:.2f} times `import torch`",
        "none",
    )
