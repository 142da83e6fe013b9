"""`export`: what a user types and reads."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

sys.path.append(str(Path(__file__).parents[1] / "reports"))
from hostile_run import write_interrupted_run
from sample_run import make_info, make_records, write_run
from sample_verdict import make_verdict

from benchsuite.__main__ import main
from benchsuite.baselines import set_baseline
from benchsuite.commands import export as command
from benchsuite.store import INFO_FILE, RECORDS_FILE, VERDICT_FILE
from reports.exports.formats import FOLDERS, OF_GATES, TEXTS


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run a command in this process and return its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = main(["export", *(str(argument) for argument in arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """Return the path of a run of one question."""
    records = [record for record in make_records() if record.scenario == "compile" and record.repetition < 2]
    return write_run(
        tmp_path_factory.mktemp("small"), make_info(scenarios=(), options={"all": True}), records
    )


@pytest.fixture
def recorded(small, tmp_path):
    """Return the path of such a run in `runs/`."""
    return Path(shutil.copytree(small, tmp_path / "runs" / small.name))


def make_gate(recorded, *, verdict=True):
    info = json.loads((recorded / INFO_FILE).read_text(encoding="utf-8"))
    (recorded / INFO_FILE).write_text(json.dumps(info | {"kind": "gate"}), encoding="utf-8")
    if verdict:
        (recorded / VERDICT_FILE).write_text(json.dumps(make_verdict().to_json()), encoding="utf-8")


def test_the_command_knows_every_format():
    assert set(command.TEXTS) == set(TEXTS)
    assert set(command.FOLDERS) == set(FOLDERS)
    assert set(command.OF_GATES) == set(OF_GATES)


def test_a_document_goes_to_stdout_alone_or_to_a_file(run, recorded, tmp_path):
    code, out, err = run("--format", "junit")
    assert (code, err) == (0, "")
    assert ET.fromstring(out.encode()).tag == "testsuites"  # noqa: S314 - this program wrote it
    (tmp_path / "out.xml").write_text("old")
    code, told, _err = run(recorded, "--format", "junit", "--output", "out.xml")
    assert (code, told) == (0, "Export: out.xml\n")
    assert (tmp_path / "out.xml").read_text(encoding="utf-8") == out
    assert {path.name for path in tmp_path.iterdir()} == {"runs", "out.xml"}


@pytest.mark.parametrize("format_", sorted(FOLDERS))
def test_a_folder_is_written_and_written_again(run, recorded, tmp_path, format_):
    for _ in range(2):
        code, out, _err = run("--format", format_, "--output", "out")
        assert (code, out) == (0, "Export: out\n")
    manifest = json.loads((tmp_path / "out" / "export.json").read_text(encoding="utf-8"))
    assert manifest["format"] == format_
    assert manifest["run"] == recorded.name
    assert {path.name for path in tmp_path.iterdir()} == {"runs", "out"}


def test_a_baseline_is_a_run_by_name(run, recorded):
    set_baseline(Path("runs"), "nightly", recorded)
    code, out, _err = run("nightly", "--format", "json", "-k", "mode=eager")
    assert code == 0
    document = json.loads(out)
    (scenario,) = document["scenarios"]
    assert all("mode=eager" in variant["id"] for variant in scenario["variants"])


def test_a_gates_verdict_is_exported_as_its_files_are(run, recorded):
    make_gate(recorded)
    assert 'name="benchsuite gate"' in run("--format", "junit")[1]
    assert "## Performance gate: Failed" in run(recorded, "--format", "markdown")[1]
    code, out, err = run(recorded, "--format", "csv", "--output", "out")
    assert (code, out) == (2, "")
    assert "can be exported as junit or markdown, not as csv" in err
    assert "leave out -k" in run(recorded, "--format", "junit", "-k", "x")[2]
    assert "no run is there" in run("--format", "json")[2], "the newest run is no gate"


def test_a_gate_that_was_not_finished_has_no_verdict(run, recorded):
    make_gate(recorded, verdict=False)
    code, _out, err = run(recorded, "--format", "junit")
    assert code == 2
    assert "has no verdict" in err


def test_an_interrupted_run_is_exported_and_says_so(run, tmp_path):
    path = write_interrupted_run(tmp_path)
    code, out, err = run(path, "--format", "json")
    assert code == 0
    assert "The run was interrupted" in err
    assert json.loads(out)["problems"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--format", "csv"], "name it with --output"),
        (["--format", "xml"], "--format"),
        ([], "--format"),
        (["no/such/run", "--format", "json"], "no run is there"),
        (["--runs-dir", "no/such", "--format", "json"], "no run is there"),
        (["--format", "json", "-k", "max-autotun3"], "max-autotune"),
        (["--format", "json", "--output", "no/such/file"], "cannot write there"),
        (["--format", "json", "--output", "runs"], "cannot write there"),
        (["--format", "csv", "--output", "runs"], "which no export has written"),
        (["--format", "csv", "--output", "no/such/folder"], "cannot write there"),
        (["--format", "json", "--output", os.devnull], "no plain file"),
    ],
)
def test_wrong_usage_ends_in_2_with_one_line(run, recorded, arguments, said, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.strip().splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["", INFO_FILE, RECORDS_FILE])
def test_a_run_is_never_written_over(run, recorded, name):
    held = {path: path.read_bytes() for path in recorded.iterdir() if path.is_file()}
    for format_ in ("json", "csv"):
        code, _out, err = run(recorded, "--format", format_, "--output", recorded / name)
        assert code == 2
        assert "that is the run itself" in err
    assert {path: path.read_bytes() for path in recorded.iterdir() if path.is_file()} == held
