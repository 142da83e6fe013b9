"""What the page of a large run takes: seconds and memory in a fresh process, and the size of the file."""

from __future__ import annotations

import json
import random
import subprocess
import sys

import pytest

from benchsuite.record import AllocationSite, CheckResult, OperatorRow, Record, RunInfo, Turn
from benchsuite.store import RECORDS_FILE, RunDirectory

SCENARIOS = 27
VARIANTS = 10
"""Of each scenario, baseline included: 270 in all, about as many as the full suite has."""
ROUNDS = 3
TURNS = 20
MB = 1_000_000
BUILD = """
import json, pathlib, sys, time
start = time.perf_counter()
import reports
page = reports.build(pathlib.Path(sys.argv[1]))
# Not getrusage: a program that is started inherits the peak of the process that starts it.
peak = 1024 * int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:")))
print(json.dumps({"seconds": time.perf_counter() - start, "busy": time.process_time(), "peak": peak, "size": page.stat().st_size}))
"""


def scenario(number):
    return {
        "name": f"question_{number}",
        "question": f"Does setting {number} pay?",
        "compare": "mode",
        "within": ["phase"],
        "metric": "step_time",
        "answer": "best",
        "once": False,
        "variants": [
            {
                "id": f"question_{number}[mode=m{mode},phase={phase}]",
                "settings": {"mode": f"m{mode}", "phase": phase},
                "context": {"phase": phase},
                "baseline": mode == 0,
                "available": True,
                "reason": "",
            }
            for phase in ("train", "infer")
            for mode in range(VARIANTS // 2)
        ],
    }


def record(entry, place, repetition, *, steps, source, samples):
    """Make a timing trial; `samples` is the JSON of its steps' times, which takes the longest to make."""
    step_ns = 5_000_000 * (1 + place / 50)
    turns = tuple(
        Turn(order, steps // TURNS, round(steps // TURNS * step_ns * source.gauss(1, 0.02)))
        for order in range(place, TURNS * VARIANTS, VARIANTS)
    )
    found = Record(
        variant=entry["id"],
        scenario=entry["id"].partition("[")[0],
        settings=entry["settings"],
        context=entry["context"],
        baseline=entry["baseline"],
        pass_="timing",
        repetition=repetition,
        group=f"{entry['id'].partition('[')[0]}-{entry['context'].get('phase')}-{repetition}",
        outcome="completed",
        started="2026-03-02T09:14:07Z",
        first_step_ns=round(10 * step_ns),
        warmup_ns=tuple(round(step_ns * source.gauss(1, 0.03)) for _ in range(20)),
        turns=turns,
        items_per_step=100,
        checks=(CheckResult("equal to the reference", 0.0, 1e-3, "<=", ok=True),),
    )
    line = json.dumps(found.to_json(), separators=(",", ":"))
    return line.replace('"step_ns":[]', f'"step_ns":{samples}').replace('"cpu_ns":[]', f'"cpu_ns":{samples}')


def other_passes(entry):
    """Yield what the passes that time nothing leave: operators, and the lines that hold the memory."""
    head = {
        "variant": entry["id"],
        "scenario": entry["id"].partition("[")[0],
        "settings": entry["settings"],
        "context": entry["context"],
        "baseline": entry["baseline"],
        "repetition": 0,
        "group": "",
        "outcome": "completed",
        "started": "2026-03-02T09:14:07Z",
    }
    rows = tuple(
        OperatorRow(
            f"aten::operator_with_a_name_{n}",
            2.0,
            4e5 / (n + 1),
            5e5 / (n + 1),
            flops=1e6,
            shapes="100x1x28x28",
        )
        for n in range(40)
    )
    stack = ("conv2d (torch/nn/functional.py:9)", "forward (scenarios/cnn.py:23)")
    sites = tuple(
        AllocationSite(kind, 1e7 / (n + 1), 3, stack) for kind in ("peak", "temporary") for n in range(10)
    )
    yield Record(**head, pass_="operators", operators=rows, metrics={"operators": 187.0})
    yield Record(**head, pass_="memory", sites=sites, metrics={"peak_heap": 4e7, "allocations": 412.0})


def write(root, steps):
    """Write a run directory whose trials have so many steps, a few different lists of them in turn."""
    source = random.Random(7)
    scenarios = tuple(map(scenario, range(SCENARIOS)))
    directory = RunDirectory(root / "20260302T091407Z-5ca1ab")
    directory.path.mkdir(parents=True)
    info = RunInfo(
        command=("benchsuite", "run", "--all"), started="2026-03-02T09:14:07Z", finished="2026-03-02T09:24:07Z",
        task="scenarios.mnist:task", scenarios=scenarios,
    )  # fmt: skip
    directory.write_info(info)
    lists = [
        json.dumps([round(source.gauss(5e6, 1.5e5)) for _ in range(steps)], separators=(",", ":"))
        for _ in range(5)
    ]
    with (directory.path / RECORDS_FILE).open("w", encoding="utf-8") as file:
        for entry in scenarios:
            for repetition in range(ROUNDS):
                for place, variant in enumerate(entry["variants"]):
                    samples = lists[(place + repetition) % len(lists)]
                    file.write(
                        record(variant, place, repetition, steps=steps, source=source, samples=samples) + "\n"
                    )
            for variant in entry["variants"]:
                for found in other_passes(variant):
                    file.write(json.dumps(found.to_json(), separators=(",", ":")) + "\n")
    return directory.path


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("what", "steps"), [("270 variants", 240), ("100,000 samples a variant", 33_340)])
def bench_page(benchmark, found, tmp_path, what, steps):
    run = write(tmp_path, steps)
    results = []

    def build():
        done = subprocess.run([sys.executable, "-c", BUILD, run], check=True, capture_output=True, text=True)
        results.append(json.loads(done.stdout))

    benchmark.pedantic(build, rounds=1)
    (result,) = results
    seconds = f"{result['seconds']:.1f} s, {result['busy']:.1f} s of CPU time"
    found(f"the page of {what} x {ROUNDS} rounds is built in", seconds, "10 s")
    found("with a peak of", f"{result['peak'] / MB:.0f} MB", "1,000 MB")
    found("into a file of", f"{result['size'] / MB:.2f} MB", "3 MB")
