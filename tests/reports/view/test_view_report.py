from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from sample_run import make_info, write_run
from sample_verdict import make_verdict

import reports
from benchsuite.errors import UsageError
from reports.view import report_page
from reports.view.report import is_current

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run whose page was built."""
    path = write_run(tmp_path, make_info(scenarios=()), [])
    report_page(path)
    return path


def touch(path: Path, later_s: float) -> None:
    at = path.stat().st_mtime + later_s
    os.utime(path, (at, at))


def test_a_page_is_built_once(run: Path) -> None:
    assert is_current(run)
    built = (run / "report.html").stat().st_ino
    assert report_page(run).html == (run / "report.html").read_text(encoding="utf-8")
    assert (run / "report.html").stat().st_ino == built


@pytest.mark.parametrize("name", ["records.jsonl", "run.json"])
def test_a_page_older_than_what_it_shows_is_built_anew(run: Path, name: str) -> None:
    touch(run / name, 100)
    assert not is_current(run)
    touch(run / "report.html", 200)
    assert is_current(run)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('content="benchsuite ', 'content="benchsuite 0.0.'),
        ("script-src &#39;sha256-", "script-src &#39;sha256-x"),
        ("<!doctype", "\ufffd" * 9000),
    ],
)
def test_a_page_of_another_version_is_built_anew(run: Path, old: str, new: str) -> None:
    path = run / "report.html"
    right = path.read_text(encoding="utf-8")
    assert old in right
    path.write_text(right.replace(old, new), encoding="utf-8")
    assert not is_current(run)
    assert report_page(run).html == right


def test_a_link_in_its_place_is_replaced(run: Path, tmp_path: Path) -> None:
    elsewhere = (run / "report.html").rename(tmp_path / "elsewhere.html")
    (run / "report.html").symlink_to(elsewhere)
    assert not is_current(run)
    report_page(run)
    assert not (run / "report.html").is_symlink()


def test_a_run_that_cannot_be_written_is_shown_all_the_same(run: Path, monkeypatch) -> None:
    right = report_page(run).html
    (run / "report.html").unlink()

    def refuse(path: Path, _text: str) -> Path:
        raise UsageError(f"{path}: cannot write the report there")

    monkeypatch.setattr("reports.view.report.write_file", refuse)
    assert report_page(run).html == right
    assert not (run / "report.html").exists()


def test_a_gate_is_shown_by_its_verdict(run: Path) -> None:
    reports.write_verdict(make_verdict(), run)
    built = (run / "report.html").read_text(encoding="utf-8")
    (run / "report.html").unlink()
    assert report_page(run).html == built


def test_a_page_says_by_what_policy_it_is_served(run: Path) -> None:
    page = report_page(run)
    assert "default-src 'none'" in page.policy
    assert "unsafe" not in page.policy


def test_a_run_that_cannot_be_read_is_an_error_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run is there"):
        report_page(tmp_path)
