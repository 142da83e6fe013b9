from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from benchsuite.gate.selection import Candidate
from benchsuite.gate.side_catalog import GatedVariant, SideCatalog
from benchsuite.gate.sides import Side, Sides
from benchsuite.gate.verdict import SideInfo
from benchsuite.origin import Origin
from benchsuite.record import Record
from benchsuite.scenario import ProcessSpec, Variant
from benchsuite.worker.protocol import CodeSide


class Git:
    """A repository in a test's folder, with a history that nobody's own configuration reaches."""

    def __init__(self, root):
        self.root = root
        self.root.mkdir(parents=True, exist_ok=True)
        self("init", "-q", "-b", "main")

    def __call__(self, *arguments, cwd=None):
        done = subprocess.run(
            ["git", *map(str, arguments)], cwd=cwd or self.root, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def write(self, files):
        """Write files by path and content; None removes one."""
        for path, content in files.items():
            file = self.root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                file.unlink()
            else:
                file.write_text(content)

    def commit(self, files):
        """Write files, commit all there is and return the commit's hash."""
        self.write(files)
        self("add", "-A")
        self("commit", "-q", "--allow-empty", "-m", "planted")
        return self("rev-parse", "HEAD")

    def worktrees(self):
        """Return the folders that are checked out beside the repository's own."""
        lines = self("worktree", "list", "--porcelain").splitlines()
        return [Path(line.partition(" ")[2]) for line in lines if line.startswith("worktree ")][1:]


@pytest.fixture
def git(tmp_path, monkeypatch):
    """Return an empty repository; temporary folders of a gate stand beside it."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Planted")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "planted@example.org")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    return Git(tmp_path / "repository")


SCENARIO = """
from dataclasses import dataclass

from benchsuite import Check, Workload, scenario


@dataclass(frozen=True)
class Settings:
    width: int = {width}


@scenario(question="Is it quick?", variants=[Settings()])
def {name}(settings, task):
    return Workload(lambda: None, lambda: [Check("a fact", 1.0, 1.0, "<=")])
"""


@pytest.fixture(scope="session")
def scenario_text():
    """Return a function from a scenario's name and its only setting to the text of its module."""
    return lambda name, width=8: SCENARIO.format(name=name, width=width)


@pytest.fixture(scope="session")
def make_record():
    """Return a function that makes a trial's record, of the base's timing unless told otherwise."""

    def make(side="base", kind="timing", **known):
        least = {
            "variant": "v", "scenario": "v", "settings": {}, "context": {}, "baseline": True, "repetition": 0,
            "group": "g", "outcome": "completed", "started": "2026-01-01T00:00:00Z",
        }  # fmt: skip
        return Record(side=side, pass_=kind, **least | known)

    return make


@pytest.fixture(scope="session")
def make_candidate():
    """Return a function that makes a variant of both sides from its id, lent by the head or not."""

    def make(id_="v", *, lent=False, file="bench.py"):
        variant = Variant(
            id_, id_.partition("[")[0], {}, {}, baseline=True, requirements=(), process=ProcessSpec()
        )
        base = Origin("benchsuite_lent_bench", f"/head/{file}") if lent else Origin("bench", f"/base/{file}")
        return Candidate(GatedVariant(variant, base), GatedVariant(variant, Origin("bench", f"/head/{file}")))

    return make


@pytest.fixture(scope="session")
def make_sides():
    """Return a function that makes both sides of variants, in /base and /head."""

    def side(name, other, candidates, task):
        variants = {candidate.id: getattr(candidate, name) for candidate in candidates}
        return Side(
            name=name,
            info=SideInfo(name=name),
            code=CodeSide(root=f"/{name}", folder=f"/{name}", places=(f"/{name}",), other_root=f"/{other}"),
            catalog=SideCatalog(variants, tuple(variants), Origin("task", task.format(side=name))),
        )

    def make(*candidates, task="/{side}/task.py"):
        return Sides(base=side("base", "head", candidates, task), head=side("head", "base", candidates, task))

    return make
