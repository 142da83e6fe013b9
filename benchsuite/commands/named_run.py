"""Which directory a command's RUN stands for: a path, the name of a baseline, or nothing, for the newest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchsuite.baselines import find, load_baselines
from benchsuite.store import INFO_FILE, latest_run

if TYPE_CHECKING:
    from pathlib import Path


def named_run(run: Path | None, runs_dir: Path, *, gates: bool = True) -> Path:
    """Return the directory that RUN stands for; where nothing is found, the path as it was given.

    Args:
        run: what was typed; None: the newest run.
        runs_dir: the runs folder.
        gates: whether the newest may be a gate's.

    Raises:
        UsageError: there is no run to be the newest, or the file of baselines is damaged.
        NotComparableError: the baseline's run is gone or not finished.
    """
    if run is None:
        return latest_run(runs_dir, gates=gates)
    if (run / INFO_FILE).is_file() or str(run) not in load_baselines(runs_dir):
        return run
    return find(runs_dir, str(run))
