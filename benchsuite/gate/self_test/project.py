"""The self-test's project: a git repository whose base and head differ in nothing but what is planted."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchsuite.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchsuite.gate.self_test.plan import Planned

MODULE = "bench.py"
PLANTS = "plants.json"
TEMPLATE = Path(__file__).parent / "template" / MODULE
MODULES = (MODULE, "gpu_slowdown.py")
"""All of the template's files."""
IDENTITY = dict.fromkeys(
    ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"), "benchsuite"
)


@dataclass(frozen=True, slots=True)
class Project:
    """A repository that the gate is run in."""

    path: Path

    def plant(self, decisions: Sequence[Planned]) -> str:
        """Commit a base without these plants and a head with them, check the head out, and return the base's hash.

        Variants that are not named are identical on both sides.

        Raises:
            UsageError: git failed.
        """
        self._commit("base", _plants(decisions, active=False))
        base = self.git("rev-parse", "HEAD")
        self._commit("head", _plants(decisions, active=True))
        return base

    def _commit(self, message: str, plants: dict[str, Any]) -> None:
        (self.path / PLANTS).write_text(json.dumps(plants, indent=1) + "\n", encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)

    def git(self, *arguments: str) -> str:
        """Run git here, without hooks and as nobody in particular, and return its stdout."""
        try:
            done = subprocess.run(
                ["git", "-c", "core.hooksPath=/dev/null", "-c", "commit.gpgSign=false", "-c", "gc.auto=0", *arguments],
                cwd=self.path, env={**environment(), **IDENTITY}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                errors="replace", check=True,
            )  # fmt: skip
        except subprocess.CalledProcessError as error:
            raise UsageError(
                f"the self-test's project: git {arguments[0]} failed: {error.stderr.strip()}"
            ) from error
        except OSError as error:
            raise UsageError(f"git could not be run ({error.strerror}): install it") from error
        return done.stdout.strip()


@contextlib.contextmanager
def temporary_project() -> Iterator[Project]:
    """Make the repository, in the system's folder for temporary files, for as long as the context lasts.

    Raises:
        UsageError: git is missing or failed.
    """
    with tempfile.TemporaryDirectory(prefix="benchsuite-self-test-") as folder:
        project = Project(Path(folder).resolve())
        for name in MODULES:
            shutil.copy(TEMPLATE.with_name(name), project.path / name)
        project.git("init", "--quiet")
        yield project


def environment() -> dict[str, str]:
    """Return this process's environment without what ties git to a repository, as it does within a hook."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}


def _plants(decisions: Sequence[Planned], *, active: bool) -> dict[str, Any]:
    return {
        planned.variant: {**dataclasses.asdict(planned.plant), "active": active}
        for planned in decisions
        if planned.plant.kind != "none"
    }
