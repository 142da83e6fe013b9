"""Temporary folders named after the process that uses them, so that the next one can remove what a killed one left."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Purpose: TypeAlias = Literal["compile", "engine", "view"]
NAME = re.compile(r"benchsuite-(?:compile|engine|view)-(\d+)-[^-]+")


@contextlib.contextmanager
def temporary_folder(purpose: Purpose) -> Iterator[Path]:
    """Make a folder for as long as the context lasts; whatever dead processes left of such folders is removed first."""
    remove_leftovers()
    folder = Path(tempfile.mkdtemp(prefix=f"benchsuite-{purpose}-{os.getpid()}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers() -> None:
    """Remove the folders of processes that live no more."""
    for folder in Path(tempfile.gettempdir()).glob("benchsuite-*"):
        owner = NAME.fullmatch(folder.name)
        if owner and not lives(int(owner[1])):
            shutil.rmtree(folder, ignore_errors=True)


def lives(pid: int) -> bool:
    """Whether there is a process with this id."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
