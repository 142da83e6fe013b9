"""Named runs to compare with: a file below the runs folder that only `baseline` writes, never a gate."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchsuite.errors import NotComparableError, UsageError
from benchsuite.record import CANARY, SCHEMA, demand_schema
from benchsuite.store import demand_run, load_info, load_run, write_atomically
from benchsuite.suggestion import suggest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchsuite.store import Run

BASELINES_FILE = "baselines.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
LOCK_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Baseline:
    """A name that stands for a run."""

    name: str
    run: Path
    set_at: str
    """UTC, ISO 8601, as `started`."""
    started: str
    """When the run was begun."""
    commit: str | None
    """What the run measured; None: outside of git."""

    @property
    def problem(self) -> str:
        """Why the run cannot be compared with now, in a clause; empty: it can."""
        try:
            info = load_info(self.run)
        except UsageError:
            return "its run is gone or damaged"
        except NotComparableError:
            return "a newer benchsuite wrote its run"
        return "" if info.finished else "its run is not finished"


def load_baselines(root: Path) -> dict[str, Baseline]:
    """Return all baselines of a runs folder by name, sorted; empty where none was ever set.

    Raises:
        UsageError: the file is damaged or cannot be read.
        NotComparableError: a newer version of benchsuite wrote it.
    """
    path = root / BASELINES_FILE
    try:
        document = json.loads(_content(path))
        demand_schema(document)
        return {name: _read(root, name, one) for name, one in sorted(document["baselines"].items())}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    except NotComparableError as error:
        raise NotComparableError(f"{path}: {error}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(
            f"{path}: not a list of baselines ({error}): the file is damaged; remove it and set them anew"
        ) from error


def _content(path: Path) -> str:
    """Return the file's text; a pipe in its place must not be waited for."""
    if path.exists() and not path.is_file():
        raise ValueError("it is no plain file")
    return path.read_text(encoding="utf-8")


def _read(root: Path, name: str, one: Mapping[str, Any]) -> Baseline:
    """Return one entry of the file.

    Raises:
        ValueError: a value is none that this program writes.
    """
    values = [one["run"], one["set"], one["started"], one["commit"] or ""]
    if not all(isinstance(value, str) for value in values):
        raise ValueError(f"{name!r}: it should hold texts")
    run = root / one["run"]
    try:
        os.stat(run)  # noqa: PTH116 - unlike `Path.exists`, it tells what is no path from what is not there
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise ValueError(f"{name!r}: {error.strerror}") from error
    return Baseline(name, run, one["set"], one["started"], one["commit"])


def set_baseline(root: Path, name: str, run: Path, *, replace: bool = False) -> Baseline:
    """Let a name stand for a run from now on.

    Args:
        root: the runs folder.
        name: letters, digits, `.`, `_` and `-`.
        run: the run's directory; it need not be below the folder.
        replace: whether the name may stand for another run already.

    Raises:
        UsageError: the name does not do or is taken, the run is not finished or measured nothing, or the folder
            cannot be written.
        NotComparableError: a newer version of benchsuite wrote the run or the file.
    """
    _demand_name(root, name)
    loaded = load_run(run)
    _demand_measured(loaded)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    baseline = Baseline(name, run, now, loaded.info.started, loaded.info.commit)
    with _changing(root):
        known = load_baselines(root)
        if name in known and not replace:
            raise UsageError(f"{name} stands for {known[name].run} already: --replace sets it anew")
        _write(root, {**known, name: baseline})
    return baseline


def remove_baseline(root: Path, name: str) -> Baseline:
    """Forget a name; its run stays.

    Raises:
        UsageError: there is no such baseline, or the folder cannot be written.
        NotComparableError: a newer version of benchsuite wrote the file.
    """
    get(root, name)
    with _changing(root):
        removed = get(root, name)
        _write(root, {key: one for key, one in load_baselines(root).items() if key != name})
    return removed


def get(root: Path, name: str) -> Baseline:
    """Return a baseline, whatever has become of its run.

    Raises:
        UsageError: there is none of this name; the message offers the nearest ones.
        NotComparableError: a newer version of benchsuite wrote the file.
    """
    known = load_baselines(root)
    if name not in known:
        raise UsageError(f"{root / BASELINES_FILE}: no baseline is called {name!r}: {suggest(name, known)}")
    return known[name]


def find(root: Path, name: str) -> Path:
    """Return the directory of a baseline's run, finished, to compare with.

    Raises:
        UsageError: there is none of this name.
        NotComparableError: its run is gone or not finished, or a newer version of benchsuite wrote it.
    """
    baseline = get(root, name)
    if baseline.problem:
        raise NotComparableError(
            f"baseline {name} ({baseline.run}): {baseline.problem}: "
            f"`python -m benchsuite baseline set {name} RUN --replace` sets it anew"
        )
    return baseline.run


def _demand_name(root: Path, name: str) -> None:
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name for a baseline: write up to 100 letters, digits, dots, _ and -, "
            "a letter or digit first"
        )
    if Path(name).exists() or (root / name).exists():
        raise UsageError(f"{name} is the path of something that exists: choose another name")
    if is_ref(name):
        raise UsageError(f"{name} is a git ref, which names a state of the code: choose another name")


def is_ref(name: str) -> bool:
    """Whether git takes the name for a state of the code; False where there is no git."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        command = ["git", "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"]
        return subprocess.run(command, capture_output=True, timeout=5, check=False).returncode == 0
    return False


def _demand_measured(run: Run) -> None:
    demand_run(run.path, run.info)
    if not run.info.finished:
        raise UsageError(
            f"{run.path}: this run is not finished; `python -m benchsuite run --resume {run.path}` goes on with it"
        )
    if not any(record.outcome == "completed" and record.scenario != CANARY for record in run.records):
        raise UsageError(f"{run.path}: no trial of this run was completed: name another run")


@contextlib.contextmanager
def _changing(root: Path) -> Iterator[None]:
    """Keep two changes apart: each reads the file, and writes all of it."""
    from filelock import FileLock, Timeout

    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f".{BASELINES_FILE}.lock", timeout=LOCK_TIMEOUT_S):
            yield
    except Timeout as error:
        raise UsageError(f"{root / BASELINES_FILE}: another process is changing it: try again") from error
    except OSError as error:
        raise UsageError(f"{root / BASELINES_FILE}: cannot be written ({error.strerror})") from error


def _write(root: Path, baselines: Mapping[str, Baseline]) -> None:
    entries: dict[str, Any] = {
        one.name: {
            "run": _from_root(root, one.run), "set": one.set_at, "started": one.started, "commit": one.commit,
        }
        for _name, one in sorted(baselines.items())
    }  # fmt: skip
    document = {"schema": SCHEMA, "baselines": entries}
    write_atomically(root / BASELINES_FILE, json.dumps(document, indent=1) + "\n")


def _from_root(root: Path, run: Path) -> str:
    """Return a run's path relative to the runs folder where it is below it, so that the folder can be moved."""
    full = run.resolve()
    return full.relative_to(root.resolve()).as_posix() if full.is_relative_to(root.resolve()) else str(full)
