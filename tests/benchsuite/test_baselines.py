from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchsuite import baselines
from benchsuite.baselines import NAME, find, get, load_baselines, remove_baseline, set_baseline
from benchsuite.errors import NotComparableError, UsageError
from benchsuite.record import CANARY, SCHEMA, Record, RunInfo
from benchsuite.store import RunDirectory

INFO = RunInfo(
    command=("run",), started="2026-01-01T00:00:00+00:00", finished="2026-01-01T00:09:00+00:00", commit="c0ffee",
    task="scenarios.mnist:task",
    options={"all": True},
)  # fmt: skip
RECORD = Record(
    variant="a[x=1]", scenario="a", settings={"x": 1}, context={}, baseline=True, pass_="timing", repetition=0,
    group="a()/timing/0", outcome="completed", started="2026-01-01T00:00:00Z", step_ns=(1, 2, 3),
)  # fmt: skip


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


def make_run(root, records=(RECORD,), **changes):
    directory = RunDirectory.create(root)
    directory.write_info(dataclasses.replace(INFO, **changes))
    directory.append(*records)
    return directory.path


def test_a_name_stands_for_a_run(root):
    run = make_run(root)
    baseline = set_baseline(root, "nightly", run)
    assert (baseline.run, baseline.started, baseline.commit) == (run, INFO.started, INFO.commit)
    assert load_baselines(root) == {"nightly": baseline}
    assert find(root, "nightly") == run
    document = json.loads((root / "baselines.json").read_text())
    assert document == {
        "schema": SCHEMA,
        "baselines": {
            "nightly": {
                "run": run.name, "set": baseline.set_at, "started": INFO.started, "commit": INFO.commit
            }
        },
    }  # fmt: skip


def test_the_runs_folder_can_be_moved(root, tmp_path):
    run = make_run(root)
    set_baseline(root, "nightly", run)
    root.rename(tmp_path / "elsewhere")
    assert find(tmp_path / "elsewhere", "nightly") == tmp_path / "elsewhere" / run.name


def test_a_run_from_elsewhere_is_found_from_any_folder(root, tmp_path, monkeypatch):
    run = make_run(tmp_path / "archive")
    set_baseline(root, "old", run.relative_to(tmp_path))
    monkeypatch.chdir("/")
    assert find(root, "old") == run


def test_a_taken_name_is_set_anew_on_demand_alone(root):
    first, second = make_run(root), make_run(root)
    set_baseline(root, "nightly", first)
    set_baseline(root, "other", first)
    with pytest.raises(UsageError, match="--replace sets it anew"):
        set_baseline(root, "nightly", second)
    assert find(root, "nightly") == first
    set_baseline(root, "nightly", second, replace=True)
    assert (find(root, "nightly"), find(root, "other")) == (second, first)


def test_a_removed_name_is_forgotten_and_its_run_stays(root):
    run = make_run(root)
    set_baseline(root, "nightly", run)
    set_baseline(root, "weekly", run)
    assert remove_baseline(root, "nightly").run == run
    assert list(load_baselines(root)) == ["weekly"]
    assert run.is_dir()
    with pytest.raises(UsageError, match=r"'weakly': did you mean weekly\?"):
        remove_baseline(root, "weakly")


@pytest.mark.parametrize(
    ("records", "changes", "said"),
    [
        ((RECORD,), {"finished": None}, "is not finished; .*run --resume"),
        ((), {}, "no trial of this run was completed"),
        ((dataclasses.replace(RECORD, outcome="failed"),), {}, "no trial of this run was completed"),
        ((dataclasses.replace(RECORD, scenario=CANARY),), {}, "no trial of this run was completed"),
        ((RECORD,), {"kind": "gate"}, "a gate measured it"),
        ((RECORD,), {"options": {}}, "does not say what the run was asked for"),
    ],
)
def test_only_a_finished_run_that_measured_something_can_be_set(root, records, changes, said):
    run = make_run(root, records, **changes)
    with pytest.raises(UsageError, match=said):
        set_baseline(root, "nightly", run)
    assert load_baselines(root) == {}


def test_nothing_is_written_for_a_run_that_is_not_there(root):
    with pytest.raises(UsageError, match="no run is there"):
        set_baseline(root, "nightly", root / "nothing")
    with pytest.raises(UsageError, match="there are none"):
        remove_baseline(root, "nightly")
    assert not root.exists()


@pytest.mark.parametrize("name", ["", "a b", "a/b", "..", ".a", "-a", "ä", "a\n", "x" * 101, "a:b"])
def test_names_are_letters_digits_and_few_signs(root, name):
    run = make_run(root)
    with pytest.raises(UsageError, match="is no name for a baseline"):
        set_baseline(root, name, run)


@given(st.text())
def test_no_name_leads_out_of_a_folder(name):
    if NAME.fullmatch(name):
        assert name not in {".", ".."}
        assert name.isascii()
        assert not set(name) & set("/\\: \n")


def test_a_name_that_is_a_path_is_refused(root, tmp_path):
    run = make_run(root)
    (tmp_path / "setup.cfg").touch()
    for name in ("setup.cfg", "runs", run.name):
        with pytest.raises(UsageError, match="is the path of something that exists"):
            set_baseline(root, name, run)


def test_a_name_that_is_a_git_ref_is_refused(root, tmp_path, monkeypatch):
    run = make_run(root)
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", "init", "-q", "-b", "trunk"], check=True)
    subprocess.run(["git", *identity, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    for name in ("trunk", "HEAD"):
        with pytest.raises(UsageError, match="is a git ref"):
            set_baseline(root, name, run)
    set_baseline(root, "nightly", run)
    monkeypatch.setenv("PATH", str(tmp_path))
    set_baseline(root, "without-git", run)


def test_a_run_that_is_gone_or_incomplete_is_told(root):
    gone, begun = make_run(root), make_run(root)
    set_baseline(root, "gone", gone)
    set_baseline(root, "begun", begun)
    shutil.rmtree(gone)
    RunDirectory(begun).write_info(dataclasses.replace(INFO, finished=None))
    assert get(root, "gone").problem == "its run is gone or damaged"
    assert get(root, "begun").problem == "its run is not finished"
    for name, said in (("gone", "gone or damaged"), ("begun", "not finished")):
        with pytest.raises(NotComparableError, match=f"{said}.*baseline set {name} RUN --replace"):
            find(root, name)
    with pytest.raises(UsageError, match="no baseline is called 'gon': did you mean gone"):
        find(root, "gon")


def entry(**changes):
    """Return the text of a file with one baseline."""
    one = {"run": "gone", "set": "2026", "started": "2026", "commit": None} | changes
    return json.dumps({"schema": SCHEMA, "baselines": {"a": one}})


@pytest.mark.parametrize(
    "text",
    [
        "{", "[]", "{}", '{"schema": 1}', '{"schema": 1, "baselines": {"a": {}}}', "\xff", "[" * 100_000,
        entry(run="a\0b"), entry(run="\ud800"), entry(run="a" * 5000), entry(run=7), entry(set=7), entry(commit=["x"]),
    ],
)  # fmt: skip
def test_a_damaged_file_is_told_and_not_overwritten(root, text):
    run = make_run(root)
    (root / "baselines.json").write_text(text, encoding="latin-1")
    for action in (load_baselines, lambda root: set_baseline(root, "a", run, replace=True)):
        with pytest.raises(UsageError, match=r"baselines\.json: not a list of baselines"):
            action(root)
    assert (root / "baselines.json").read_text(encoding="latin-1") == text


def test_a_pipe_in_place_of_the_file_is_not_waited_for(root):
    root.mkdir()
    os.mkfifo(root / "baselines.json")
    with pytest.raises(UsageError, match="it is no plain file"):
        load_baselines(root)


def test_a_newer_file_is_refused(root):
    root.mkdir()
    (root / "baselines.json").write_text(json.dumps({"schema": SCHEMA + 1, "baselines": {}}))
    with pytest.raises(NotComparableError, match=r"baselines\.json: it has schema"):
        load_baselines(root)


def test_a_folder_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = make_run(tmp_path / "runs")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be written"):
        set_baseline(tmp_path / "file" / "runs", "nightly", run)


def test_what_is_set_at_once_is_all_kept(root, monkeypatch):
    run = make_run(root)
    monkeypatch.setattr(baselines, "is_ref", lambda name: False)
    names = [f"n{number}" for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: set_baseline(root, name, run), names))
    assert sorted(load_baselines(root)) == sorted(names)
