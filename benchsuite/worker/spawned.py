"""A worker in an interpreter of its own, where there is no fork: slower to start, same records."""

from __future__ import annotations

import sys

from benchsuite.worker import process
from benchsuite.worker.zygote import serve_on


def main(arguments: list[str]) -> None:
    """Run one trial.

    Args:
        arguments: the socket's file descriptor and the parent's process id.
    """
    process.die_with(int(arguments[1]))
    serve_on(int(arguments[0]))


if __name__ == "__main__":
    main(sys.argv[1:])
