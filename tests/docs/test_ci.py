"""The workflow files under docs/ci: that they can be read, and that what they run does what they say."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from benchsuite.gate.verdict import Finding, SideInfo, Verdict

ROOT = Path(__file__).parents[2]
CI = ROOT / "docs" / "ci"
STAND_IN = """#!/bin/sh
[ "$1" = -c ] && exit "${IMPORT_CODE:-0}"
echo "$@" >> "$ASKED"
echo "GIT_DIR=${GIT_DIR-}" >> "$ASKED"
cat > /dev/null
exit "$GATE_CODE"
"""
GITHUB = yaml.safe_load((CI / "github-actions.yml").read_text(encoding="utf-8"))
GITLAB = yaml.safe_load((CI / "gitlab-ci.yml").read_text(encoding="utf-8"))
STEPS = GITHUB["jobs"]["gate"]["steps"]


def step(name: str):
    return next(
        found for found in STEPS if name in {found.get("name"), found.get("uses", "").partition("@")[0]}
    )


def test_github_has_the_whole_history_and_keeps_what_was_measured() -> None:
    assert step("actions/checkout")["with"]["fetch-depth"] == 0
    assert step("actions/upload-artifact")["if"] == "always()"
    assert "gate --against" in step("Gate")["run"]
    names = [found.get("name", found.get("uses", "")) for found in STEPS]
    assert names.index("Gate") < names.index("Show") < names.index("Decide")


def test_no_name_of_a_branch_is_pasted_into_a_shell() -> None:
    assert [found["run"] for found in STEPS if "${{" in found.get("run", "")] == []


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        ("pass", 0),
        ("inconclusive", 0),
        ("inconclusive", 5),
        ("regression", 1),
        ("failed", 3),
        ("not comparable", 4),
        ("later", 3),
    ],
)
def test_github_decides_by_the_verdict(tmp_path: Path, verdict: str, code: int) -> None:
    run = tmp_path / "gate-runs" / "20260302T091407Z-4fd210"
    run.mkdir(parents=True)
    document = {"verdict": verdict, "exit_code": code, "findings": [{}]}
    script = step("Decide")["run"]
    decide = [sys.executable, "-c", script]
    assert subprocess.run(decide, cwd=tmp_path, check=False, capture_output=True).returncode == 1
    (run / "verdict.json").write_text(json.dumps(document), encoding="utf-8")
    assert subprocess.run(decide, cwd=tmp_path, check=False, capture_output=True).returncode == code


def test_gitlab_has_the_whole_history_and_shows_the_tests() -> None:
    job = GITLAB["gate"]
    assert job["variables"]["GIT_DEPTH"] == "0"
    assert job["artifacts"]["reports"]["junit"] == "gate-runs/*/junit.xml"
    assert job["artifacts"]["when"] == "always"
    assert all(isinstance(line, str) for line in (*job["before_script"], *job["script"]))
    assert any("gate --against" in line for line in job["script"])


def git(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run git in a folder, free of the settings of whoever runs the tests."""
    names = {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b",
    }
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    return subprocess.run(
        ["git", *words],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        env=kept | names | environment,
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with an upstream, the hook, and a stand-in for python that notes what it is asked."""
    bare, work, tools = (tmp_path / name for name in ("bare", "work", "tools"))
    for folder in (bare, work, tools):
        folder.mkdir()
    (tools / "python").write_text(STAND_IN, encoding="utf-8")
    (tools / "python").chmod(0o755)
    git(bare, "init", "--bare", "--initial-branch=main")
    git(work, "init", "--initial-branch=main")
    git(work, "remote", "add", "origin", str(bare))
    git(work, "commit", "--allow-empty", "-m", "one")
    assert git(work, "push", "--set-upstream", "origin", "main").returncode == 0
    git(work, "commit", "--allow-empty", "-m", "two")
    hook = work / ".git" / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_bytes((CI / "pre-push").read_bytes())
    hook.chmod(0o755)
    return work


def push(work: Path, code: int, *words: str) -> tuple[subprocess.CompletedProcess[str], str]:
    asked = work.parent / "asked"
    asked.touch()
    path = f"{work.parent / 'tools'}{os.pathsep}{os.environ['PATH']}"
    done = git(work, "push", *words, PATH=path, ASKED=str(asked), GATE_CODE=str(code))
    return done, asked.read_text(encoding="utf-8")


def test_the_hook_is_a_shell_script_that_can_be_run() -> None:
    subprocess.run(["sh", "-n", str(CI / "pre-push")], check=True)
    assert os.access(CI / "pre-push", os.X_OK)


@pytest.mark.parametrize(
    ("code", "pushes"),
    [(0, True), (1, False), (2, False), (3, False), (4, True), (5, True), (6, True), (130, False)],
)
def test_the_hook_gates_against_the_upstream_and_stops_what_it_should(
    repository: Path,
    code: int,
    pushes: bool,
) -> None:
    done, asked = push(repository, code)
    assert asked.splitlines() == ["-m benchsuite gate --against origin/main --budget 5m", "GIT_DIR="]
    assert (done.returncode == 0) == pushes, done.stderr
    ahead = git(repository, "rev-list", "--count", "origin/main..main").stdout.strip()
    assert ahead == ("0" if pushes else "1")
    assert ("pre-push:" in done.stderr) == (code != 0)


def test_the_hook_gates_nothing_where_benchsuite_is_not_installed(repository: Path, monkeypatch) -> None:
    monkeypatch.setenv("IMPORT_CODE", "1")
    done, asked = push(repository, 1)
    assert (done.returncode, asked) == (0, "")
    assert "not installed" in done.stderr


def test_the_hook_gates_nothing_that_has_no_upstream_or_is_deleted(repository: Path) -> None:
    git(repository, "checkout", "-b", "other")
    done, asked = push(repository, 1, "origin", "other")
    assert (done.returncode, asked) == (0, "")
    assert "no upstream" in done.stderr
    git(repository, "checkout", "main")
    done, asked = push(repository, 1, "origin", "--delete", "other")
    assert (done.returncode, asked) == (0, "")


def test_the_hook_says_that_uncommitted_changes_are_gated_too(repository: Path) -> None:
    (repository / "new.py").touch()
    assert "not committed" in push(repository, 0)[0].stderr


def test_every_file_is_explained() -> None:
    text = (CI / "README.md").read_text(encoding="utf-8")
    for path in CI.iterdir():
        assert path.name == "README.md" or f"[`{path.name}`]({path.name})" in text


@pytest.mark.parametrize("part", [Finding, SideInfo, Verdict])
def test_every_key_of_a_verdict_is_documented(part) -> None:
    text = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    section = text[text.index("## verdict.json") : text.index("## list --json")]
    assert [field.name for field in dataclasses.fields(part) if f"`{field.name}`" not in section] == []
