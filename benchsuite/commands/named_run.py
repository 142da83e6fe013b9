"""Which directory a command's argument stands for: a path, the name of a baseline, or nothing, for the newest run."""

from __future__ import annotations

from pathlib import Path

from benchsuite.baselines import find, load_baselines
from benchsuite.errors import UsageError
from benchsuite.store import INFO_FILE, VERDICT_FILE, latest_run, load_info
from benchsuite.suggestion import suggest


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


def find_run(text: str, runs_dir: Path) -> Path:
    """Return the directory of a run, which need not be finished; a path goes before a baseline of the same name.

    Raises:
        UsageError: there is no such run or baseline, or a gate has made the directory.
        NotComparableError: the baseline's run is gone or not finished, or a newer version of benchsuite wrote it.
    """
    path = Path(text)
    if not any((path / name).is_file() for name in (INFO_FILE, VERDICT_FILE)):
        path = _baseline(text, runs_dir)
    if not (path / INFO_FILE).is_file() or load_info(path).kind == "gate":
        raise UsageError(
            f"{path}: a gate measured it and has compared its two sides itself, as `python -m benchsuite report {path}` shows: "
            "name a run"
        )
    return path


def _baseline(text: str, runs_dir: Path) -> Path:
    known = load_baselines(runs_dir)
    if text in known:
        return find(runs_dir, text)
    names = f", and no baseline of that name: {suggest(text, known)}" if known else ""
    raise UsageError(
        f"{text}: no run is there (it has no {INFO_FILE}){names}; `ls {runs_dir}` shows the runs of this folder"
    )
