"""benchmarks/gpu.sh, with an interpreter that stands in for Python: it notes what it is asked and does as it is told."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu.sh"
STANDIN = """#!/usr/bin/env bash
printf '%s\\n' "$*" >>"$LOG"
case $* in
  *is_available*) exit "${NO_GPU:-0}" ;;
  *'["finished"]'*) exit "${UNFINISHED:-0}" ;;
esac
[[ "$*" != *"${SLOW:-none}"* ]] || exec sleep 60
echo "did something"
exit "${CODE:-0}"
"""
PARTS = ("check", "limits", "quick", "gpu-tests", "run", "report", "gate", "tests", "slow-tests", "pack")

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("bash", "timeout", "split", "tar"))), reason="no bash or coreutils here"
)


class Machine:
    def __init__(self, folder):
        # A path with a blank: every use of it must be quoted.
        self.folder = folder / "a folder"
        self.folder.mkdir()
        self.out, self.state, self.log = (self.folder / name for name in ("out", "state", "log"))
        python = self.folder / "python"
        python.write_text(STANDIN)
        python.chmod(0o755)
        self.environment = {
            "PYTHON": str(python),
            "OUT": str(self.out),
            "STATE": str(self.state),
            "LOG": str(self.log),
        }

    def run(self, *arguments, **environment):
        return subprocess.run(
            [str(SCRIPT), *arguments], env={"PATH": os.environ["PATH"], **self.environment, **environment},
            capture_output=True, text=True, check=False, timeout=120, cwd=self.folder,
        )  # fmt: skip

    def asked(self):
        return self.log.read_text().splitlines() if self.log.exists() else []

    def have_run(self, name="20261201T000000Z-abcdef", below="runs"):
        folder = self.state / below / name
        folder.mkdir(parents=True)
        for file in ("run.json", "records.jsonl", "report.html"):
            (folder / file).write_text("{}")
        return folder


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def names(archive):
    with tarfile.open(archive) as file:
        return set(file.getnames())


def test_the_list_has_every_part_with_its_time(machine):
    lines = machine.run("--list").stdout.splitlines()[1:]
    assert [line.split()[0] for line in lines] == list(PARTS)
    for line in lines:
        at_most = re.match(r"\S+ +(\d+) s +\d+ s  \S", line)
        assert int(at_most[1]) <= 480
    assert machine.asked() == []


def test_an_unknown_part_is_refused_before_anything_runs(machine):
    done = machine.run("check", "chekc")
    assert done.returncode == 2
    assert "no part is called 'chekc'" in done.stderr
    assert machine.asked() == []


def test_a_part_leaves_its_log_and_is_not_done_twice(machine):
    done = machine.run("check")
    assert done.returncode == 0, done.stderr
    assert names(machine.out / "check.tar.gz") == {"logs/check.log"}
    log = (machine.state / "logs" / "check.log").read_text()
    assert "did something" in log
    assert "exit code 0 after" in log
    assert "done before (exit code 0)" in machine.run("check").stdout
    assert len(machine.asked()) == 1
    machine.run("--again", "check")
    assert len(machine.asked()) == 2


def test_a_part_that_fails_is_told_and_does_not_stop_the_next(machine):
    done = machine.run("check", "tests", CODE="3")
    assert done.returncode == 3
    assert [line.partition(" ")[2][:6] for line in machine.asked()] == ["", "pytest"]
    assert "exit code 3" in names_text(machine, "tests")
    assert (machine.state / "done" / "tests").read_text() == "exit code 3\n"


def names_text(machine, part):
    return (machine.state / "logs" / f"{part}.log").read_text()


def test_a_part_that_is_cut_off_goes_on_with_the_next_call(machine):
    done = machine.run("run", CODE="130")
    assert done.returncode == 130
    assert "cut off; the next call goes on" in done.stdout
    assert not (machine.state / "done" / "run").exists()
    folder = machine.have_run()
    machine.run("run", UNFINISHED="1")
    assert machine.asked()[-1] == f"-m benchsuite run --resume {folder}"
    assert "records.jsonl" in {Path(name).name for name in names(machine.out / "run.tar.gz")}


@pytest.mark.slow
def test_a_part_is_cut_off_before_the_calls_time_is_over(machine):
    done = machine.run("run", SLOW="benchsuite run --all", LIMIT_S="45", LEAST_S="1")
    assert done.returncode == 124
    assert "cut off; the next call goes on" in done.stdout
    assert "exit code 124 after" in names_text(machine, "run")
    assert not (machine.state / "done" / "run").exists()


def test_a_finished_run_is_not_taken_up_again(machine):
    machine.have_run()
    machine.run("run")
    assert not any("benchsuite run" in line for line in machine.asked())


def test_a_run_gets_the_options_that_were_asked_for(machine):
    machine.run("run", RUN_ARGS="--all -k cuda")
    assert machine.asked() == [f"-m benchsuite run --all -k cuda --runs-dir {machine.state}/runs"]


def test_a_quick_look_has_runs_of_its_own(machine):
    machine.have_run()
    machine.run("quick")
    begun = "-m benchsuite run --all --quick -k cuda --runs-dir "
    assert machine.asked()[-1] == f"{begun}{machine.state}/quick"
    folder = machine.have_run(below="quick")
    machine.run("--again", "quick", UNFINISHED="1")
    assert machine.asked()[-1] == f"-m benchsuite run --resume {folder}"
    assert f"quick/{folder.name}/records.jsonl" in names(machine.out / "quick.tar.gz")


def test_wheels_are_installed_once_and_without_an_index(machine):
    wheels = machine.folder / "some wheels"
    wheels.mkdir()
    (wheels / "memray-1.whl").touch()
    for _ in range(2):
        machine.run("--again", "check", WHEELS=str(wheels))
    install, first, second = machine.asked()
    assert install.startswith("-m pip install --quiet --no-index --no-deps ")
    assert install.endswith(f"--target {machine.state}/site {wheels}/memray-1.whl")
    assert first == second == "benchmarks/gpu_check.py"


def test_too_little_time_begins_nothing(machine):
    done = machine.run("check", LIMIT_S="40")
    assert "not begun" in done.stdout
    assert machine.asked() == []


def test_without_a_gpu_what_needs_one_is_skipped_and_stays_open(machine):
    done = machine.run("limits", "quick", "gate", NO_GPU="1")
    assert done.returncode == 0
    assert done.stdout.count(": skipped") == 3
    assert list((machine.state / "done").iterdir()) == []
    assert not any("--self-test" in line for line in machine.asked())


def test_a_self_test_is_begun_once_and_then_resumed(machine):
    machine.run("gate")
    assert (
        machine.asked()[-1]
        == f"-m benchsuite gate --self-test --device cuda --runs-dir {machine.state}/self-test"
    )
    kept = machine.state / "self-test" / "self-test-20261201T000000Z"
    kept.mkdir(parents=True)
    (kept / "self-test.json").write_text("{}")
    machine.run("--again", "gate")
    assert machine.asked()[-1] == f"-m benchsuite gate --self-test --resume {kept}"
    assert "self-test/self-test-20261201T000000Z/self-test.json" in names(machine.out / "gate.tar.gz")


def test_a_report_needs_a_run_and_holds_its_page_and_tables(machine):
    assert machine.run("report").returncode == 2
    machine.have_run()
    (machine.state / "results" / "limits.json").write_text("{}")
    kept = machine.state / "self-test" / "self-test-20261201T000000Z"
    kept.mkdir()
    (kept / "self-test.json").write_text("{}")
    assert machine.run("--again", "report").returncode == 0
    (asked,) = (line for line in machine.asked() if "gpu_tables" in line)
    assert f"--limits {machine.state}/results/limits.json --self-test {kept}" in asked
    found = names(machine.out / "report.tar.gz")
    assert {"results/report.html", "results/tables.md", "results/multiples.md"} < found
    assert "done before" in machine.run("report").stdout


def test_the_report_of_a_run_that_goes_on_is_made_again(machine):
    machine.have_run()
    for _ in range(2):
        assert machine.run("report", UNFINISHED="1").returncode == 0
    assert sum("benchsuite report" in line for line in machine.asked()) == 2


def test_the_pack_leaves_out_artifacts_and_comes_in_pieces(machine):
    folder = machine.have_run("compile[mode=default]")
    (folder / "artifacts").mkdir()
    (folder / "artifacts" / "trace.json.gz").touch()
    machine.run("check", "run", "pack")
    mine = machine.out / "mine.tar.gz"
    mine.touch()
    machine.run("pack")
    # It stands instead of what it holds, and of nothing else.
    piece, kept = sorted(machine.out.iterdir(), reverse=True)
    assert kept == mine
    found = names(piece)
    assert {"./runs/compile[mode=default]/records.jsonl", "./logs/check.log"} < found
    assert not any("artifacts" in name for name in found)


@pytest.mark.slow
def test_of_the_tests_only_those_that_want_a_gpu_are_left():
    root = SCRIPT.parents[1]
    paths = os.pathsep.join([str(root), str(root / "benchmarks")])
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "-p", "gpu_only",
            "tests/gpu/test_gpu_event_timer.py", "tests/gpu/test_gpu_planted_faults.py", "tests/scenarios/test_copying.py",
        ],
        env={**os.environ, "PYTHONPATH": paths}, cwd=root, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    found = {line.partition("[")[0] for line in done.stdout.splitlines() if "::" in line}
    copying = {name.rpartition("::")[2] for name in found if "test_copying" in name}
    assert copying == {
        "test_a_late_stream_changes_nothing",
        "test_a_wait_left_out_is_seen_each_time",
        "test_late_copies_train_as_the_plain_loop_does",
    }
    assert any("test_gpu_planted_faults" in name for name in found)
    assert not any("test_gpu_event_timer" in name for name in found)


def test_gpu_tests_are_those_of_the_folder_and_whatever_asks_for_a_gpu(machine):
    machine.run("gpu-tests")
    (line,) = machine.asked()
    assert " tests/gpu " in line
    assert "tests/scenarios/test_copying.py" in line
    assert not re.search(r"tests/gpu/\S", line)


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_the_script_is_clean():
    done = subprocess.run(["shellcheck", str(SCRIPT)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
