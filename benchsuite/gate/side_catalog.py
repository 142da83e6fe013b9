"""The scenarios of one side, read in a process of its own: two states of one module never meet in one interpreter.

`python -m benchsuite.gate.side_catalog` reads a request from stdin and answers with JSON on stdout.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchsuite.errors import BenchsuiteError, UsageError
from benchsuite.origin import BUILT_IN_PACKAGE, PROJECT_ROOT, Origin
from benchsuite.scenario import ProcessSpec, Requirement, Variant

if TYPE_CHECKING:
    from collections.abc import Mapping

BUILT_IN_TASK = f"{BUILT_IN_PACKAGE}.mnist"
TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogRequest:
    """Whose scenarios to read."""

    places: tuple[str, ...]
    """What stands first on the path."""
    other_root: str = ""
    """The other side's top folder, in which nothing is looked for; empty: both have the same."""
    folder: str
    """Where file names are relative to."""
    built_in_root: str
    """The folder that holds the built-in scenarios."""
    scenarios: tuple[str, ...]
    only_scenarios: tuple[str, ...]
    task_module: str


@dataclass(frozen=True, slots=True)
class GatedVariant:
    """A variant and the module it comes from."""

    variant: Variant
    origin: Origin


@dataclass(frozen=True, slots=True)
class SideCatalog:
    """All variants of one side by their ids, and the task's module."""

    variants: Mapping[str, GatedVariant]
    default: tuple[str, ...]
    """The ids that are gated where nothing is named."""
    task: Origin | None
    """None: this side has no such module."""
    missing: tuple[str, ...] = ()
    """Modules of scenarios that this side does not have."""
    scenarios: tuple[Mapping[str, Any], ...] = ()
    """As `list --json` shows them."""


def read_catalog(request: CatalogRequest) -> SideCatalog:
    """Read one side's scenarios in a fresh interpreter.

    Raises:
        UsageError: a module does not import, takes too long or breaks a rule; the message names file and line.
    """
    paths = [str(PROJECT_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", __name__], input=json.dumps(dataclasses.asdict(request)), cwd=request.folder,
            capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S, check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise UsageError(
            f"the scenarios could not be read within {error.timeout:.0f} s: what does a module do while it is imported?"
        ) from None
    try:
        document = json.loads(done.stdout)
    except ValueError:
        raise UsageError(f"the scenarios could not be read: {_last_line(done)}") from None
    if "error" in document:
        raise UsageError(document["error"])
    return SideCatalog(
        {item["variant"]["id"]: _gated(item) for item in document["variants"]},
        tuple(document["default"]),
        Origin(**document["task"]) if document["task"] else None,
        tuple(document["missing"]),
        tuple(document["scenarios"]),
    )


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = done.stderr.strip().splitlines()
    return (
        lines[-1].strip()
        if lines
        else f"the process that reads them ended with {done.returncode} without a word"
    )


def _gated(item: Mapping[str, Any]) -> GatedVariant:
    known = item["variant"]
    process = ProcessSpec(**{**known["process"], "env": tuple(map(tuple, known["process"]["env"]))})
    requirements = tuple(Requirement(**requirement) for requirement in known["requirements"])
    return GatedVariant(
        Variant(**{**known, "process": process, "requirements": requirements}), Origin(**item["origin"])
    )


def _answer(request: Mapping[str, Any]) -> dict[str, Any]:
    from benchsuite.catalog import load_catalog
    from benchsuite.environment import unmet
    from benchsuite.listing import describe
    from benchsuite.worker.provenance import put_first

    put_first(request["places"], request["other_root"])
    root = Path(request["built_in_root"])
    wanted = [*request["scenarios"], *request["only_scenarios"]]
    here = [spec for spec in wanted if _exists(spec)]
    entries = load_catalog(here, built_in=not request["only_scenarios"], root=root)
    task = _task_origin(request["task_module"], root)
    own = {entry.origin.file for entry in entries.values() if not _is_built_in(entry.origin, root)}
    gated = getattr(sys.modules.get(BUILT_IN_PACKAGE), "GATED", ())
    variants = [
        {"variant": dataclasses.asdict(variant), "origin": dataclasses.asdict(entry.origin)}
        for entry in entries.values()
        if not entry.scenario.once and not entry.scenario.combines
        for variant in entry.scenario.described()
    ]
    return {
        "variants": variants,
        "default": [
            item["variant"]["id"]
            for item in variants
            if item["origin"]["file"] in own or item["variant"]["id"] in gated
        ],
        "task": dataclasses.asdict(task) if task else None,
        "missing": [spec for spec in wanted if spec not in here],
        "scenarios": describe(entries, unmet),
    }


def _is_built_in(origin: Origin, root: Path) -> bool:
    return Path(origin.file).is_relative_to(root / BUILT_IN_PACKAGE)


def _task_origin(module: str, root: Path) -> Origin | None:
    from benchsuite.origin import locate

    if module == BUILT_IN_TASK:
        return Origin(BUILT_IN_TASK, str(root / BUILT_IN_PACKAGE / "mnist.py"))
    return locate(module) if _exists(module) else None


def _exists(spec: str) -> bool:
    """Whether a module or file is there at all; one that is there and does not import is an error, not absent."""
    if spec.endswith(".py") or "/" in spec:
        return Path(spec).exists()
    parts = spec.split(".")
    return any(
        Path(place, *parts[:-1], f"{parts[-1]}.py").is_file() or Path(place, *parts).is_dir()
        for place in sys.path
    )


def main() -> None:
    """Answer the request on stdin."""
    # What a scenario module prints while it is imported must not mix with the answer.
    answer_to = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        document = _answer(json.load(sys.stdin))
    except BenchsuiteError as error:
        document = {"error": str(error)}
    with answer_to:
        json.dump(document, answer_to)


if __name__ == "__main__":
    main()
