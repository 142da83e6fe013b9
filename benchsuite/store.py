"""The run directory: complete in itself, appended to as trials end, readable after any interruption."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from benchsuite.errors import BenchsuiteError, NotComparableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchsuite.record import Record, RunInfo

INFO_FILE = "run.json"
RECORDS_FILE = "records.jsonl"
REPORT_FILE = "report.html"
VERDICT_FILE = "verdict.json"
"""Of a gate alone."""
ARTIFACTS_FOLDER = "artifacts"
LONGEST_NAME = 120
NEEDED_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it was read back."""

    path: Path
    info: RunInfo
    records: tuple[Record, ...]
    problems: tuple[str, ...] = ()
    """What could not be read, in sentences; the rest stands."""


class RunDirectory:
    """Writes one run; every record is on the disk before the next trial starts."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, root: Path) -> RunDirectory:
        """Make a new run directory below `root`, named by UTC time.

        Raises:
            UsageError: the folder cannot be written, or too little room is left on its disk.
        """
        path = root / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        try:
            if not root.exists():
                root.mkdir(parents=True)
                # What is measured is no change of the code that git should show, or a gate call one.
                (root / ".gitignore").write_text("*\n", encoding="ascii")
            (path / ARTIFACTS_FOLDER).mkdir(parents=True)
            free_bytes = shutil.disk_usage(path).free
            if free_bytes < NEEDED_BYTES:
                path.joinpath(ARTIFACTS_FOLDER).rmdir()
                path.rmdir()
                raise UsageError(
                    f"--runs-dir {root}: {free_bytes // 2**20} MiB are free, a run needs {NEEDED_BYTES // 2**20}: "
                    "free some room or name another folder"
                )
            (path / RECORDS_FILE).touch()
        except OSError as error:
            raise UsageError(
                f"--runs-dir {root}: cannot write there ({error.strerror}): name a folder you can write to"
            ) from error
        return cls(path)

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been measured into it yet."""
        path = self.path / RECORDS_FILE
        return not path.is_file() or not path.stat().st_size

    def discard(self) -> None:
        """Remove a run in which nothing was measured."""
        shutil.rmtree(self.path, ignore_errors=True)

    def write_info(self, info: RunInfo) -> None:
        """Replace `run.json` in one step.

        Raises:
            UsageError: the disk is full, or the directory has become unwritable.
        """
        with self._writing():
            write_atomically(self.path / INFO_FILE, json.dumps(info.to_json(), indent=1) + "\n")

    def append(self, *records: Record) -> tuple[Record, ...]:
        """Add lines to `records.jsonl`, all in one write, and flush them to the disk.

        Returns:
            The records as they are kept: one that could not be read back is kept as a failed one that says why.

        Raises:
            UsageError: the disk is full, or the directory has become unwritable.
        """
        from benchsuite.record_schema import written

        kept = [written(record) for record in records]
        lines = "".join(f"{line}\n" for _, line in kept)
        with self._writing(), (self.path / RECORDS_FILE).open("a", encoding="utf-8") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
        return tuple(record for record, _ in kept)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UsageError(
                f"{self.path}: cannot be written any more ({error.strerror}); what was measured until now is kept"
            ) from error

    def drop_torn_line(self) -> None:
        """Cut off a last line without its end, left by a run that was killed while it wrote."""
        path = self.path / RECORDS_FILE
        content = path.read_bytes() if path.is_file() else b""
        if content and not content.endswith(b"\n"):
            with path.open("r+b") as file:
                file.truncate(content.rfind(b"\n") + 1)

    def artifact_folder(self, variant: str, pass_: str, repetition: int) -> Path:
        """Make and return the folder for one trial's files."""
        folder = self.path / ARTIFACTS_FOLDER / safe_name(variant) / f"{pass_}-{repetition}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def drop_artifact_folder(self, folder: Path) -> None:
        """Remove a trial's folder of which nothing is kept, and its variant's if that leaves it empty.

        A worker that was killed leaves captures in its folder that no record names.
        """
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()


def safe_name(variant: str) -> str:
    """Return a variant's id as a folder's name on any file system; different ids never share one."""
    plain = variant.replace("[", "-").removesuffix("]")
    name = re.sub(r"[^A-Za-z0-9._=,-]", "_", plain).strip(".")[:LONGEST_NAME]
    if name and name == plain:
        return name
    return f"{name}-{hashlib.sha256(variant.encode(errors='surrogatepass')).hexdigest()[:8]}"


def load_info(path: Path) -> RunInfo:
    """Read a run's header alone.

    Raises:
        UsageError: there is no run at this path.
        NotComparableError: a newer version of benchsuite wrote it.
    """
    from benchsuite.record_schema import read_info
    from benchsuite.validation import parsed

    if not (path / INFO_FILE).is_file():
        raise UsageError(
            f"{path}: no run is there (it has no {INFO_FILE}); `ls runs/` shows the runs of this folder"
        )
    try:
        return read_info(parsed((path / INFO_FILE).read_text(encoding="utf-8")))
    except NotComparableError as error:
        raise NotComparableError(f"{path / INFO_FILE}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path / INFO_FILE}: not a run's header ({error}): the file is damaged") from error


def load_run(path: Path) -> Run:
    """Read a run directory, whatever state it is in.

    Raises:
        UsageError: there is no run at this path.
        NotComparableError: a newer version of benchsuite wrote it.
    """
    from benchsuite.record_schema import read_record

    info = load_info(path)
    problems = []
    records = []
    records_path = path / RECORDS_FILE
    if not records_path.is_file():
        problems.append(f"{RECORDS_FILE} is missing.")
        return Run(path, info, (), tuple(problems))
    with records_path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            try:
                records.append(read_record(json.loads(line)))
            except (ValueError, RecursionError, NotComparableError) as error:
                why = f"it is no JSON: {error.msg}" if isinstance(error, json.JSONDecodeError) else error
                problems.append(f"{RECORDS_FILE}, line {number}, could not be read ({why}) and is left out.")
    return Run(path, info, tuple(records), tuple(problems))


def latest_run(root: Path, *, gates: bool = True) -> Path:
    """Return the newest run directory below `root`.

    Args:
        root: the runs folder.
        gates: whether a gate's directory is one.

    Raises:
        UsageError: there is none.
    """
    runs = sorted((path.parent for path in root.glob(f"*/{INFO_FILE}")), reverse=True)
    for path in runs:
        if gates or not _is_gate(path):
            return path
    raise UsageError(f"{root}: no run is there; `python -m benchsuite run --all` makes one")


def _is_gate(path: Path) -> bool:
    """Whether a gate has made a directory; a damaged header counts as a run's, so that whoever reads it says so."""
    try:
        return load_info(path).kind == "gate"
    except BenchsuiteError:
        return False


def demand_run(path: Path, info: RunInfo) -> None:
    """Refuse a directory that no run has made: one that cannot be resumed, or measured again.

    Raises:
        UsageError: a gate has made it, or its header does not say what was asked for.
    """
    if info.kind == "gate":
        raise UsageError(f"{path}: a gate measured it: name a run")
    if not info.options:
        raise UsageError(f"{path}: its header does not say what the run was asked for: name another run")


def write_atomically(path: Path, text: str) -> None:
    """Replace a file in one step, so that whoever reads it finds all of the old or all of the new text."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
