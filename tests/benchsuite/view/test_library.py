from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from benchsuite.errors import UsageError
from benchsuite.view.library import Library, open_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with two runs, a folder that is none, and something secret beside it."""
    folder = tmp_path / "runs"
    for name, mark in (
        ("one", "run.json"),
        ("two", "records.jsonl"),
        ("notes", "notes.txt"),
        (".hidden", "run.json"),
    ):
        (folder / name).mkdir(parents=True)
        (folder / name / mark).write_text("{}", encoding="utf-8")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "run.json").write_text("secret", encoding="utf-8")
    return folder


def content(run: Path, *names: str) -> str | None:
    found = open_file(run, names)
    if found is None:
        return None
    with found.content:
        return found.content.read().decode()


def test_runs_are_the_folders_that_look_like_runs(root: Path) -> None:
    library = Library(root)
    assert list(library.runs()) == ["two", "one"]
    assert library.run("notes") is None
    assert library.run("none") is None
    assert library.run("one") == root / "one"


def test_a_run_that_no_address_leads_to_is_not_listed(root: Path) -> None:
    for name in ("new\nline", "back\\slash", "co:lon"):
        (root / "one").rename(root / name)
        assert list(Library(root).runs()) == ["two"]
        (root / name).rename(root / "one")


def test_one_run_alone(root: Path) -> None:
    library = Library(root, only="one")
    assert list(library.runs()) == ["one"]
    assert library.run("two") is None


def test_links_to_other_places_are_no_runs(root: Path) -> None:
    (root / "linked").symlink_to(root.parent / "outside")
    (root / "latest").symlink_to(root / "one")
    assert list(Library(root).runs()) == ["two", "one", "latest"]
    assert Library(root).run("linked") is None
    assert Library(root).run("..") is None


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere: no folder of runs is there"):
        Library(tmp_path / "nowhere").runs()


def test_files_of_a_run_open(root: Path) -> None:
    assert content(root / "one", "run.json") == "{}"
    found = open_file(root / "one", ("run.json",))
    assert found is not None
    with found.content:
        assert (found.name, found.size_bytes) == ("run.json", 2)


def test_links_open_only_inside_of_their_run(root: Path) -> None:
    run = root / "one"
    (run / "inside").symlink_to("run.json")
    (run / "file").symlink_to(root.parent / "outside" / "run.json")
    (run / "folder").symlink_to(root.parent / "outside")
    (run / "sibling").symlink_to(root / "two")
    (run / "circle").symlink_to("circle")
    assert content(run, "inside") == "{}"
    for names in (("file",), ("folder", "run.json"), ("sibling", "records.jsonl"), ("circle",)):
        assert content(run, *names) is None


def test_only_regular_files_open(root: Path) -> None:
    run = root / "one"
    os.mkfifo(run / "pipe")
    (run / "artifacts").mkdir()
    for names in (
        ("pipe",),
        ("artifacts",),
        ("none",),
        ("run.json", "below"),
        ("nul\0",),
        ("..", "two", "records.jsonl"),
    ):
        assert content(run, *names) is None
