"""Which files a worker's code came from, and whether any of them is the other side's.

An editable install, or a package that was imported before the side's folders stood on the path, would
otherwise have one side run the other's code, and a gate compare head with itself.
"""

from __future__ import annotations

import hashlib
import os
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from benchsuite.origin import BUILT_IN_PACKAGE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from benchsuite.worker.protocol import CodeSide

ENGINE = Path(__file__).resolve().parent.parent
"""The folder of the engine, which is the head's on both sides."""
INSTALLED = frozenset({"site-packages", "dist-packages"})


def put_first(places: Sequence[str], other_root: str = "") -> None:
    """Let the code in these folders be found first, whatever was on the path, and none of the other side's.

    Args:
        places: this side's folders.
        other_root: the other side's, which an editable install or PYTHONPATH has put on the path of both; empty, or
            around this side's own: nothing is left out.
    """
    other = Path(other_root)
    apart = other_root and not any(Path(place).is_relative_to(other) for place in places)
    interpreter = _interpreter_folders(other)
    sys.path[:] = [
        *places,
        *(
            p
            for p in sys.path
            if p not in places and not (apart and _is_code_below(Path(p), other, interpreter))
        ),
    ]
    # A package that spans folders, or a finder that was asked before, may have kept the other side's answer.
    sys.path_importer_cache.clear()


def _is_code_below(folder: Path, root: Path, interpreter: Collection[Path]) -> bool:
    """Whether a folder of the path is the code's below a root, not that of an interpreter which is installed there."""
    found = folder.resolve()
    return _is_below(found, root) and not any(_is_below(found, own) for own in interpreter)


def _interpreter_folders(*roots: Path) -> set[Path]:
    """Return where the interpreter itself lies: its standard library, and all of it where it is installed inside a root.

    An installation around a root, or at it, holds the root's code too.
    """
    library = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")}
    prefixes = {Path(prefix).resolve() for prefix in (sys.prefix, sys.base_prefix)}
    return library | {own for own in prefixes if any(root in own.parents for root in roots)}


def account_for(code: CodeSide) -> tuple[dict[str, str], list[str]]:
    """Return whose code was imported.

    Returns:
        The files of this side, relative to its root, with the beginning of their SHA-256; and the modules that should
        have come from this side and did not, as `name from file`: they lie below the other side's root, or have a
        namesake in one of this side's places.
    """
    modules = sorted(_modules(code))
    root, other = Path(code.root), Path(code.other_root)
    files = {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        for _name, path in modules
        if _is_below(path, root) and path.is_file()
    }
    foreign = [
        f"{name} from {path}"
        for name, path in modules
        if not path.is_relative_to(root)
        and str(path) not in code.lent
        and (_is_below(path, other) or _has_namesake(name, code))
    ]
    return files, foreign


def _modules(code: CodeSide) -> Iterator[tuple[str, Path]]:
    """Yield the modules that may be a side's, with their files: those below a root, and those of a name that a side knows.

    A worker asks this of some thousand modules, nearly all of them torch's, while the next pair waits: only what is
    left becomes a `Path`.
    """
    roots = (code.root, code.other_root)
    own = [str(folder) for folder in (ENGINE, *_interpreter_folders(*map(Path, roots)))]
    folders: dict[str, str] = {}
    known: dict[str, bool] = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        top = name.partition(".")[0]
        if not isinstance(file, str) or top in sys.stdlib_module_names:
            continue
        path = _resolved(file, folders)
        if any(_lies_in(path, folder) and not _is_installed(path, folder) for folder in own):
            continue
        if top not in known:
            known[top] = any(
                Path(place, top).is_dir() or Path(place, f"{top}.py").is_file() for place in code.places
            )
        if known[top] or any(_lies_in(path, folder) for folder in roots if folder):
            yield name, Path(path)


def _resolved(file: str, folders: dict[str, str]) -> str:
    """Return a file's path without links; what is known of folders is kept."""
    if os.path.islink(file):  # noqa: PTH114 - some thousand times
        return os.path.realpath(file)
    folder, name = os.path.split(file)
    if folder not in folders:
        folders[folder] = os.path.realpath(folder)
    return f"{folders[folder].rstrip(os.sep)}{os.sep}{name}"


def _lies_in(path: str, folder: str) -> bool:
    return path.startswith(f"{folder.rstrip(os.sep)}{os.sep}")


def _is_installed(path: str, folder: str) -> bool:
    return not INSTALLED.isdisjoint(path[len(folder) :].split(os.sep))  # noqa: PTH206 - some thousand times


def _is_below(path: Path, root: Path) -> bool:
    """Whether a file is part of the code below a root; what is installed in an environment there is not."""
    return path.is_relative_to(root) and not INSTALLED & set(path.relative_to(root).parts)


def _has_namesake(name: str, code: CodeSide) -> bool:
    """Whether this side has a module of that name itself: a package of its own, or such a file in a folder without one."""
    top, *inside = name.split(".")
    if top == BUILT_IN_PACKAGE:
        # Of these the file is told to the worker, whatever the user's own package of that name holds.
        return False
    tops = [Path(place, top) for place in code.places]
    modules = [*tops, *(folder.joinpath(*inside) for folder in tops)]
    return any(
        path.with_name(f"{path.name}.py").is_file() or (path / "__init__.py").is_file() for path in modules
    )
