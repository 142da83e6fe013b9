from __future__ import annotations

import dataclasses
import os
import subprocess

import pytest

from benchsuite.__main__ import main
from benchsuite.baselines import set_baseline
from benchsuite.record import Record, RunInfo
from benchsuite.store import RunDirectory

INFO = RunInfo(
    command=("run",), started="2026-01-01T00:00:00+00:00", finished="2026-01-01T00:09:00+00:00",
    task="scenarios.mnist:task", options={"all": True},
)  # fmt: skip
RECORD = Record(
    variant="a[x=1]", scenario="a", settings={"x": 1}, context={}, baseline=True, pass_="timing", repetition=0,
    group="a()/timing/0", outcome="completed", started="2026-01-01T00:00:00Z", step_ns=(1, 2, 3),
)  # fmt: skip


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run a command in a repository, in this process; return its exit code and stderr."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    git("init", "-q", "-b", "main")
    git("-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "--allow-empty", "-m", "state")

    def run(*arguments):
        code = main(list(map(str, arguments)))
        return code, capsys.readouterr().err

    return run


def git(*words):
    subprocess.run(["git", *words], check=True, capture_output=True)


def make_run(root, **changes):
    directory = RunDirectory.create(root)
    directory.write_info(dataclasses.replace(INFO, **changes))
    directory.append(RECORD)
    return directory.path


def test_a_name_of_both_a_baseline_and_a_ref_is_refused(run, tmp_path):
    path = make_run(tmp_path / "runs")
    set_baseline(tmp_path / "runs", "nightly", path)
    git("branch", "nightly")
    code, said = run("gate", "--against", "nightly")
    assert code == 2
    assert said.startswith("benchsuite: --against nightly: a baseline and a git ref have this name")
    assert "refs/heads/nightly" in said
    assert str(path.name) in said
    assert said.count("\n") == 1


def test_what_no_interpreter_has_use_for_is_refused(run):
    code, said = run("gate", "--against-python", "python3", "--prepare", "make")
    assert code == 2
    assert "--against-python has none" in said


@pytest.mark.parametrize(
    "arguments", [("gate", "--against"), ("run", "--resume"), ("baseline", "set", "nightly")]
)
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "gate"}, "a gate measured it: name a run"),
        ({"kind": "gate", "finished": None, "options": {}}, "a gate measured it: name a run"),
        ({"options": {}}, "its header does not say what the run was asked for: name another run"),
    ],
)
def test_a_directory_that_no_run_has_made_is_refused_in_one_line(run, tmp_path, arguments, changes, said):
    path = make_run(tmp_path / "runs", **changes)
    assert run(*arguments, path) == (2, f"benchsuite: {path}: {said}\n")


def test_a_baseline_is_never_set_to_the_latest_gate(run, tmp_path):
    make_run(tmp_path / "runs", kind="gate")
    code, said = run("baseline", "set", "nightly")
    assert code == 2
    assert "no run is there" in said
