from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

sys.path.append(str(Path(__file__).parents[1] / "reports"))
from sample_run import make_info, write_run

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run in a folder of runs."""
    return write_run(tmp_path_factory.mktemp("here") / "runs", make_info(scenarios=()), [])


def start(*arguments: str, cwd: Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchsuite", "view", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def get(url: str) -> tuple[int, str]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    connection.request("GET", parts.path)
    response = connection.getresponse()
    return response.status, response.read().decode()


def document_of(process: subprocess.Popen[str]) -> dict[str, str]:
    assert process.stdout is not None
    lines = ""
    while not lines.endswith("}\n"):
        line = process.stdout.readline()
        assert line, process.communicate()
        lines += line
    return json.loads(lines)


def test_json_names_the_addresses_and_ctrl_c_ends_it(run: Path, started) -> None:
    process = start(str(run), "--json", cwd=run.parents[1])
    started.append(process)
    document = document_of(process)
    status, text = get(document["url"])
    assert status == 200
    assert "Answers" in text
    assert run.name in get(document["runs"])[1]
    place = urlsplit(document["url"])
    assert get(f"http://{place.netloc}/")[0] == 404
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == ""
    assert err.strip() == "benchsuite: interrupted"


@pytest.mark.slow
def test_the_address_is_printed_and_opened_without_being_seen_by_others(
    run: Path, tmp_path: Path, started
) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > "{tmp_path}/argument"\ncat "${{1#file://}}" > "{tmp_path}/page"\nls -ld "$(dirname "${{1#file://}}")" > "{tmp_path}/mode"\ntouch "{tmp_path}/done"\n', encoding="utf-8")  # fmt: skip
    browser.chmod(0o755)
    process = start("--open", cwd=run.parents[1], BROWSER=f"{browser} %s", TMPDIR=str(tmp_path))
    started.append(process)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("Runs: http://127.0.0.1:")
    url = line.removeprefix("Runs: ").strip()
    assert get(url)[0] == 200
    assert (tmp_path / "done").exists()
    argument = (tmp_path / "argument").read_text(encoding="utf-8")
    assert argument.startswith("file://")
    assert urlsplit(url).path.strip("/") not in argument
    assert url in (tmp_path / "page").read_text(encoding="utf-8")
    assert (tmp_path / "mode").read_text(encoding="utf-8").startswith("drwx------")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert not list(tmp_path.glob("benchsuite-view-*"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no/such/run"], "no/such/run: no run is there"),
        (["--runs-dir", "no/such/folder"], "no/such/folder: no folder of runs is there"),
        (["--port", "{taken}"], "--port {taken}: cannot listen there"),
        (["--port", "70000"], "--port"),
    ],
)
def test_what_cannot_be_shown_is_one_line(
    run: Path, capsys, monkeypatch, arguments: list[str], said: str
) -> None:
    from benchsuite.__main__ import main

    monkeypatch.chdir(run.parents[1])
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code = main(["view", "--no-open", *[argument.format(taken=port) for argument in arguments]])
    captured = capsys.readouterr()
    assert code == 2
    assert said.format(taken=port) in captured.err
    assert len(captured.err.strip().splitlines()) == 1
    assert captured.out == ""


def test_a_run_from_elsewhere_is_shown_alone(run: Path, tmp_path: Path) -> None:
    from benchsuite.commands.view import _library

    assert list(_library(run, run.parent)[0].runs()) == [run.name]
    write_run(run.parent / "made", make_info(scenarios=()), []).rename(run.parent / "other")
    assert set(_library(run, run.parent)[0].runs()) == {run.name, "other"}
    alone, name = _library(run, tmp_path)
    assert list(alone.runs()) == [name] == [run.name]
