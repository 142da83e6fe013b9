"""A folder that an export writes: it appears whole or not at all, and never takes another folder's place."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from typing import TYPE_CHECKING, Final

from benchsuite.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MANIFEST: Final = "export.json"
"""Names the files of an export, so that the next one knows what it may replace."""
SCHEMA: Final = 1


def write_folder(path: Path, format_: str, run: str, write: Callable[[Path], None]) -> Path:
    """Write or replace a folder and return its path.

    Args:
        path: where it shall be: nothing, an empty folder, or an earlier export with nothing else in it.
        format_: what the manifest calls it.
        run: the name of the run.
        write: fills an empty folder.

    Raises:
        UsageError: something else is there, or the folder cannot be written.
    """
    path = path.resolve()
    _demand_free(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.mkdir()
        write(beside)
        names = sorted(file.relative_to(beside).as_posix() for file in beside.rglob("*") if file.is_file())
        manifest = {"schema": SCHEMA, "format": format_, "run": run, "files": names}
        (beside / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        _put(beside, path)
    except OSError as error:
        raise UsageError(f"--output {path}: cannot write there ({error.strerror or error})") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return path


def _put(new: Path, path: Path) -> None:
    """Let a new folder take the place of an old one, which comes back where that fails."""
    old = path.with_name(f"{new.name}.old")
    if not path.exists():
        new.rename(path)
        return
    path.rename(old)
    try:
        new.rename(path)
    except OSError:
        old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _demand_free(path: Path) -> None:
    """Refuse a path at which there is anything that an export did not write."""
    if not path.exists():
        return
    if not path.is_dir():
        raise UsageError(
            f"--output {path}: a file is there, and this format writes a folder: name another path"
        )
    known = _exported(path)
    try:
        held = (file for file in path.rglob("*") if file.is_symlink() or not file.is_dir())
        names = (file.relative_to(path).as_posix() for file in held)
        # The first one decides: the folder may be a whole disk.
        foreign = next((name for name in names if name not in known), None)
    except OSError as error:
        raise UsageError(f"--output {path}: cannot be read ({error.strerror})") from error
    if foreign is not None:
        raise UsageError(
            f"--output {path}: this folder holds {foreign!r}, which no export has written: name another folder"
        )


def _exported(path: Path) -> set[str]:
    """Return the files that an earlier export says it has written, itself included; empty: there was none."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        if isinstance(manifest["schema"], int) and isinstance(manifest["format"], str):
            return {MANIFEST, *map(str, manifest["files"])}
    return set()
