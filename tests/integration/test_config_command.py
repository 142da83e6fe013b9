"""`config show`: the values as one would write them, and one line where they do not do."""

from __future__ import annotations

import json
import tomllib

import pytest

from benchsuite.__main__ import main


@pytest.fixture
def repository(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_each_value_is_shown_as_it_is_written_with_its_source(repository, capsys):
    (repository / "pyproject.toml").write_text('[tool.benchsuite.gate.limits]\nstep_time = "2%"\n')
    assert main(["config", "show"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "# pyproject.toml"
    assert any(line.split() == ["limits.step_time", "=", '"2%"', "#", "pyproject.toml"] for line in lines)
    assert any(line.split() == ["limits.peak_heap", "=", '"16', 'KiB"', "#", "default"] for line in lines)
    table = tomllib.loads("\n".join(lines))["tool"]["benchsuite"]["gate"]
    assert table["limits"]["step_time"] == "2%"
    columns = {line.rindex("  # ") for line in lines if "limits." in line}
    assert len(columns) == 1


def test_the_same_as_one_json_document(repository, capsys):
    (repository / "benchsuite.toml").write_text('[gate]\nbudget = "90s"\n')
    assert main(["config", "show", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["file"] == str(repository / "benchsuite.toml")
    assert document["values"]["budget"] == {"value": 90, "text": '"90s"', "source": "benchsuite.toml"}
    assert document["values"]["prepare"] == {"value": None, "text": "", "source": "default"}


def test_without_a_file_it_says_which_files_could_be(repository, capsys):
    assert main(["config", "show"]) == 0
    assert capsys.readouterr().out.startswith(
        "# No file configures the gate; pyproject.toml or benchsuite.toml can.\n"
    )


def test_a_key_that_does_not_do_ends_in_2_with_one_line(repository, capsys):
    (repository / "benchsuite.toml").write_text("[gate]\nbudgte = 3\n")
    assert main(["config", "show"]) == 2
    said = capsys.readouterr().err
    assert said == "benchsuite: benchsuite.toml: gate.budgte: no such key: did you mean budget?\n"
