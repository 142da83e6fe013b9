"""What it takes to read a large trace back and to summarise it: time and memory."""

from __future__ import annotations

import json
import subprocess
import sys

EVENTS = 200_000
STEPS = 100
MIB = 2**20
READ = """
import json, sys, time
from benchsuite.worker.process import peak_rss_bytes
from benchsuite.worker.trace import summarize
from benchsuite.worker.trace_file import TraceReader
imported = peak_rss_bytes().get("peak_rss", 0)
start = time.perf_counter()
with open(sys.argv[1], encoding="utf-8") as source:
    reader = TraceReader(source)
    summary = summarize(reader, "a step")
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "peak": peak_rss_bytes().get("peak_rss", 0), "imported": imported,
                  "events": summary.num_events, "kernels": summary.kernels, "dropped": reader.dropped}))
"""


def events():
    """Yield what five events of each kernel look like in a trace of Kineto's."""
    for number in range(EVENTS // 5):
        start = 1e6 + number * 20.125
        shapes = [[100, 1, 28, 28], [10, 1, 5, 5], [10], [], [], []]
        yield "cpu_op", "aten::convolution", start, 15.25, {"External id": number, "Input Dims": shapes}
        yield "cuda_runtime", "cudaLaunchKernel", start + 5, 3.5, {"cbid": 211, "correlation": number}
        yield (
            "kernel",
            "void cutlass::Kernel2<gemm>(Params)",
            start + 9,
            6.75,
            {"device": 0, "stream": 7, "correlation": number},
        )
        yield (
            "cpu_instant_event",
            "[memory]",
            start + 2,
            0,
            {"Total Allocated": number % 977, "Device Type": 1, "Device Id": 0},
        )
        yield "ac2g", "ac2g", start + 9, 0, {}


def write(path):
    step_us = EVENTS // 5 * 20.125 / STEPS
    with path.open("w", encoding="utf-8") as file:
        file.write('{"schemaVersion": 1, "traceEvents": [\n')
        for step in range(STEPS):
            json.dump(
                {
                    "ph": "X",
                    "cat": "user_annotation",
                    "name": "a step",
                    "ts": 1e6 + step * step_us,
                    "dur": step_us,
                },
                file,
            )
            file.write(",\n")
        for category, name, start, length, arguments in events():
            shape = {"ph": "X", "cat": category, "name": name, "pid": 1, "tid": 1, "ts": start, "dur": length}
            json.dump(shape | {"args": arguments}, file, indent=2)
            file.write(",\n")
        file.write('{"ph": "M", "name": "end", "ts": 0}]}')


def bench_summary_of_a_large_trace(benchmark, found, tmp_path):
    trace = tmp_path / "trace.json"
    write(trace)
    results = []

    def read():
        done = subprocess.run([sys.executable, "-c", READ, trace], check=True, capture_output=True, text=True)
        results.append(json.loads(done.stdout))

    benchmark.pedantic(read, rounds=3)
    assert results[0]["events"] >= EVENTS
    assert results[0]["kernels"] == EVENTS // 5
    assert not results[0]["dropped"]
    seconds = min(result["seconds"] for result in results)
    peak = max(result["peak"] for result in results)
    before = max(result["imported"] for result in results)
    size = trace.stat().st_size / MIB
    found(f"a trace of {EVENTS:,} events ({size:.0f} MiB) is summarised in", f"{seconds:.2f} s", "under 5 s")
    found("with a peak of", f"{peak / MIB:.0f} MiB, {before / MIB:.0f} MiB of it before", "under 1 GB")
