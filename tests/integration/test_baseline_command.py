"""`baseline`: what a user types and reads."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from benchsuite.__main__ import main
from benchsuite.record import Record, RunInfo
from benchsuite.store import RunDirectory

INFO = RunInfo(
    command=("run",), started="2026-01-01T00:00:00+00:00", finished="2026-01-01T00:09:00+00:00",
    commit="0123456789abcdef0123-dirty", task="scenarios.mnist:task",
    options={"all": True},
)  # fmt: skip
RECORD = Record(
    variant="a[x=1]", scenario="a", settings={"x": 1}, context={}, baseline=True, pass_="timing", repetition=0,
    group="a()/timing/0", outcome="completed", started="2026-01-01T00:00:00Z", step_ns=(1, 2, 3),
)  # fmt: skip


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run a command in this process and return its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = main(list(arguments))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def make_run(name):
    directory = RunDirectory(Path("runs") / name)
    directory.path.mkdir(parents=True)
    directory.write_info(INFO)
    directory.append(RECORD)
    return directory.path


def test_set_list_show_remove(run):
    older, newest = make_run("20260101T000000Z-aaaaaa"), make_run("20260102T000000Z-aaaaaa")
    code, out, _err = run("baseline", "set", "nightly")
    assert code == 0
    assert out.splitlines() == [
        f"nightly stands for {newest} (started {INFO.started}, commit 0123456789ab-dirty).",
        "Next: python -m benchsuite gate --against nightly",
    ]
    assert run("baseline", "set", "release-1.0", str(older))[0] == 0
    code, out, err = run("baseline", "set", "nightly", str(older))
    assert (code, out) == (2, "")
    assert err == f"benchsuite: nightly stands for {newest} already: --replace sets it anew\n"
    assert run("baseline", "set", "nightly", str(older), "--replace")[0] == 0

    code, out, _err = run("baseline", "list")
    assert code == 0
    assert [line.split()[:2] for line in out.splitlines() if "runs/" in line] == [
        ["nightly", str(older)],
        ["release-1.0", str(older)],
    ]
    code, out, _err = run("baseline", "show", "nightly")
    assert code == 0
    assert f"run       {older}" in out.splitlines()
    assert "variants  1" in out.splitlines()

    code, out, _err = run("baseline", "remove", "nightly")
    assert (code, out) == (0, f"nightly is removed; its run stays: {older}\n")
    assert older.is_dir()
    code, _out, err = run("baseline", "show", "nightly")
    assert code == 2
    assert "no baseline is called 'nightly'" in err


def test_the_same_as_json(run):
    path = make_run("20260101T000000Z-aaaaaa")
    run("baseline", "set", "nightly")
    document = json.loads(run("baseline", "list", "--json")[1])
    (listed,) = document["baselines"]
    assert document["schema"] == 1
    assert {**listed, "set": ""} == {
        "name": "nightly", "run": str(path), "started": INFO.started, "commit": INFO.commit, "set": "", "problem": "",
    }  # fmt: skip
    shown = json.loads(run("baseline", "show", "nightly", "--json")[1])
    assert shown == {
        "schema": 1, **listed, "finished": INFO.finished, "task": INFO.task, "variants": 1,
    }  # fmt: skip


def test_a_run_that_is_gone_says_so(run):
    path = make_run("20260103T000000Z-aaaaaa")
    run("baseline", "set", "nightly")
    shutil.rmtree(path)
    for command in (("list",), ("show", "nightly")):
        code, out, _err = run("baseline", *command)
        assert code == 0
        assert "its run is gone or damaged" in out


def test_without_a_baseline_or_a_run_it_says_what_to_do(run):
    code, out, _err = run("baseline", "list")
    assert (code, out) == (
        0, "runs: no baseline is set; `python -m benchsuite baseline set NAME` names the newest run\n"
    )  # fmt: skip
    code, _out, err = run("baseline", "set", "nightly")
    assert code == 2
    assert "no run is there" in err
    assert not Path("runs").exists()
