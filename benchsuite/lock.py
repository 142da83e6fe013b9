"""One measurement at a time on a machine: two at once would measure each other."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchsuite.errors import MachineBusyError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextlib.contextmanager
def machine_lock(
    purpose: str,
    folder: Path | None = None,
    *,
    waits: bool = False,
    on_wait: Callable[[str], None] | None = None,
) -> Iterator[None]:
    """Hold the machine's lock; the kernel frees it when this process ends, however that happens.

    Args:
        purpose: what is being measured, shown to whoever finds the lock held.
        folder: where the lock file is; by default the system's folder for temporary files.
        waits: whether to wait until it is free.
        on_wait: is told once for whom it waits, before it does.

    Raises:
        MachineBusyError: another process holds it; the message names it.
        UsageError: the lock file cannot be used.
    """
    from filelock import FileLock, Timeout

    path = (folder or Path(tempfile.gettempdir())) / "benchsuite.lock"
    holder = path.with_suffix(".holder")
    lock = FileLock(path, timeout=0, mode=0o666)
    try:
        try:
            lock.acquire()
        except Timeout:
            if not waits:
                raise
            if on_wait is not None:
                on_wait(_read(holder))
            lock.acquire(timeout=-1)
    except Timeout:
        raise MachineBusyError(
            f"this machine is being measured by {_read(holder)}: wait until it has ended, two at once disturb each other"
        ) from None
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be locked ({error.strerror}): it may belong to another user; remove it or set TMPDIR"
        ) from error
    try:
        with contextlib.suppress(OSError):  # the holder's name is a courtesy, the lock does not depend on it
            holder.write_text(f"process {os.getpid()} ({purpose})", encoding="utf-8")
        yield
    finally:
        with contextlib.suppress(OSError):
            holder.unlink()
        lock.release()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8") or "another process"
    except OSError:
        return "another process"
