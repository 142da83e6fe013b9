"""What whole runs take on this machine with cold caches, and what the best settings bring: minutes, so marked slow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

from benchsuite.comparison import compare
from benchsuite.store import load_run


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("options", "target_s"), [([], 720), (["--quick"], 120)])
def bench_run_all(benchmark, found, tmp_path, options, target_s):
    environment = {**os.environ, "BENCHSUITE_CACHE_DIR": str(tmp_path / "cache")}
    command = [
        sys.executable,
        "-m",
        "benchsuite",
        "run",
        "--all",
        *options,
        "--json",
        "--runs-dir",
        str(tmp_path / "runs"),
    ]

    def run():
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True)

    start = time.perf_counter()
    done = benchmark.pedantic(run, rounds=1)
    seconds = time.perf_counter() - start
    answer = json.loads(done.stdout)
    measured = load_run(next((tmp_path / "runs").iterdir()))
    what = " ".join(["run --all", *options])
    trials = sum(record.outcome == "completed" for record in measured.records)
    found(
        f"`{what}` with cold caches",
        f"{seconds:.0f} s, {seconds / target_s:.2f} of the target, {trials} trials",
        f"{target_s} s",
    )
    if not options:
        share = measured.info.effort["working_s"] / seconds
        found(f"`{what}`: time in trials' own set-up, warm-up and steps", f"{share:.0%}", "at least 60 %")
        stack = [c for c in compare(measured.records) if c.variant.startswith("stack[")]
        best = max(stack, key=lambda comparison: comparison.speedup.value)
        around = f"({best.speedup.low:.2f} to {best.speedup.high:.2f})"
        found(
            "the best settings together, against the reference loop",
            f"{best.speedup.value:.2f} times {around} the images a second",
            "at least 2 times",
        )
    assert answer["failed"] == []
