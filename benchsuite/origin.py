"""Where a module of scenarios or a task comes from, and loading exactly that: stdlib only, used on both sides."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchsuite.errors import UsageError

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

PROJECT_ROOT = Path(__file__).resolve().parent.parent
"""The folder that holds the packages `benchsuite`, `scenarios` and `reports` of this installation."""
BUILT_IN_PACKAGE = "scenarios"
DEFAULT_TASK = f"{BUILT_IN_PACKAGE}.mnist:task"


@dataclass(frozen=True, slots=True)
class Origin:
    """A module by its name and the file that must answer to it."""

    module: str
    file: str


def load(origin: Origin) -> ModuleType:
    """Import the module of this origin, under its name, from its file and from nowhere else.

    Raises:
        UsageError: another file answers to this name.
        Exception: whatever the module raises while it is imported.
    """
    if origin.module.startswith(f"{BUILT_IN_PACKAGE}."):
        # Whatever of that name stands first on the path.
        load_built_in(BUILT_IN_PACKAGE, Path(origin.file).parents[origin.module.count(".")])
    if origin.module in sys.modules or importlib.util.find_spec(origin.module.partition(".")[0]) is not None:
        module = importlib.import_module(origin.module)
    else:
        module = _load_by_file(origin)
    found = Path(module.__file__ or "").resolve()
    if found != Path(origin.file):
        raise UsageError(
            f"module {origin.module!r} was expected from {origin.file}, but {found} answers to that name: "
            "give your module another name, or give its file instead of its name"
        )
    return module


def load_built_in(module: str, root: Path = PROJECT_ROOT) -> ModuleType:
    """Import one of this project's own packages, whatever the working directory holds.

    A folder of the user's with the same name, first on the path, would otherwise be mistaken for it.

    Args:
        module: the package's name.
        root: the folder that holds it: this installation's, or a checkout of another state of the project.

    Raises:
        UsageError: a module of that name from elsewhere has already been imported.
    """
    sys.path.insert(0, str(root))
    try:
        found = importlib.import_module(module)
    finally:
        # What else stands there, such as this project's tests, must not be taken for the user's.
        sys.path.remove(str(root))
    file = Path(found.__file__ or "").resolve()
    if not file.is_relative_to(root):
        raise UsageError(f"{file} was imported as {module!r}, which is benchsuite's own package: rename it")
    return found


def locate(spec: str) -> Origin:
    """Return the origin that a user's `--scenarios` or `--task` names: a dotted module, or a file.

    Raises:
        UsageError: there is no such module or file, or a package around it does not import.
    """
    if spec.endswith(".py") or "/" in spec:
        return _locate_file(spec)
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    if spec.partition(".")[0] == BUILT_IN_PACKAGE:
        load_built_in(BUILT_IN_PACKAGE)
    found = _find(spec)
    if found is None or found.origin is None:
        hint = ""
        if spec.partition(".")[0] == BUILT_IN_PACKAGE:
            hint = f"; {BUILT_IN_PACKAGE!r} is benchsuite's own package: name a file of yours by its path"
        raise UsageError(f"{spec}: no module of that name was found from {Path.cwd()}{hint}")
    return Origin(spec, str(Path(found.origin).resolve()))


def _find(spec: str) -> ModuleSpec | None:
    """Find a module by its dotted name; this imports the packages around it."""
    if not all(spec.split(".")):
        return None
    try:
        return importlib.util.find_spec(spec)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing is not None and f"{spec}.".startswith(f"{missing}."):
            return None
        raise UsageError(f"{spec}: {_last_line(error)}: {type(error).__name__}: {error}") from error


def _last_line(error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if not frame.filename.startswith("<frozen")]
    return f"{theirs[-1].filename}:{theirs[-1].lineno}"


def _locate_file(spec: str) -> Origin:
    path = Path(spec).resolve()
    if path.is_dir():
        path /= "__init__.py"
    if not path.is_file():
        raise UsageError(f"{spec}: no such file")
    stem = path.parent.name if path.name == "__init__.py" else path.stem
    # Two files of one name must not be taken for each other.
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:8]
    return Origin(f"benchsuite_user_{stem}_{digest}", str(path))


def _load_by_file(origin: Origin) -> ModuleType:
    path = Path(origin.file)
    folder = [str(path.parent)] if path.name == "__init__.py" else None
    spec = importlib.util.spec_from_file_location(origin.module, path, submodule_search_locations=folder)
    if spec is None or spec.loader is None:
        raise UsageError(f"{origin.file}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    sys.modules[origin.module] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[origin.module]
        raise
    return module
