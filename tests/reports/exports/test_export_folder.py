from __future__ import annotations

import json

import pytest

from benchsuite.errors import UsageError
from reports.exports.folder import MANIFEST, write_folder


def fill(*names: str):
    def write(folder):
        for name in names:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(name)

    return write


def held(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_later_export_takes_the_place_of_an_earlier_one(tmp_path) -> None:
    out = tmp_path / "out"
    write_folder(out, "csv", "r1", fill("a.csv", "sub/b.csv"))
    assert json.loads((out / MANIFEST).read_text())["files"] == ["a.csv", "sub/b.csv"]
    write_folder(out, "parquet", "r2", fill("c.parquet"))
    assert held(out) == {"c.parquet", MANIFEST}
    assert list(tmp_path.iterdir()) == [out]


def test_an_empty_folder_is_taken(tmp_path) -> None:
    (tmp_path / "out").mkdir()
    write_folder(tmp_path / "out", "csv", "r", fill("a.csv"))
    assert held(tmp_path / "out") == {"a.csv", MANIFEST}


@pytest.mark.parametrize("stranger", ["notes.txt", ".git/config"])
def test_a_folder_that_holds_anything_else_is_refused_and_kept(tmp_path, stranger) -> None:
    out = tmp_path / "out"
    write_folder(out, "csv", "r", fill("a.csv"))
    fill(stranger)(out)
    with pytest.raises(UsageError, match=stranger):
        write_folder(out, "csv", "r", fill("b.csv"))
    assert held(out) == {"a.csv", MANIFEST, stranger}


def test_a_link_to_a_folder_is_no_export(tmp_path) -> None:
    out, notes = tmp_path / "out", tmp_path / "notes"
    write_folder(out, "csv", "r", fill("a.csv"))
    notes.mkdir()
    (out / "link").symlink_to(notes, target_is_directory=True)
    with pytest.raises(UsageError, match="link"):
        write_folder(out, "csv", "r", fill("b.csv"))
    assert notes.is_dir()
    assert (out / "link").is_symlink()


@pytest.mark.parametrize(
    "manifest", ["", "[]", '{"files": ["notes.txt"]}', '{"schema": 1, "format": "x", "files": 3}']
)
def test_a_manifest_that_is_none_lets_nothing_be_replaced(tmp_path, manifest) -> None:
    fill("notes.txt")(tmp_path)
    (tmp_path / MANIFEST).write_text(manifest)
    with pytest.raises(UsageError, match="name another folder"):
        write_folder(tmp_path, "csv", "r", fill("a.csv"))


def test_a_file_in_its_place_is_refused(tmp_path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UsageError, match="a file is there"):
        write_folder(tmp_path / "out", "csv", "r", fill("a.csv"))


def test_an_export_that_fails_leaves_nothing_and_keeps_the_earlier_one(tmp_path) -> None:
    out = tmp_path / "out"
    write_folder(out, "csv", "r", fill("a.csv"))

    def fail(folder):
        fill("b.csv")(folder)
        raise OSError(28, "No space left on device")

    with pytest.raises(UsageError, match="No space left"):
        write_folder(out, "csv", "r", fail)
    assert held(out) == {"a.csv", MANIFEST}
    assert list(tmp_path.iterdir()) == [out]


def test_a_folder_that_is_not_there_to_write_in_is_told(tmp_path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        write_folder(tmp_path / "gone" / "out", "csv", "r", fill("a.csv"))
