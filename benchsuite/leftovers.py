"""Temporary folders that last as long as their process, so that the next one can remove what a killed one left.

Beside each is a lock file that its process holds. The kernel frees it when the process ends, however that happens; the
process's number would say less, for it is given out anew, and containers that share a folder count their own.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Purpose: TypeAlias = Literal["compile", "engine", "gate", "view"]
NAME = re.compile(r"benchsuite-(compile|engine|gate|view)-[0-9a-f]{16}")


@contextlib.contextmanager
def temporary_folder(purpose: Purpose) -> Iterator[Path]:
    """Make a folder for as long as the context lasts; whatever dead processes left of such folders is removed first.

    Raises:
        OSError: the system's folder for temporary files cannot be written.
    """
    from filelock import FileLock

    remove_leftovers()
    folder = Path(tempfile.gettempdir()).resolve() / f"benchsuite-{purpose}-{secrets.token_hex(8)}"
    # Locked before it is there: nobody ever sees it without its owner.
    try:
        with FileLock(_lock_file(folder), timeout=0):
            folder.mkdir(mode=0o700)
            yield folder
    finally:
        remove(folder)


def remove_leftovers() -> None:
    """Remove the folders of processes that live no more."""
    for lock in Path(tempfile.gettempdir()).glob("benchsuite-*.lock"):
        folder = lock.with_suffix("")
        if is_left(folder):
            remove(folder)


def is_left(folder: Path) -> bool:
    """Whether this is a temporary folder whose process lives no more; another user's process is taken to live."""
    from filelock import FileLock, Timeout

    if not NAME.fullmatch(folder.name):
        return False
    lock = _lock_file(folder)
    if not lock.exists():
        return True
    try:
        with FileLock(lock, timeout=0):
            return True
    except (Timeout, OSError):
        return False


def remove(folder: Path) -> None:
    """Remove a temporary folder with its lock, as far as that can be done."""
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        _lock_file(folder).unlink(missing_ok=True)


def _lock_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")
