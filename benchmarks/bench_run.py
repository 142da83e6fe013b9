"""How long whole runs take on this machine, with cold caches: minutes, so marked slow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("options", "target_s"), [([], 300), (["--quick"], 90)])
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
    records = [json.loads(line) for line in (next((tmp_path / "runs").iterdir()) / "records.jsonl").open()]
    trials = [record for record in records if record["outcome"] == "completed"]
    what = " ".join(["run --all", *options])
    found(
        f"`{what}` with cold caches",
        f"{seconds:.0f} s, {seconds / target_s:.2f} of the target, {len(trials)} trials",
        f"{target_s} s",
    )
    assert json.loads(done.stdout)["failed"] == []
