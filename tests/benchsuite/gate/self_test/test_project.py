from __future__ import annotations

import json
import subprocess

import pytest

from benchsuite.gate.self_test import plan
from benchsuite.gate.self_test.plan import NONE, Planned, Plant
from benchsuite.gate.self_test.project import (
    MODULE,
    MODULES,
    PLANTS,
    TEMPLATE,
    environment,
    temporary_project,
)

DECISIONS = (
    Planned("train[copy=0]", NONE),
    Planned("infer[copy=1]", Plant("slowdown", 0.05)),
    Planned("train[copy=2]", Plant("leak")),
)


def git(path, *arguments):
    done = subprocess.run(["git", *arguments], cwd=path, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def project():
    with temporary_project() as project:
        yield project


def test_base_and_head_differ_in_the_plants_alone(project):
    base = project.plant(DECISIONS)
    assert git(project.path, "diff", "--name-only", base, "HEAD") == PLANTS
    assert git(project.path, "status", "--porcelain") == ""
    for name in MODULES:
        assert (project.path / name).read_bytes() == TEMPLATE.with_name(name).read_bytes()


def test_the_project_holds_all_of_the_template():
    assert sorted(MODULES) == sorted(path.name for path in TEMPLATE.parent.glob("*.py"))


def test_a_plant_is_active_in_the_head_alone(project):
    base = project.plant(DECISIONS)
    before = json.loads(git(project.path, "show", f"{base}:{PLANTS}"))
    after = json.loads((project.path / PLANTS).read_text())
    assert set(before) == set(after) == {"infer[copy=1]", "train[copy=2]"}
    # The base does the set-up of a slowdown too: what has run before the timing is alike.
    assert {**before["infer[copy=1]"], "active": True} == after["infer[copy=1]"]
    assert not any(plant["active"] for plant in before.values())
    assert after["infer[copy=1]"] == {"kind": "slowdown", "share": 0.05, "active": True}


def test_identical_code_has_a_base_and_a_head_too(project):
    base = project.plant(DECISIONS[:1])
    assert base != git(project.path, "rev-parse", "HEAD")
    assert git(project.path, "diff", "--name-only", base, "HEAD") == ""


def test_a_batch_leaves_nothing_to_the_next(project):
    project.plant(DECISIONS)
    base = project.plant((Planned("train[copy=5]", Plant("memory")),))
    assert list(json.loads((project.path / PLANTS).read_text())) == ["train[copy=5]"]
    assert list(json.loads(git(project.path, "show", f"{base}:{PLANTS}"))) == ["train[copy=5]"]


def test_the_project_needs_no_identity_and_runs_no_hook(tmp_path, monkeypatch):
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "pre-commit").write_text("#!/bin/sh\nexit 1\n")
    (hooks / "pre-commit").chmod(0o755)
    config = tmp_path / "gitconfig"
    config.write_text(
        f"[core]\n hooksPath = {hooks}\n[user]\n useConfigOnly = true\n[commit]\n gpgSign = true\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / ".gitconfig").write_text(config.read_text())
    with temporary_project() as project:
        assert project.plant(DECISIONS)


def test_a_hooks_own_repository_is_left_alone(monkeypatch):
    monkeypatch.setenv("GIT_DIR", "/no/such/repository")
    assert "GIT_DIR" not in environment()
    with temporary_project() as project:
        project.plant(DECISIONS)
        assert (project.path / ".git").is_dir()


def test_it_is_removed():
    with temporary_project() as project:
        path = project.path
    assert not path.exists()


def test_the_projects_scenarios_are_those_of_the_plan(tmp_path):
    from benchsuite.catalog import load_catalog

    (tmp_path / MODULE).write_bytes(TEMPLATE.read_bytes())
    (tmp_path / PLANTS).write_text("{}")
    entries = load_catalog([str(tmp_path / MODULE)], built_in=False)
    ids = {variant.id for entry in entries.values() for variant in entry.scenario.described()}
    assert tuple(sorted(entries)) == tuple(sorted(plan.WORK))
    copies, devices = range(plan.BATCH_SIZE), ("cpu", "cuda")
    assert ids == {
        plan.variant_id(work, copy, device) for work in plan.WORK for copy in copies for device in devices
    }
    for entry in entries.values():
        needs = {variant.id: bool(variant.requirements) for variant in entry.scenario.described()}
        assert all(needed == ("cuda" in id_) for id_, needed in needs.items())
