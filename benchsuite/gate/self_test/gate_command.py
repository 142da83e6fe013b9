"""The real gate, as a command in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

from benchsuite.errors import BenchsuiteError
from benchsuite.gate.self_test.plan import METRICS
from benchsuite.gate.self_test.project import MODULE, environment
from benchsuite.gate.verdict_schema import read_verdict
from benchsuite.origin import PROJECT_ROOT
from benchsuite.worker.process import die_with

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchsuite.gate.self_test.plan import Batch
    from benchsuite.gate.verdict import Verdict

COMMAND = (sys.executable, "-m", "benchsuite", "gate")
DECIDED = frozenset({0, 1, 3, 4, 5})
"""Exit codes of a gate that has a verdict."""
INTERRUPTED = 130
END_S = 30.0
"""How long an interrupted gate may take to end its workers and to remove its worktree."""
LAST_CHARACTERS = 500


class GateFailedError(BenchsuiteError):
    """The gate ended without a verdict."""


def ask_gate(batch: Batch, base: str, project: Path, runs: Path, command: Sequence[str] = COMMAND) -> Verdict:
    """Have the gate decide about the variants of a batch.

    Args:
        batch: the variants, the metrics and the seed.
        base: the commit to compare with.
        project: the repository; its working tree is the head.
        runs: where the gate's run directory goes.
        command: what starts the gate.

    Raises:
        GateFailedError: it ended without a verdict, or its answer cannot be read.
        KeyboardInterrupt: the user interrupted; the gate has ended.
    """
    arguments = [
        *command, "--against", base, "--only-scenarios", MODULE, "--runs-dir", str(runs), "--seed", str(batch.seed),
        "--json", "--wait",
    ]  # fmt: skip
    for metric in METRICS[batch.part]:
        arguments += ["--metric", metric]
    for planned in batch.decisions:
        arguments += ["-k", planned.variant]
    code, out, said = _run(arguments, project)
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    if code not in DECIDED:
        raise GateFailedError(f"the gate ended with {code}: {said}")
    try:
        return read_verdict(json.loads(out))
    except ValueError as error:
        raise GateFailedError(f"the gate's answer cannot be read ({error}): {said}") from error


def _run(arguments: Sequence[str], folder: Path) -> tuple[int, str, str]:
    """Run a command and return its exit code, its stdout and the end of its stderr."""
    paths = os.pathsep.join(filter(None, [str(PROJECT_ROOT), os.environ.get("PYTHONPATH")]))
    parent = os.getpid()
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as stderr:
        process = subprocess.Popen(
            arguments, cwd=folder, env={**environment(), "PYTHONPATH": paths}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=stderr, text=True, encoding="utf-8",
            # Ctrl-C goes to this process alone, which passes it on: a second one would disturb the gate's own ending.
            start_new_session=True,
            preexec_fn=lambda: die_with(parent, signal.SIGINT),  # noqa: PLW1509 - this process has one thread
        )  # fmt: skip
        try:
            out, _ = process.communicate()
        except BaseException:
            _end(process)
            raise
        stderr.seek(0)
        said = " / ".join(stderr.read().strip()[-LAST_CHARACTERS:].splitlines())
    return process.returncode, out, said


def _end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=END_S)
    process.kill()
    process.wait()
