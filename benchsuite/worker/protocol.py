"""What parent and worker say to each other: JSON messages, each preceded by its length."""

from __future__ import annotations

import dataclasses
import json
import struct
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from benchsuite.record import Pass

_LENGTH = struct.Struct("!Q")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSide:
    """Whose code a gate's trial runs."""

    root: str
    """The top folder of this side's code."""
    folder: str
    """The folder to run in: below `root`, where the command was given below the head's."""
    places: tuple[str, ...]
    """What stands first on the path, in this order."""
    other_root: str
    """The other side's: nothing from there may be imported."""
    lent: tuple[str, ...] = ()
    """Files that may come from elsewhere: the scenario and the task that this side lacks."""

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> CodeSide:
        """Read what `dataclasses.asdict` made of one."""
        return cls(**{**document, "places": tuple(document["places"]), "lent": tuple(document["lent"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialSpec:
    """All that a worker needs for one trial; plain values, so that another interpreter can read it."""

    scenario: str
    module: str
    file: str
    """The file that must answer to `module`."""
    settings: Mapping[str, Any]
    pass_: Pass | Literal["prepare", "ceilings", "imports"]
    """`prepare` only readies the task's data, `ceilings` only measures the machine, `imports` only what torch.compile
    imports in a fresh interpreter, each once in a run."""
    task_module: str
    task_file: str
    task_attribute: str
    dataset: str | None = None
    data_dir: str | None = None
    seed: int = 0
    threads: int = 1
    """Intra-op threads of each rank."""
    cores: tuple[int, ...] = ()
    """The cores to run on, those of all ranks; empty: leave as it is."""
    child_cores: tuple[int, ...] = ()
    """The cores for processes that the workload itself forks; empty: those of the trial."""
    ranks: int = 1
    """Processes that do the work together."""
    cuda: bool = False
    """Whether the work is done on GPUs: each rank then has one of its own, and they speak over NCCL."""
    keeps_freed_memory: bool = True
    """Whether glibc is kept from giving freed memory back; never where memory is measured."""
    compile_cache: str = ""
    """A folder for this variant's compiled code alone; empty: it compiles nothing, or shares the user's."""
    compile_threads: int = 1
    """Threads that compiled CPU code is generated for, whatever `threads` is: one code for all passes."""
    stacks: bool = False
    """Whether the operator pass records Python stacks."""
    native_traces: bool = False
    """Whether the memory pass records the stacks of native code too."""
    artifacts: str = ""
    """Where this trial's files go; the folder exists."""
    paths: tuple[str, ...] = field(default_factory=tuple)
    """Folders that user modules are imported from."""
    code: CodeSide | None = None
    """None: the code is what the path finds."""

    def to_json(self) -> dict[str, Any]:
        """Return the message that starts a trial."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> TrialSpec:
        """Read what `to_json` wrote."""
        code = document.get("code")
        return cls(
            **{
                **document,
                "cores": tuple(document["cores"]),
                "child_cores": tuple(document["child_cores"]),
                "paths": tuple(document["paths"]),
                "code": CodeSide.from_json(code) if code else None,
            }
        )


class ChannelClosedError(Exception):
    """The other side has gone."""


class Channel:
    """A socket that carries JSON documents.

    The length in front makes a message complete even while a grandchild, such as a data-loader
    worker that outlives its trial, still holds the other end open.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._sending = threading.Lock()

    def fileno(self) -> int:
        """Return the file descriptor, for select."""
        return self.sock.fileno()

    def send(self, message: Mapping[str, Any]) -> None:
        """Send one document, whole whatever other threads send.

        Raises:
            ChannelClosedError: nobody reads any more.
        """
        payload = json.dumps(message).encode()
        try:
            with self._sending:
                self.sock.sendall(_LENGTH.pack(len(payload)) + payload)
        except OSError as error:
            raise ChannelClosedError(str(error)) from error

    def receive(self) -> dict[str, Any]:
        """Wait for one document.

        Raises:
            ChannelClosedError: the other side closed before a whole document had come.
        """
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        document: dict[str, Any] = json.loads(self._exactly(length))
        return document

    def close(self) -> None:
        """Close this side."""
        self.sock.close()

    def _exactly(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            try:
                part = self.sock.recv(min(size - len(parts), 1 << 20))
            except OSError as error:
                raise ChannelClosedError(str(error)) from error
            if not part:
                raise ChannelClosedError("the other side closed the channel")
            parts += part
        return bytes(parts)
