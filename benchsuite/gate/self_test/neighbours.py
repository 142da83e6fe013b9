"""Busy neighbours: processes that keep cores busy while the gate measures, as other tenants of a machine do."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
from typing import TYPE_CHECKING

from benchsuite.errors import BenchsuiteError
from benchsuite.launcher import worker_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

START_S = 180.0


@contextlib.contextmanager
def neighbours(count: int) -> Iterator[tuple[int, ...]]:
    """Keep so many processes busy with torch, on one thread each and not pinned, for as long as the context lasts.

    They end with this process too (on Linux at once, else within a step).

    Args:
        count: how many; 0: none.

    Yields:
        Their process ids, once all of them work.

    Raises:
        BenchsuiteError: one did not start.
    """
    started: list[subprocess.Popen[bytes]] = []
    try:
        # From a generator: those that were started before one fails are ended too.
        started.extend(_start() for _ in range(count))
        for neighbour in started:
            _wait_until_busy(neighbour)
        yield tuple(neighbour.pid for neighbour in started)
    finally:
        for neighbour in started:
            neighbour.kill()
            neighbour.wait()
            if neighbour.stdout:
                neighbour.stdout.close()


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "benchsuite.worker.neighbour", str(os.getpid())], env=worker_environment({}),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def _wait_until_busy(neighbour: subprocess.Popen[bytes]) -> None:
    if (
        neighbour.stdout
        and select.select([neighbour.stdout], [], [], START_S)[0]
        and neighbour.stdout.readline()
    ):
        return
    raise BenchsuiteError("a busy neighbour did not start: is torch installed for this Python?")
