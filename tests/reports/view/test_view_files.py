from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from sample_run import make_info, write_run

from reports.view import files_page, trace_page
from reports.view.files import list_files

if TYPE_CHECKING:
    from pathlib import Path

ARTIFACTS = (
    "operators-0/trace.json.gz",
    "memory-0/flamegraph.html",
    "memory-0/cuda_snapshot.pickle",
    "memory-0/deep/er.txt",
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    path = write_run(tmp_path, make_info(), [])
    for name in ARTIFACTS:
        target = path / "artifacts" / "compile-mode=eager,phase=infer" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("x" * 10, encoding="utf-8")
    return path


def test_own_files_come_first_and_artifacts_by_variant(run: Path) -> None:
    files, left = list_files(run)
    assert [file.name for file in files if not file.variant] == ["report.html", "records.jsonl", "run.json"]
    artifacts = [(file.variant, file.pass_, file.name) for file in files if file.variant]
    assert artifacts == [
        ("compile-mode=eager,phase=infer", "memory-0", "flamegraph.html"),
        ("compile-mode=eager,phase=infer", "memory-0", "cuda_snapshot.pickle"),
        ("compile-mode=eager,phase=infer", "memory-0", "deep/er.txt"),
        ("compile-mode=eager,phase=infer", "operators-0", "trace.json.gz"),
    ]
    assert left == 0
    for file in files[1:]:
        assert (run / unquote(file.address)).stat().st_size == file.size_bytes


def test_a_trace_has_a_way_to_the_file_itself(run: Path) -> None:
    saved = {file.name: file.saved_at for file in list_files(run)[0] if file.saved_at}
    assert list(saved) == ["trace.json.gz"]
    assert saved["trace.json.gz"].endswith("trace.json.gz?raw")
    (run / "report.html").touch()
    assert [file.name for file in list_files(run)[0] if file.saved_at] == ["report.html", "trace.json.gz"]


def test_a_memory_snapshot_comes_with_what_opens_it(run: Path) -> None:
    assert "pytorch.org/memory_viz" in files_page(run, "/all/").html


def test_links_and_hidden_files_are_not_listed(run: Path) -> None:
    (run / "linked").symlink_to("run.json")
    (run / ".report.html.17").touch()
    (run / ".git").mkdir()
    (run / ".git" / "config").touch()
    os.mkfifo(run / "pipe")
    names = {file.name for file in list_files(run)[0]}
    assert not names & {"linked", ".report.html.17", ".git/config", "pipe"}


def test_of_very_many_files_the_rest_is_counted(run: Path, monkeypatch) -> None:
    monkeypatch.setattr("reports.view.files.MOST_FILES", 4)
    files, left = list_files(run)
    assert (len(files), left) == (4, 3)
    assert "3 more files are not listed" in files_page(run, "/all/").html


def test_the_page_of_a_trace_may_read_from_its_own_server_alone(run: Path) -> None:
    names = ("artifacts", "<b>", "operators-0", "trace.json.gz")
    page = trace_page(run, names, 1000)
    assert page.opens_windows
    assert "connect-src 'self'" in page.policy
    assert "<b>" not in page.html
    assert "connect-src" not in files_page(run, "/all/").policy
