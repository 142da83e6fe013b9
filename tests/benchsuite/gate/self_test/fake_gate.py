"""Stands in for the gate: answers at once, or does what `FAKE_GATE` says for the batch that `FAKE_GATE_AT` numbers."""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
import time
from pathlib import Path

arguments = sys.argv[1:]
given = {name: [b for a, b in itertools.pairwise(arguments) if a == name] for name in set(arguments)}
folder = Path(os.environ["FAKE_GATE_LOG"])
calls = len(list(folder.iterdir()))
(folder / f"{calls}.json").write_text(json.dumps({**given, "cwd": str(Path.cwd())}))
trouble = (
    os.environ.get("FAKE_GATE", "") if str(calls) in os.environ.get("FAKE_GATE_AT", "").split(",") else ""
)
plants = json.loads(Path("plants.json").read_text())

if trouble in {"kill the self-test", "interrupt the self-test"}:
    try:
        os.kill(os.getppid(), signal.SIGKILL if trouble.startswith("kill") else signal.SIGINT)
        time.sleep(60)
    except KeyboardInterrupt:
        (folder.parent / "cleaned up").touch()
        sys.exit(130)
if trouble.startswith("end with"):
    sys.stderr.write("benchsuite: something went wrong\n")
    sys.exit(int(trouble.rpartition(" ")[2]))

run = Path(given["--runs-dir"][0], f"run-{calls}-{os.getpid()}")
run.mkdir(parents=True)
(run / "run.json").write_text(json.dumps({"schema": 1, "command": [], "started": "", "task": ""}))
(run / "records.jsonl").touch()
metric = given["--metric"][0]
variants = given["-k"][1:] if trouble == "forget one" else given["-k"]
findings = [
    {
        "scenario": "train", "variant": variant, "metric": metric, "seconds": 2.0,
        "verdict": "regression" if variant in plants else "unchanged",
    }
    for variant in variants
]  # fmt: skip
side = {"name": "", "commit": None}
verdict = {
    "schema": 1,
    "verdict": "pass",
    "base": side,
    "head": side,
    "findings": findings,
    "started": "",
    "seconds": 9.0,
}
sys.stdout.write("no JSON" if trouble == "babble" else json.dumps({**verdict, "run": str(run)}))
sys.exit(1 if plants else 0)
