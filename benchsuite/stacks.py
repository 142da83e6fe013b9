"""How call stacks are spelt in records, and which of their lines is the author's own."""

from __future__ import annotations

import functools
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

Stack: TypeAlias = tuple[str, ...]
"""Frames as `function (file.py:88)`, the innermost first."""

MOST_FRAMES = 100
FRAME = re.compile(r".* \((?P<file>.*):(?P<line>\d+)\)", re.DOTALL)
COMPILED = "torchinductor"
"""Stands for the folder of what torch.compile has generated."""
OTHERS = (
    frozenset({"benchsuite", "memray", "numpy", "torch", "torchvision", COMPILED}) | sys.stdlib_module_names
)


def spell(function: str, file: str, line: int) -> str:
    """Return a frame as it stands in a record; its file is told as it would be imported, never by this machine's path."""
    return f"{function} ({spell_file(file)}:{line})"


def own_frame(stack: Sequence[str]) -> str:
    """Return the innermost frame of a scenario's or a user's own code; where there is none, the innermost of all."""
    return next((frame for frame in stack if is_own(frame)), stack[0] if stack else "")


def trim(stack: Sequence[str]) -> Stack:
    """Leave out the outer frames, in which the engine calls the author's code, and what is too deep."""
    end = len(stack)
    while end and not is_own(stack[end - 1]):
        end -= 1
    return tuple(stack[: min(end or len(stack), MOST_FRAMES)])


def holder(stack: Sequence[str]) -> str:
    """Return the innermost line of a scenario's or a user's own code as `file.py:88`.

    Where the stack holds none, its innermost line is returned; empty for an empty stack.
    """
    chosen = own_frame(stack)
    found = FRAME.fullmatch(chosen)
    return f"{found['file']}:{found['line']}" if found else chosen


def is_own(frame: str) -> bool:
    """Say whether a frame is neither of the engine, of torch, of the standard library nor of generated or native code."""
    found = FRAME.fullmatch(frame)
    if found is None or found["file"].startswith("<") or not found["file"].endswith(".py"):
        return False
    return found["file"].partition("/")[0].removesuffix(".py") not in OTHERS


@functools.lru_cache(maxsize=4096)
def spell_file(file: str) -> str:
    """Return a file as it would be imported, one that cannot be by its name alone."""
    if file.startswith("<"):
        return file
    path = Path(file)
    if any(COMPILED in part for part in path.parts[:-1]):
        return f"{COMPILED}/{path.name}"
    roots = sorted((os.path.abspath(entry) for entry in sys.path), key=len, reverse=True)  # noqa: PTH100 - "" is the working directory
    root = next((root for root in roots if path.is_relative_to(root)), None)
    return path.relative_to(root).as_posix() if root else path.name
