"""Which scenarios there are: finds, imports and checks them without torch."""

from __future__ import annotations

import ast
import pkgutil
import traceback
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchsuite.errors import UsageError
from benchsuite.origin import BUILT_IN_PACKAGE, PROJECT_ROOT, Origin, load, load_built_in, locate
from benchsuite.record import CANARY
from benchsuite.scenario import Scenario
from benchsuite.suggestion import suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import CodeType, ModuleType


@dataclass(frozen=True, slots=True)
class Entry:
    """A scenario and where a worker finds it again."""

    scenario: Scenario[Any]
    origin: Origin
    line: int

    @property
    def where(self) -> str:
        """File and line of the definition."""
        return f"{self.origin.file}:{self.line}"


def load_catalog(
    extra: Sequence[str] = (), *, built_in: bool = True, root: Path = PROJECT_ROOT
) -> dict[str, Entry]:
    """Return all scenarios by name, the built-in ones first.

    Args:
        extra: modules or files of the user's, as given to `--scenarios`.
        built_in: whether the project's own scenarios are among them.
        root: the folder that holds those.

    Raises:
        UsageError: a module does not import, two scenarios share a name, one has the engine's, or a definition breaks a rule.
    """
    entries: dict[str, Entry] = {}
    origins = _built_in_origins(root) if built_in else []
    for origin in [*origins, *(locate(spec) for spec in extra)]:
        found = _scenarios_of(origin)
        if not found and origin not in origins:
            raise UsageError(
                f"{origin.file}: it defines no scenario: decorate a function with @benchsuite.scenario(...)"
            )
        for entry in found:
            name = entry.scenario.name
            if name == CANARY:
                raise UsageError(
                    f"{entry.where}: scenario {name!r}: the engine's own fixed workload is called so: rename yours"
                )
            if name in entries:
                raise UsageError(
                    f"{entry.where}: scenario {name!r} is already defined in {entries[name].where}: rename one"
                )
            _demand_single(entry)
            _demand_check(entry)
            entries[name] = entry
    return entries


def select(entries: dict[str, Entry], names: Iterable[str]) -> dict[str, Entry]:
    """Return the entries of these names, in their order.

    Raises:
        UsageError: a name is unknown; the message offers the nearest ones.
    """
    chosen = {}
    for name in names:
        if name not in entries:
            raise UsageError(f"no scenario is called {name!r}: {suggest(name, entries)}")
        chosen[name] = entries[name]
    return chosen


def _built_in_origins(root: Path) -> list[Origin]:
    package = load_built_in(BUILT_IN_PACKAGE, root)
    folder = Path(package.__path__[0])
    names = getattr(package, "BUILT_IN", None) or [m.name for m in pkgutil.iter_modules([str(folder)])]
    return [Origin(f"{BUILT_IN_PACKAGE}.{name}", str((folder / f"{name}.py").resolve())) for name in names]


def _scenarios_of(origin: Origin) -> list[Entry]:
    try:
        module = load(origin)
    except (UsageError, KeyboardInterrupt):
        raise
    except BaseException as error:
        said = " ".join(str(error).split())
        raise UsageError(f"{_place(error, origin)}: {type(error).__name__}: {said}") from error
    # Two names may stand for one scenario.
    found = {id(value): value for value in vars(module).values() if isinstance(value, Scenario)}
    return [
        Entry(value, origin, _code(value).co_firstlineno)
        for value in found.values()
        if _defined_in(value, module)
    ]


def _defined_in(found: Scenario[Any], module: ModuleType) -> bool:
    return Path(_code(found).co_filename).resolve() == Path(module.__file__ or "").resolve()


def _code(found: Scenario[Any]) -> CodeType:
    code: CodeType = found.build.__code__
    return code


def _place(error: BaseException, origin: Origin) -> str:
    """Return file and line of the user's own code where an import failed."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<frozen")
    ]
    inside = [frame for frame in own if Path(frame.filename).resolve() == Path(origin.file)]
    return f"{origin.file}:{inside[-1].lineno}" if inside else origin.file


def _demand_single(entry: Entry) -> None:
    """Refuse a second scenario of one name in one module: Python itself keeps the last one and says nothing."""
    for node in _parsed(entry.origin.file).body:
        if isinstance(node, ast.FunctionDef) and node.name == entry.scenario.name and node.decorator_list:
            first = node.decorator_list[0].lineno
            if first < entry.line:
                raise UsageError(
                    f"{entry.where}: scenario {node.name!r} is already defined in {entry.origin.file}:{first}: rename one"
                )


def _demand_check(entry: Entry) -> None:
    """Refuse a scenario whose function builds a Workload without a check, before anything is measured.

    A workload is built in a worker, long after the command line was read; reading the source finds
    the omission at once and names the line.
    """
    function = _function_at(entry.origin.file, entry.line)
    for node in ast.walk(function) if function else ():
        if isinstance(node, ast.Call) and _called_name(node) == "Workload" and _lacks_check(node):
            raise UsageError(
                f"{entry.origin.file}:{node.lineno}: scenario {entry.scenario.name!r} builds a Workload without a "
                "check: pass check=, a function that returns a list of benchsuite.Check"
            )


def _lacks_check(call: ast.Call) -> bool:
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    if None in keywords or any(isinstance(value, ast.Starred) for value in call.args):
        return False
    check = call.args[1] if len(call.args) > 1 else keywords.get("check")
    return check is None or (isinstance(check, ast.Constant) and check.value is None)


@cache
def _parsed(file: str) -> ast.Module:
    return ast.parse(Path(file).read_text(encoding="utf-8"))


@cache
def _functions(file: str) -> dict[int, ast.FunctionDef]:
    found = {}
    for node in ast.walk(_parsed(file)):
        if isinstance(node, ast.FunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            found[first] = node
    return found


def _function_at(file: str, line: int) -> ast.FunctionDef | None:
    return _functions(file).get(line)


def _called_name(call: ast.Call) -> str:
    if isinstance(call.func, ast.Name):
        return call.func.id
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""
