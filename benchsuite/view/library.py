"""Which runs are served, and which of their files: never one outside of its run's own directory."""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from benchsuite.errors import UsageError
from benchsuite.store import INFO_FILE, RECORDS_FILE, VERDICT_FILE
from benchsuite.view.address import is_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MARKS = (INFO_FILE, RECORDS_FILE, VERDICT_FILE)
"""A folder with any of these is a run, however broken."""
UNREACHABLE = (OSError, ValueError, RuntimeError)
"""What following a path ends in: nothing there, no path at all, links in a circle."""


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A regular file, opened for reading; whoever got it closes it."""

    content: BinaryIO
    name: str
    size_bytes: int
    modified_ns: int


class Library:
    """The runs of a folder, or one run alone."""

    def __init__(self, root: Path, only: str = "") -> None:
        """Serve the runs below `root`; with a name, this one alone."""
        self.root = root
        self.only = only

    def runs(self) -> Mapping[str, Path]:
        """Return the runs' directories by name, newest first; links that lead out of the folder are no runs of it.

        One whose name no address can hold is left out.

        Raises:
            UsageError: the folder is not there or cannot be read.
        """
        try:
            found = [
                entry.name
                for entry in os.scandir(self.root)
                if entry.name == (self.only or entry.name) and is_name(entry.name) and entry.is_dir()
            ]
        except OSError as error:
            raise UsageError(
                f"{self.root}: no folder of runs is there ({error.strerror}); `python -m benchsuite run --all` makes one"
            ) from error
        return {name: path for name in sorted(found, reverse=True) if (path := self._run(name)) is not None}

    def run(self, name: str) -> Path | None:
        """Return a run's directory; None: there is no such run."""
        return self._run(name) if name == (self.only or name) else None

    def _run(self, name: str) -> Path | None:
        path = self.root / name
        with contextlib.suppress(*UNREACHABLE):
            inside = path.resolve(strict=True).parent == self.root.resolve()
            if inside and any((path / mark).is_file() for mark in MARKS):
                return path
        return None


def open_file(run: Path, names: tuple[str, ...]) -> OpenFile | None:
    """Open a file of a run; None: there is none, it is no regular file, or a link on its way leads out of the run.

    Args:
        run: the run's directory.
        names: the path from there, as `Addresses.read` returns it.
    """
    with contextlib.suppress(*UNREACHABLE):
        path = run.joinpath(*names).resolve(strict=True)
        if not path.is_relative_to(run.resolve()):
            return None
        # A pipe in its place must not be waited for, and a link that takes it only now must not be followed.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            return None
        return OpenFile(os.fdopen(descriptor, "rb"), names[-1], status.st_size, status.st_mtime_ns)
    return None
