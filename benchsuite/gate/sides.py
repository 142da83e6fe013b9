"""Base and head: where each one's code, scenarios and interpreter are. `against_ref` and `against_python` set them up."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from benchsuite.errors import UsageError
from benchsuite.gate.side_catalog import (
    BUILT_IN_TASK,
    CatalogRequest,
    SideCatalog,
)
from benchsuite.launcher import OWN, Interpreter
from benchsuite.origin import PROJECT_ROOT
from benchsuite.worker.protocol import CodeSide

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchsuite.gate.verdict import SideInfo
    from benchsuite.gate.worktree import Repository

SideName = Literal["base", "head"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Whose code is compared, in the user's words."""

    task: str
    """MODULE:TASK."""
    scenarios: tuple[str, ...] = ()
    only_scenarios: tuple[str, ...] = ()
    prepare: str | None = None
    timeout_s: float = 600.0
    """How long `prepare` may take."""

    @property
    def task_module(self) -> str:
        """The module of the task."""
        return self.task.rpartition(":")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a gate."""

    name: SideName
    info: SideInfo
    code: CodeSide
    catalog: SideCatalog
    python: Interpreter = OWN
    problem: str = ""
    """Why nothing of this side can run, such as a module that does not import; empty: it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Both sides of a gate."""

    base: Side
    head: Side
    changed_files: tuple[str, ...] = ()
    """Relative to the root; empty: none, or not known."""
    notes: tuple[str, ...] = field(default=())
    """What to know of the two, in sentences."""


def catalog_request(
    root: Path, repository: Repository, request: Request, other: Path | None = None
) -> CatalogRequest:
    """Return what asks for the scenarios of a side.

    Args:
        root: the side's top folder.
        repository: the head's, with the folder where the command was given.
        request: the user's words.
        other: the other side's top folder; None: both have the same.
    """

    def own(spec: str) -> str:
        """Return the same file of this side, where a file of the head was named by its whole path."""
        path = Path(spec)
        if not path.is_absolute() or not path.resolve().is_relative_to(repository.root):
            return spec
        return str(root / path.resolve().relative_to(repository.root))

    return CatalogRequest(
        places=_places(root, repository),
        other_root=str(other) if other else "",
        folder=str(root / repository.folder) if (root / repository.folder).is_dir() else str(root),
        built_in_root=str(_built_in_root(root, repository)),
        scenarios=tuple(map(own, request.scenarios)),
        only_scenarios=tuple(map(own, request.only_scenarios)),
        task_module=own(request.task_module or BUILT_IN_TASK),
    )


def demand_found(absent: Iterable[str]) -> None:
    """Refuse modules of scenarios that neither side has; those that the head alone lacks are findings."""
    for spec in absent:
        raise UsageError(f"{spec}: no module or file of that name was found from {Path.cwd()}")


def _built_in_root(root: Path, repository: Repository) -> Path:
    """Return where the built-in scenarios are: each side's own where benchsuite itself is what changed."""
    return root if repository.root == PROJECT_ROOT else PROJECT_ROOT


def _places(root: Path, repository: Repository) -> tuple[str, ...]:
    folder = root / repository.folder
    places = [folder, folder / "src", root, root / "src"]
    return tuple(dict.fromkeys(str(place) for place in places if place.is_dir()))


def code_side(root: Path, repository: Repository, other: Path) -> CodeSide:
    """Return whose code a side's workers run; the arguments are those of `catalog_request`."""
    folder = root / repository.folder
    return CodeSide(
        root=str(root),
        folder=str(folder if folder.is_dir() else root),
        places=_places(root, repository),
        other_root=str(other),
    )
