from __future__ import annotations

import dataclasses
import json
import os
import shutil
import webbrowser

import pytest

from benchsuite.__main__ import main
from benchsuite.baselines import set_baseline
from benchsuite.commands.page_place import page_beside
from benchsuite.errors import UsageError
from benchsuite.record import Record, RunInfo
from benchsuite.store import RECORDS_FILE, RunDirectory

INFO = RunInfo(
    command=("run",), started="2026-01-01T00:00:00+00:00", finished="2026-01-01T00:09:00+00:00",
    task="scenarios.mnist:task", options={"all": True},
    scenarios=(
        {"name": "a", "question": "Does x pay?", "compare": "x", "within": [], "metric": "step_time", "answer": "best",
         "variants": [{"id": "a[x=1]", "settings": {"x": 1}, "context": {}, "baseline": True, "available": True, "reason": ""}]},
    ),
)  # fmt: skip
RECORD = Record(
    variant="a[x=1]", scenario="a", settings={"x": 1}, context={}, baseline=True, pass_="timing", repetition=0,
    group="a()/timing/0", outcome="completed", started="2026-01-01T00:00:00Z", step_ns=(1, 2, 3),
)  # fmt: skip


@pytest.fixture
def compare(capsys, tmp_path, monkeypatch):
    """Run `compare` in an empty folder, in this process; return its exit code and what it wrote to stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "1000")

    def compare(*arguments):
        code = main(["compare", *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return compare


@pytest.fixture
def two(tmp_path):
    return make_run(tmp_path / "runs"), make_run(tmp_path / "runs")


def make_run(root, **changes):
    directory = RunDirectory.create(root)
    directory.write_info(dataclasses.replace(INFO, **changes))
    directory.append(RECORD)
    return directory.path


def refused(outcome, code, *parts):
    """Hold that a command ended with this code, and one line on stderr that says all of this."""
    ended, out, said = outcome
    assert (ended, out, said.count("\n")) == (code, "", 1)
    for part in parts:
        assert str(part) in said


def test_no_page_is_written_unasked(compare, two, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    code, out, _said = compare(*two)
    assert (code, "Page:" in out) == (0, False)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_page_is_written_where_it_was_asked_for(compare, two, tmp_path):
    code, out, said = compare(*two, "--html", "c.html")
    assert (code, said) == (0, "")
    assert out.endswith("Page: c.html\n")
    assert (tmp_path / "c.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert compare(*two, "--html", "c.html")[0] == 0  # a page may be replaced


def test_json_names_the_page_and_stays_alone_on_stdout(compare, two, tmp_path):
    _code, out, _said = compare(*two, "--json", "--html", tmp_path / "c.html")
    assert json.loads(out)["page"] == str(tmp_path / "c.html")
    assert json.loads(compare(*two, "--json")[1])["page"] is None


def test_open_writes_into_the_second_runs_directory(compare, two, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    assert compare(*two, "--open")[0] == 0
    page = two[1] / "compare" / f"{two[0].name}.html"
    assert page.is_file()
    assert opened == [page.resolve().as_uri()]
    assert not (two[0] / "compare").exists()


def test_open_shows_the_page_that_was_asked_for(compare, two, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    assert compare(*two, "--open", "--html", "c.html")[0] == 0
    assert opened == [(tmp_path / "c.html").as_uri()]
    assert not (two[1] / "compare").exists()


def test_baselines_are_named_like_runs(compare, two, tmp_path):
    set_baseline(tmp_path / "runs", "nightly", two[0])
    code, out, _said = compare("nightly", two[1], "--html", "c.html")
    assert code == 0
    assert f"A: nightly = runs/{two[0].name} (" in out
    assert "<bdi>nightly</bdi>" in (tmp_path / "c.html").read_text(encoding="utf-8")


def test_a_baseline_whose_run_is_gone_ends_in_4(compare, two, tmp_path):
    set_baseline(tmp_path / "runs", "nightly", two[0])
    shutil.rmtree(two[0])
    refused(compare("nightly", two[1]), 4, "baseline nightly", "gone or damaged")


def test_what_is_neither_a_run_nor_a_baseline_is_refused_with_the_nearest_name(compare, two, tmp_path):
    refused(compare("nowhere", two[1]), 2, "nowhere: no run is there", "ls runs")
    set_baseline(tmp_path / "runs", "nightly", two[0])
    refused(compare(two[1], "nightlyy"), 2, "nightlyy: no run is there", "did you mean nightly?")


def test_one_run_named_twice_is_refused(compare, two, tmp_path):
    refused(compare(two[0], two[0]), 2, "are the same run", "name two")
    (tmp_path / "link").symlink_to(two[0])
    refused(compare(two[0], tmp_path / "link"), 2, "are the same run")


@pytest.mark.parametrize("place", [0, 1])
def test_a_gates_directory_is_refused_with_what_to_do(compare, two, tmp_path, place):
    gate = make_run(tmp_path / "runs", kind="gate")
    named = [gate, two[0]][:: 1 - 2 * place]
    refused(compare(*named), 2, gate, "a gate measured it", "benchsuite report", "name a run")
    (gate / "run.json").unlink()
    (gate / "verdict.json").write_text("{}")
    refused(compare(*named), 2, gate, "a gate measured it")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("folder", "that is a folder: name a file"),
        ("missing/c.html", "there is no folder missing"),
        ("notes.txt", "a file is there that is no page"),
        ("pipe", "that is no regular file"),
    ],
)
def test_a_page_never_takes_the_place_of_something_else(compare, two, tmp_path, place, said):
    (tmp_path / "folder").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    os.mkfifo(tmp_path / "pipe")
    refused(compare(*two, "--html", place), 2, f"--html {place}: {said}")
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert not list((tmp_path / "folder").iterdir())


def test_a_page_that_cannot_be_written_is_named(compare, two, tmp_path, monkeypatch):
    def fail(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.write_bytes", fail)
    refused(compare(*two, "--html", "c.html"), 2, "c.html", "Permission denied")


def test_a_run_that_cannot_hold_a_page_says_where_else_it_can_go(two):
    (two[1] / "compare").write_text("in the way")
    with pytest.raises(UsageError, match="--html PATH"):
        page_beside(two[1], two[0])


def test_truncated_records_are_told_and_the_rest_is_compared(compare, two, tmp_path):
    with (two[1] / RECORDS_FILE).open("a") as file:
        file.write('{"variant": "a[x')
    code, out, said = compare(*two, "--html", "c.html")
    assert code == 0
    assert f"B: {RECORDS_FILE}, line 2, could not be read" in out + said
    page = (tmp_path / "c.html").read_text(encoding="utf-8")
    assert f"B: {RECORDS_FILE}, line 2, could not be read" in page


def test_runs_without_anything_in_common_have_no_page(compare, two, tmp_path):
    (two[1] / RECORDS_FILE).write_text("")
    refused(compare(*two, "--html", "c.html"), 4, "no variant in common")
    assert not (tmp_path / "c.html").exists()
