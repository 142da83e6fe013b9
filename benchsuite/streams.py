"""The process's own stdout and stderr: lost messages change nothing, a lost result is told, and a document is alone."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, TextIO

from benchsuite.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import ReadableBuffer

STDOUT: Final = 1
STDERR: Final = 2
_WITHOUT_ONE: Final = ((0, os.O_RDONLY), (STDOUT, os.O_RDONLY), (STDERR, os.O_WRONLY))
"""What a closed stream becomes of `/dev/null`: a closed stdout stays one that cannot be written."""

_kept: ContextVar[TextIO | None] = ContextVar("_kept", default=None)
"""Where the document goes while stdout is kept for it."""


class _Results(io.FileIO):
    """Stdout: tells apart that it cannot be written from every other error of a file."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(f"stdout: cannot be written ({error.strerror})") from error


class _Messages(io.FileIO):
    """Stderr: what cannot be written is lost, and nothing else happens."""

    def write(self, data: ReadableBuffer, /) -> int:
        with contextlib.suppress(OSError):
            if (written := super().write(data)) is not None:
                return written
        return memoryview(data).nbytes


def prepare() -> None:
    """Replace this process's stdout and stderr by ones that take every text; once, at the start.

    A closed one is opened first: the next file would get its number, and the messages with it.
    """
    if sys.platform == "win32":
        return
    for number, flags in _WITHOUT_ONE:
        try:
            os.fstat(number)
        except OSError:
            # It gets this number, as all below are taken; a child shall have it too.
            os.set_inheritable(os.open(os.devnull, flags), True)  # noqa: FBT003 - it takes no names
    sys.stdout = _text(_Results(STDOUT, "w", closefd=False), sys.stdout)
    sys.stderr = _text(_Messages(STDERR, "w", closefd=False), sys.stderr, every_line=True)


def finish() -> None:
    """Write what is left for stdout; results have been written and answered for, so the rest may be lost."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError, OutputError):
        give_up_stdout()


def give_up_stdout() -> None:
    """Forget what stdout has not taken, and whatever comes: else the interpreter fails on it once more at its end."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), document().fileno())


@contextlib.contextmanager
def kept_for_a_document() -> Iterator[None]:
    """Send to stderr whatever is printed on stdout, also by modules of the user's and by native code, but for `document`."""
    before = sys.stdout
    with contextlib.ExitStack() as stack:
        kept = before
        if _number(before) == STDOUT:
            before.flush()
            raw = _Results(os.dup(STDOUT), "w")
            kept = stack.enter_context(_text(raw, before))
            os.dup2(STDERR, STDOUT)
            stack.callback(os.dup2, raw.fileno(), STDOUT)
        token = _kept.set(kept)
        stack.callback(_kept.reset, token)
        sys.stdout = sys.stderr
        try:
            yield
        finally:
            sys.stdout = before


def document() -> TextIO:
    """Return where a command's one JSON document goes."""
    return _kept.get() or sys.stdout


def _number(stream: TextIO) -> int | None:
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return stream.fileno()
    return None


def _text(raw: io.FileIO, like: TextIO | None, *, every_line: bool = False) -> io.TextIOWrapper:
    """Return a stream of text that spells out what its encoding does not have."""
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=getattr(like, "encoding", None),
        errors="backslashreplace",
        line_buffering=every_line or raw.isatty() or getattr(like, "write_through", False),
    )
