"""Imports torch once, then forks a fresh process for each trial: ready in 0.1 s instead of 5.

The zygote runs no parallel operation, starts no thread and never touches CUDA: a forked child would
inherit a pool without its threads, or a CUDA context that it cannot use. It forks from its main
thread alone, as a child's parent-death signal fires when the forking thread ends.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys
import threading
import traceback
from typing import Any

from benchsuite.worker import compilation, process
from benchsuite.worker.protocol import Channel, ChannelClosedError

PRELOADED = (
    "torchvision.datasets",
    "torchvision.transforms",
    "memray",
    "memray._memray",
    "rich.progress",
    "torch._dynamo",
    "torch._dynamo.utils",
    "torch.optim",
    "torch.profiler",
    "torch.utils.data",
    "torch.utils.flop_counter",
    "benchsuite.worker.trial",
    "benchsuite.worker.memory",
    "benchsuite.worker.leaks",
    "benchsuite.worker.operators",
)


def main(arguments: list[str]) -> None:
    """Serve fork requests on an inherited socket until the parent closes it.

    Args:
        arguments: the socket's file descriptor and the parent's process id.
    """
    control = Channel(socket.socket(fileno=int(arguments[0])))
    process.die_with(int(arguments[1]))
    _preload()
    control.send({"event": "ready", "threads": threading.active_count()})
    while True:
        try:
            message, descriptors = _receive(control)
        except ChannelClosedError:
            return
        if message["do"] == "fork":
            control.send({"pid": _fork(control, descriptors)})
        else:
            _pid, status = os.waitpid(message["pid"], 0)
            control.send({"exit_code": os.waitstatus_to_exitcode(status)})


def _preload() -> None:
    import torch

    torch.set_num_threads(1)
    compilation.import_all(PRELOADED)
    if lasting := os.environ.get(compilation.LASTING_VARIABLE):
        os.environ[compilation.CACHE_VARIABLE] = lasting
        compilation.probe_instruction_set()
        compilation.import_remembered()
    gc.collect()
    # A collection in a child would otherwise touch, and so copy, every page of these 800 MB.
    gc.freeze()


def _receive(control: Channel) -> tuple[dict[str, Any], list[int]]:
    """Receive a request; one for a fork is followed by one byte with three descriptors."""
    message = control.receive()
    if message["do"] != "fork":
        return message, []
    _byte, descriptors, _flags, _address = socket.recv_fds(control.sock, 1, 3)
    return message, descriptors


def _fork(control: Channel, descriptors: list[int]) -> int:
    zygote = os.getpid()
    pid = os.fork()
    if pid:
        # Both sides set it: whichever runs first, the group exists before anyone signals it.
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        for descriptor in descriptors:
            os.close(descriptor)
        return pid
    code = 1
    try:
        os.setpgid(0, 0)
        process.die_with(zygote)
        control.close()
        trial_socket, stdout, stderr = descriptors
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        serve_on(trial_socket)
        code = 0
    except BaseException:  # noqa: BLE001 - the child must never return into the zygote's loop
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # No interpreter shutdown: atexit handlers and module teardown belong to the zygote.
        os._exit(code)


def serve_on(descriptor: int) -> None:
    """Run one trial over this socket."""
    from benchsuite.worker import trial

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    trial.serve(Channel(socket.socket(fileno=descriptor)))


if __name__ == "__main__":
    main(sys.argv[1:])
