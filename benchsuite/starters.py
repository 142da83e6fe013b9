"""One starter of workers for each distinct process environment, made when it is first needed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from benchsuite.launcher import OWN, Interpreter, Spawner, Starter, WorkerError, Zygote, can_fork
from benchsuite.worker.compilation import LASTING_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


class Starters:
    """Keeps the zygotes of a run; `renew` ends them, so that the next workers get new address-space layouts."""

    def __init__(self, compile_folder: Path | None, python: Interpreter = OWN) -> None:
        """Remember what runs the workers, and where compiling keeps what it needs once a machine; None: nowhere."""
        self._python = python
        self._common = {LASTING_VARIABLE: str(compile_folder)} if compile_folder else {}
        self._lock = threading.Lock()
        self._starters: dict[tuple[tuple[str, str], ...], Starter] = {}
        self._closed = False

    def get(self, env: Mapping[str, str]) -> Starter:
        """Return the starter for these environment variables.

        Raises:
            WorkerError: these starters are closed.
        """
        key = tuple(sorted(env.items()))
        with self._lock:
            if self._closed:
                raise WorkerError("no worker is started any more")
            if key not in self._starters:
                variables = {**self._common, **env}
                self._starters[key] = (
                    Zygote(variables, self._python) if can_fork() else Spawner(variables, self._python)
                )
            return self._starters[key]

    def fresh(self) -> Spawner:
        """Return what starts workers that have imported nothing; the caller stops it."""
        return Spawner(self._common, self._python)

    def prepare(self, environments: Iterable[Mapping[str, str]]) -> None:
        """Have the starters for all these environments ready, before anything is timed beside them.

        They import torch at the same time: one after the other would take as many times as long.

        Raises:
            BenchsuiteError: torch could not be imported.
        """
        for starter in [self.get(env) for env in environments]:
            starter.wait_until_ready()

    def renew(self) -> None:
        """End all starters and their workers."""
        with self._lock:
            self._end()

    def close(self) -> None:
        """End all starters and their workers, for good: other threads that go on can start no more."""
        with self._lock:
            self._closed = True
            self._end()

    def _end(self) -> None:
        for starter in self._starters.values():
            starter.stop()
        self._starters.clear()
