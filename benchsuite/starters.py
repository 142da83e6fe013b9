"""One starter of workers for each distinct process environment, made when it is first needed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from benchsuite.launcher import Spawner, Starter, Zygote, can_fork
from benchsuite.worker.compilation import LASTING_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


class Starters:
    """Keeps the zygotes of a run; `renew` ends them, so that the next workers get new address-space layouts."""

    def __init__(self, compile_folder: Path | None) -> None:
        """Remember where compiling keeps what it needs once a machine; None: nothing will be compiled."""
        self._common = {LASTING_VARIABLE: str(compile_folder)} if compile_folder else {}
        self._lock = threading.Lock()
        self._starters: dict[tuple[tuple[str, str], ...], Starter] = {}

    def get(self, env: Mapping[str, str]) -> Starter:
        """Return the starter for these environment variables."""
        key = tuple(sorted(env.items()))
        with self._lock:
            if key not in self._starters:
                variables = {**self._common, **env}
                self._starters[key] = Zygote(variables) if can_fork() else Spawner(variables)
            return self._starters[key]

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
        for starter in self._starters.values():
            starter.stop()
        self._starters.clear()
