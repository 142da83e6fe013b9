"""How soon a worker can begin its first step: forked from a zygote, and in a fresh interpreter."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import scenarios.mnist
from benchsuite.launcher import Spawner, Zygote
from benchsuite.worker.protocol import TrialSpec

PATIENCE_S = 120


def seconds_until_first_step(starter):
    task = str(Path(scenarios.mnist.__file__).resolve())
    file = str(Path(__file__).resolve().with_name("ready.py"))
    spec = TrialSpec(
        scenario="ready", module="benchsuite_user_ready", file=file, settings={}, pass_="timing",
        task_module="scenarios.mnist", task_file=task, task_attribute="task", threads=1,
    )  # fmt: skip
    began_s = time.monotonic()
    worker = starter.start()
    worker.send(spec.to_json())
    worker.receive(PATIENCE_S)
    worker.send({"do": "finish"})
    result = worker.receive(PATIENCE_S)
    worker.end()
    return result["metrics"]["first_step_began_s"] - began_s


def bench_worker_is_ready(benchmark, found):
    zygote, spawner = Zygote({}), Spawner({})
    forked, fresh = [], []
    try:
        seconds_until_first_step(zygote)
        benchmark.pedantic(lambda: forked.append(seconds_until_first_step(zygote)), rounds=10)
        fresh += [seconds_until_first_step(spawner) for _ in range(3)]
    finally:
        zygote.stop()
        spawner.stop()
    forked_s, fresh_s = statistics.median(forked), statistics.median(fresh)
    found("a forked worker begins its first step after", f"{forked_s:.3f} s", "under 0.15 s")
    found("a fresh interpreter", f"{fresh_s:.2f} s, {fresh_s / forked_s:.0f} times as long", "over 3 s")
