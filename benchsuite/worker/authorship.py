"""Which code is the author's own, and how calls are spelt."""

from __future__ import annotations

import site
import sysconfig
from pathlib import Path
from types import BuiltinMethodType, CodeType
from typing import TYPE_CHECKING, Any, TypeAlias

import torch

import benchsuite
from benchsuite import stacks

if TYPE_CHECKING:
    from collections.abc import Sequence

Caller: TypeAlias = tuple[CodeType, int] | None
"""The author's function and the instruction that it has come to; None: the engine."""
Callee: TypeAlias = CodeType | str
"""A function in Python, or native code's readable name."""

INLINED = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})
"""Parts of the function around them; from Python 3.12 on most of them have no frame of their own."""


class Authorship:
    """Tells the author's code from that of the engine and of libraries, and spells where it stands."""

    def __init__(self, roots: Sequence[str] = ()) -> None:
        """Take what lies below one of these folders for the author's own, libraries apart."""
        self._roots = [Path(root).resolve() for root in roots]
        installed = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
        installed += [*site.getsitepackages(), site.getusersitepackages(), *_folders(benchsuite, torch)]
        self._libraries = [Path(folder).resolve() for folder in installed]
        self._known: dict[str, tuple[bool, str]] = {}

    def is_own(self, callee: Callee) -> bool:
        """Say whether what is called is the author's own."""
        return isinstance(callee, CodeType) and self._place(callee.co_filename)[0]

    def spell_caller(self, caller: Caller) -> str:
        """Return a caller as it stands in a record, with the line of the call; empty: the engine."""
        if caller is None:
            return ""
        code, instruction = caller
        return self.spell(code, _line(code, instruction))

    def spell_callee(self, callee: Callee) -> str:
        """Return what is called as it stands in a record, a Python function with the line where it begins."""
        return callee if isinstance(callee, str) else self.spell(callee, callee.co_firstlineno)

    def spell(self, code: CodeType, line: int) -> str:
        """Return a function with its file, told from the root that it lies below or as it would be imported."""
        parts = [part for part in code.co_qualname.split(".<locals>.") if part not in INLINED]
        name = parts[-1] if parts else code.co_qualname
        own, file = self._place(code.co_filename)
        return f"{name} ({file}:{line})" if own else stacks.spell(name, code.co_filename, line)

    def _place(self, file: str) -> tuple[bool, str]:
        if file not in self._known:
            self._known[file] = self._find(file)
        return self._known[file]

    def _find(self, file: str) -> tuple[bool, str]:
        short = stacks.spell_file(file)
        if file.startswith("<") or short.startswith(stacks.COMPILED):
            return False, short
        path = Path(file).resolve()
        if any(path.is_relative_to(folder) for folder in self._libraries):
            return False, short
        root = next((root for root in self._roots if path.is_relative_to(root)), None)
        if root is not None:
            return True, path.relative_to(root).as_posix()
        return stacks.is_own(stacks.spell("", file, 0)), short


def native_name(function: BuiltinMethodType) -> str:
    """Return a readable name of native code: `torch.conv2d`, `Tensor.item`, `time.sleep`, `list.append`."""
    if isinstance(function.__self__, torch.Tensor):
        return f"Tensor.{function.__name__}"
    module: str | None = function.__module__  # of methods there is none
    if module is None:
        return function.__qualname__
    return function.__name__ if module == "builtins" else f"{module}.{function.__name__}"


def is_builtin(function: BuiltinMethodType) -> bool:
    """Whether native code is Python's own, such as `len` or `list.append`: where libraries call it, it tells nothing."""
    return (function.__module__ or type(function.__self__).__module__) == "builtins"


def _line(code: CodeType, instruction: int) -> int:
    return next(
        (line for start, end, line in code.co_lines() if start <= instruction < end and line is not None),
        code.co_firstlineno,
    )


def _folders(*modules: Any) -> list[str]:
    return [str(Path(module.__file__).parent) for module in modules]
