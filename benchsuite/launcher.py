"""The parent's side of a worker: start it, talk to it, wait no longer than agreed, and end it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Protocol

from benchsuite.errors import BenchsuiteError
from benchsuite.origin import PROJECT_ROOT
from benchsuite.worker.process import ENVIRONMENT, exit_cause
from benchsuite.worker.protocol import Channel, ChannelClosedError

if TYPE_CHECKING:
    from collections.abc import Mapping

ZYGOTE_START_S = 180.0
STDERR_TAIL_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class Interpreter:
    """What runs workers."""

    executable: str = sys.executable
    engine: str = str(PROJECT_ROOT)
    """The folder that it finds the package `benchsuite` in, first on its path."""


OWN = Interpreter()


class WorkerError(Exception):
    """A worker crashed, was killed or did not answer in time; the message says which and quotes its stderr."""


class Starter(Protocol):
    """Starts workers of one process environment."""

    def wait_until_ready(self) -> None:
        """Wait until a worker could be started at once.

        Raises:
            BenchsuiteError: torch could not be imported.
        """
        ...

    def start(self, stderr: IO[bytes] | None = None) -> Worker:
        """Start a worker that waits for its trial."""
        ...

    def exit_code(self, pid: int) -> int | None:
        """Wait for a dead worker and return its exit code, negative for a signal."""
        ...

    def stop(self) -> None:
        """End this starter and every worker of it."""
        ...


class Worker:
    """A live worker process, in a process group of its own."""

    def __init__(self, pid: int, channel: Channel, stderr: IO[bytes] | None, starter: Starter) -> None:
        """Take up a started process; `stderr` is the file that keeps its last words, None: somebody else's."""
        self.pid = pid
        self._channel = channel
        self._stderr = stderr
        self._starter = starter
        self._ended = False
        self._pidfd = _open_pidfd(pid)

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message.

        Raises:
            WorkerError: the worker has gone.
        """
        try:
            self._channel.send(message)
        except ChannelClosedError:
            raise WorkerError(self._last_words()) from None

    def receive(self, timeout_s: float) -> dict[str, Any]:
        """Wait for the worker's next message.

        Raises:
            WorkerError: it died, or nothing came within `timeout_s`.
        """
        sources: list[Any] = [self._channel, *([self._pidfd] if self._pidfd is not None else [])]
        ready, _, _ = select.select(sources, [], [], timeout_s)
        if not ready:
            self.end()
            raise WorkerError(f"no answer within {timeout_s:.0f} s: it was killed{self._stderr_tail()}")
        # What a worker said before it died still counts: its death is looked at only when nothing is left to read.
        if self._channel in ready or select.select([self._channel], [], [], 0)[0]:
            with contextlib.suppress(ChannelClosedError):
                return self._channel.receive()
        raise WorkerError(self._last_words())

    def end(self) -> int | None:
        """Kill the worker with all processes that it started; returns its exit code."""
        if self._ended:
            return None
        self._ended = True
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(self.pid, signal.SIGKILL)
        self._channel.close()
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
        return self._starter.exit_code(self.pid)

    def _last_words(self) -> str:
        time.sleep(0.05)  # the exit follows the end of the channel within moments
        died_by_itself = self._pidfd is not None and select.select([self._pidfd], [], [], 1.0)[0]
        code = self.end()
        if code is None or not died_by_itself:
            return f"the worker closed its channel{self._stderr_tail()}"
        return f"the worker {exit_cause(code)}{self._stderr_tail()}"

    def _stderr_tail(self) -> str:
        return _tail(self._stderr) if self._stderr is not None else ""


class Zygote:
    """Forks workers from a process that has imported torch already (Linux)."""

    def __init__(self, environment: Mapping[str, str], python: Interpreter = OWN) -> None:
        """Start the zygote, which goes on to import torch by itself; `start` waits for that.

        Args:
            environment: variables that must be set before torch is imported.
            python: what runs it.
        """
        ours, theirs = socket.socketpair()
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the zygote
        self._lock = threading.Lock()
        self._executable = python.executable
        self._process = _python("benchsuite.worker.zygote", theirs, environment, self._stderr, python)
        theirs.close()
        self._control = Channel(ours)
        self._ready = False

    def wait_until_ready(self) -> None:
        """Wait until torch has been imported.

        Raises:
            BenchsuiteError: it could not be.
        """
        with self._lock:
            if self._ready:
                return
            self._control.sock.settimeout(ZYGOTE_START_S)
            try:
                self._control.receive()
            except ChannelClosedError:
                self.stop()
                raise BenchsuiteError(
                    f"a worker could not start: is torch installed for {self._executable}?{_tail(self._stderr)}"
                ) from None
            self._control.sock.settimeout(None)
            self._ready = True

    def start(self, stderr: IO[bytes] | None = None) -> Worker:
        """Fork a worker; `stderr` replaces the file that keeps its last words.

        Raises:
            BenchsuiteError: torch could not be imported, or the zygote has gone.
        """
        self.wait_until_ready()
        ours, theirs = socket.socketpair()
        kept = stderr or tempfile.TemporaryFile()  # noqa: SIM115 - the worker keeps it
        try:
            with self._lock:
                self._control.send({"do": "fork"})
                socket.send_fds(self._control.sock, [b"f"], [theirs.fileno(), kept.fileno(), kept.fileno()])
                pid = self._control.receive()["pid"]
        except (OSError, ChannelClosedError):
            raise BenchsuiteError(f"the process that starts workers has gone{_tail(self._stderr)}") from None
        finally:
            theirs.close()
        return Worker(pid, Channel(ours), None if stderr else kept, self)

    def exit_code(self, pid: int) -> int | None:
        """Have the zygote reap a dead worker."""
        try:
            with self._lock:
                self._control.send({"do": "wait", "pid": pid})
                code: int = self._control.receive()["exit_code"]
        except (ChannelClosedError, KeyError):
            return None
        return code

    def stop(self) -> None:
        """End the zygote; the kernel ends its workers with it."""
        self._process.kill()
        self._process.wait()
        self._control.close()


class Spawner:
    """Starts each worker in a fresh interpreter, where there is no safe fork."""

    def __init__(self, environment: Mapping[str, str], python: Interpreter = OWN) -> None:
        self._environment = environment
        self._python = python
        self._lock = threading.Lock()
        self._stopped = False
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def wait_until_ready(self) -> None:
        """Do nothing: each worker imports torch by itself."""

    def start(self, stderr: IO[bytes] | None = None) -> Worker:
        """Start an interpreter; it takes some seconds until torch is imported.

        Raises:
            WorkerError: this starter has been stopped.
        """
        with self._lock:
            if self._stopped:
                raise WorkerError("no worker is started any more")
            ours, theirs = socket.socketpair()
            kept = stderr or tempfile.TemporaryFile()  # noqa: SIM115 - the worker keeps it
            process = _python("benchsuite.worker.spawned", theirs, self._environment, kept, self._python)
            theirs.close()
            self._processes[process.pid] = process
        return Worker(process.pid, Channel(ours), None if stderr else kept, self)

    def exit_code(self, pid: int) -> int | None:
        """Wait for a worker that was killed or has ended; None: `stop` has waited for it."""
        with self._lock:
            process = self._processes.pop(pid, None)
        return process.wait() if process else None

    def stop(self) -> None:
        """Kill what still runs; nothing is started afterwards."""
        with self._lock:
            self._stopped = True
            for process in self._processes.values():
                process.kill()
                process.wait()
            self._processes.clear()


def worker_environment(extra: Mapping[str, str], engine: str = str(PROJECT_ROOT)) -> dict[str, str]:
    """Return a worker's environment: the user's, our defaults where the user set nothing, then `extra`."""
    environment = {**ENVIRONMENT, **os.environ, **extra}
    paths = [engine, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**environment, "PYTHONPATH": os.pathsep.join(paths)}


def can_fork() -> bool:
    """Whether forking a process that has imported torch is safe here."""
    return sys.platform == "linux"


def _python(
    module: str, sock: socket.socket, environment: Mapping[str, str], stderr: IO[bytes], python: Interpreter
) -> subprocess.Popen[bytes]:
    # -P: a folder of the user's called `benchsuite` must not be taken for this package.
    # A session of its own: Ctrl-C at the terminal reaches the parent alone, which then ends its workers.
    return subprocess.Popen(
        [python.executable, "-P", "-m", module, str(sock.fileno()), str(os.getpid())],
        pass_fds=[sock.fileno()],
        env=worker_environment(environment, python.engine),
        stdin=subprocess.DEVNULL,
        stdout=stderr,
        stderr=stderr,
        start_new_session=True,
    )


def _open_pidfd(pid: int) -> int | None:
    """Return what tells that a process has died; None: this system, or the sandbox that it plays in, has no such thing."""
    with contextlib.suppress(AttributeError, OSError):
        return os.pidfd_open(pid)
    return None


def _tail(file: IO[bytes]) -> str:
    file.seek(0)
    text = file.read().decode(errors="replace").strip()
    return f"; its last words: {text[-STDERR_TAIL_CHARACTERS:]}" if text else ""
