"""The command line as a user meets it: exit codes, one clear line, nothing measured for nothing."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from benchsuite.__main__ import main


@pytest.fixture(autouse=True)
def own_lock(tmp_path_factory, monkeypatch):
    """Keep the machine's lock out of it: a benchsuite that measures beside these tests is not what they try."""
    folder = str(tmp_path_factory.mktemp("tmp"))
    monkeypatch.setenv("TMPDIR", folder)
    monkeypatch.setattr("tempfile.tempdir", folder)


@pytest.fixture
def run(capsys):
    """Run a command in this process and return its exit code, stdout and stderr."""

    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "compil"], "no scenario is called 'compil': did you mean compile"),
        (["run", "compile", "nothing"], "no scenario is called 'nothing'"),
        (["run"], "name the scenarios to run, or give --all"),
        (["run", "--all", "compile"], "name the scenarios to run, or give --all"),
        (["run", "--al"], "--all"),
        (["lsit"], "list"),
        (["run", "--all", "--threads", "0"], "--threads"),
        (["run", "--all", "--budget", "soon"], "not a duration"),
        (["run", "--all", "--timeout", "0s"], "not a duration"),
        (["run", "--all", "--quick", "--stacks"], "--quick leaves out the operator and memory passes"),
        (["run", "--all", "-k", "max-autotun3"], "compile[mode=max-autotune]"),
        (["run", "--all", "--task", "nonsense"], "write MODULE:TASK"),
        (["run", "--all", "--task", "no.such.module:task"], "no module of that name"),
        (["run", "--all", "--scenarios", "no_such_file.py"], "no_such_file.py: no such file"),
        (["run", "--all", "--scenarios", "a", "--only-scenarios", "b"], "give one of them"),
        (["run", "--resume", "no/such/run"], "no run is there"),
        (["run", "compile", "--threads", "1", "--resume", "no/such/run"], "leave out names, --threads"),
        (["report", "no/such/run"], "no run is there"),
        (["report", "--runs-dir", "no/such/folder"], "no run is there"),
        (["compare", "no/such/run", "other"], "no/such/run: no run is there"),
        (["compare", "one"], "B"),
        (["doctor", "--pairs", "2"], "at least 4"),
    ],
)
def test_wrong_usage_ends_in_2_with_one_line_that_helps(run, arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*arguments)
    assert code == 2
    assert said in err
    assert len(err.strip().splitlines()) == 1
    assert err.startswith("benchsuite: ")
    assert not out or arguments[0] == "doctor"
    assert not list(tmp_path.iterdir())


def test_a_fault_of_this_program_ends_in_70(run, monkeypatch):
    monkeypatch.setattr("benchsuite.catalog.load_catalog", lambda *_: 1 / 0)
    code, _out, err = run("list")
    assert code == 70
    assert "ZeroDivisionError" in err
    assert "fault of benchsuite itself" in err


def test_a_runs_folder_that_cannot_be_written_is_told_before_anything_is_measured(run, tmp_path):
    (tmp_path / "file").write_text("in the way")
    code, _out, err = run("run", "--all", "--runs-dir", tmp_path / "file" / "runs")
    assert code == 2
    assert "cannot write there" in err.splitlines()[-1]
    assert "completed" not in err


def test_a_full_disk_is_told_before_anything_is_measured(run, tmp_path, monkeypatch):
    import shutil

    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("benchsuite.store.shutil.disk_usage", lambda _path: usage._replace(free=2**20))
    code, _out, err = run("run", "--all", "--runs-dir", tmp_path)
    assert code == 2
    assert "1 MiB are free" in err.splitlines()[-1]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        ("import no_such_module\n", 1, "No module named 'no_such_module'"),
        ("x = 1\nif x\n", 2, "SyntaxError"),
        ("x = 1\nx.y\n", 2, "AttributeError"),
        ("class Own(BaseException): ...\nraise Own('why')\n", 2, "Own: why"),
        ("x = 1\n", None, "it defines no scenario"),
    ],
)
def test_a_module_that_cannot_be_used_is_named_with_its_line(run, tmp_path, source, line, said):
    file = tmp_path / "mine.py"
    file.write_text(source)
    code, _out, err = run("list", "--scenarios", file)
    assert code == 2
    assert said in err
    assert f"{file}:{line}" in err if line else str(file) in err
    assert "Traceback" not in err


def test_list_shows_every_variant_and_why_one_cannot_run(run):
    code, out, _err = run("list", "--json")
    assert code == 0
    document = json.loads(out)
    names = [scenario["name"] for scenario in document["scenarios"]]
    assert names[:4] == ["training", "batch_size", "compile", "device"]
    for scenario in document["scenarios"]:
        assert scenario["question"].endswith("?")
        for variant in scenario["variants"]:
            assert variant["available"] == (variant["reason"] == "")
            assert {"id", "settings", "context", "baseline"} <= variant.keys()
    code, plain, _err = run("list", "--variants")
    assert code == 0
    lines = [line.strip().removesuffix(" (baseline)") for line in plain.splitlines()]
    for scenario in document["scenarios"]:
        assert f"{scenario['name']}: {scenario['question']}" in lines
        assert all(lines.count(variant["id"]) == 1 for variant in scenario["variants"])


def test_list_shows_a_question_and_a_count_for_each_scenario(run):
    scenarios = json.loads(run("list", "--json")[1])["scenarios"]
    code, plain, _err = run("list")
    assert code == 0
    lines = plain.splitlines()
    for scenario in scenarios:
        number = len(scenario["variants"])
        here = sum(variant["available"] for variant in scenario["variants"])
        (line,) = [line for line in lines if line.split()[:1] == [scenario["name"]]]
        assert scenario["question"] in line
        assert f"{number} variant{'s' if number > 1 else ''}, {here} here" in line
    variants = [variant for scenario in scenarios for variant in scenario["variants"]]
    here = sum(variant["available"] for variant in variants)
    assert f"{len(scenarios)} scenarios, {len(variants)} variants, {here} here; not here:" in plain
    reasons = {variant["reason"] for variant in variants if not variant["available"]}
    told = [line.split(maxsplit=1) for line in plain.partition("not here:\n")[2].splitlines()[:-1]]
    assert {reason for _, reason in told} == reasons
    assert sum(int(count) for count, _ in told) == len(variants) - here


def test_list_shows_the_variants_of_what_is_named(run):
    code, plain, _err = run("list", "device", "compile")
    assert code == 0
    assert plain.index("device: ") < plain.index("compile: ")
    assert "  compile[mode=eager] (baseline)" in plain.splitlines()
    assert "training" not in plain
    document = json.loads(run("list", "device", "--json")[1])
    assert [scenario["name"] for scenario in document["scenarios"]] == ["device"]
    code, _out, err = run("list", "devise")
    assert code == 2
    assert "did you mean device" in err


@pytest.mark.parametrize("arguments", [["list"], ["--help"], ["run", "--help"], ["compare", "--help"]])
def test_listing_and_help_import_neither_torch_nor_pandas(arguments):
    code = (
        "import sys\nfrom benchsuite.__main__ import main\n"
        f"main({arguments!r})\nprint({{'torch', 'pandas', 'matplotlib', 'numpy', 'scipy'}} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == "set()"


def test_output_that_nobody_reads_to_its_end_is_no_fault():
    pipe = subprocess.run(  # noqa: S602 - the shell makes the pipe
        f"{sys.executable} -m benchsuite list | head -1; exit ${{PIPESTATUS[0]}}", shell=True, capture_output=True, text=True,
        executable="bash", check=False,
    )  # fmt: skip
    assert pipe.returncode == 0
    assert pipe.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--dataset", "mnits"], "choose one of bundled, mnist"),
        (["--task", "scenarios.mnist:tusk"], "defines no 'tusk'"),
    ],
)
def test_data_or_a_task_that_is_not_there_is_one_line_and_leaves_no_run(tmp_path, arguments, said):
    command = [sys.executable, "-m", "benchsuite", "run", "device", "--runs-dir", str(tmp_path), *arguments]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 2
    assert said in found.stderr.splitlines()[-1]
    assert "Traceback" not in found.stderr
    assert not list(tmp_path.iterdir())


TASK = """
import os
import benchsuite

class Mine(benchsuite.Task):
    name = "mine"
    def make_model(self): ...
    def example_batch(self, size): ...
    {wrong}

task = Mine()
"""


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("name = 5", "the task's name is 5: a string is needed"),
        ("def prepare(self): os._exit(0)", "its data could not be prepared: the worker exited with code 0"),
    ],
)
def test_a_task_that_no_run_can_use_is_one_line_and_leaves_no_run(tmp_path, wrong, said):
    (tmp_path / "mine.py").write_text(TASK.format(wrong=wrong), encoding="utf-8")
    task, runs = f"{tmp_path / 'mine.py'}:task", tmp_path / "runs"
    command = [sys.executable, "-m", "benchsuite", "run", "device", "--task", task, "--runs-dir", str(runs)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 2
    last = found.stderr.splitlines()[-1]
    assert last.startswith(f"benchsuite: --task {task}: ")
    assert said in last
    assert "fault of benchsuite" not in found.stderr
    assert not list(runs.glob("2*"))


@pytest.mark.slow
def test_doctor_measures_what_this_machine_can_show(run):
    code, out, _err = run("doctor", "--pairs", "4", "--json")
    assert code == 0
    document = json.loads(out)
    assert document["machine"]["num_cores"] >= 1
    assert document["resolution"]["pairs"] == 4
    assert document["resolution"]["smallest_detectable"] >= 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["history"],
        ["config", "show"],
        ["doctor"],
        ["gate", "--against", "HEAD"],
        ["run", "compile"],
        ["list"],
    ],
)
def test_a_working_directory_that_is_gone_is_one_line(run, tmp_path, monkeypatch, arguments):
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    code, out, err = run(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "the working directory is not there any more" in err


@pytest.mark.parametrize("arguments", [["run", "--all"], ["gate", "--against", "HEAD"]])
def test_a_seed_that_torch_does_not_take_is_refused(run, arguments):
    code, _out, err = run(*arguments, "--seed", str(2**64))
    assert code == 2
    assert "--seed" in err
