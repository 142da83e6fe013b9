"""Real gates over a small project in a git repository of its own: verdicts, exit codes, and what is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchsuite.lock import machine_lock

PATIENCE_S = 240
CONFIG = """\
[gate]
only_scenarios = ["bench.py"]
screening_pairs = 3
confirmation_pairs = 8
further_pairs = 8
"""
BENCH = """\
from dataclasses import dataclass

from benchsuite import Check, Workload, scenario


@dataclass(frozen=True)
class Settings:
    size: int = 96


@scenario(question="How fast is it?", variants=[Settings()])
def work(settings, task):
    import torch

    from library.steps import advance

    a = torch.rand(settings.size, settings.size)
    kept = []

    def step():
        advance(a, kept)

    def check():
        return [Check("finite", float(torch.isfinite(a).all()), CHECK_LIMIT, ">=")]

    return Workload(step, check, items_per_step=ITEMS)


CHECK_LIMIT = 1
ITEMS = 1
"""
STEPS = """\
REPETITIONS = 20


def advance(a, kept):
    for _ in range(REPETITIONS):
        a @ a
"""
EDITABLE = """\
import importlib.util
import sys


class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "library":
            return importlib.util.spec_from_file_location(name, {root!r} + "/library/__init__.py")
        return None


sys.meta_path.insert(0, Finder)
"""
SLOWER = STEPS.replace("REPETITIONS = 20", "REPETITIONS = 28")

pytestmark = pytest.mark.slow


class Project:
    """A repository whose base is committed, and a place for changes."""

    def __init__(self, folder):
        self.root = folder / "project"
        self.tmp = folder / "tmp"
        self.tmp.mkdir()
        (self.root / "library").mkdir(parents=True)
        self.write("library/__init__.py", "")
        self.write("library/steps.py", STEPS)
        self.write("bench.py", BENCH)
        self.write("benchsuite.toml", CONFIG)
        self.git("init", "-q", "--initial-branch=main")
        self.commit()

    def write(self, name, text):
        (self.root / name).write_text(text, encoding="utf-8")

    def git(self, *words):
        who = [f"GIT_{role}_{part}=t@t" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")]
        environment = {**os.environ, **dict(pair.split("=") for pair in who)}
        done = subprocess.run(
            ["git", *words], cwd=self.root, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    def commit(self):
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "state")

    def environment(self, **more):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        return {**kept, "TMPDIR": str(self.tmp), "BENCHSUITE_CACHE_DIR": str(self.tmp / "cache"), **more}

    def start(self, *arguments, **more):
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "benchsuite", "gate", *map(str, arguments)],
            cwd=self.root, env=self.environment(**more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def gate(self, *arguments, **more):
        process = self.start(*arguments, **more)
        stdout, stderr = process.communicate(timeout=PATIENCE_S)
        return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)

    def verdict(self):
        newest = max((self.root / "runs").glob("*/verdict.json"))
        return json.loads(newest.read_text(encoding="utf-8")), newest.parent

    def worktrees(self):
        return self.git("worktree", "list").splitlines()[1:]

    def leftovers(self):
        return [path.name for path in self.tmp.iterdir() if path.name.startswith("benchsuite-")
                and path.suffix not in {".lock", ".holder"}]  # fmt: skip


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def by_metric(document):
    return {finding["metric"]: finding for finding in document["findings"]}


def test_identical_code_passes_and_a_slower_step_is_a_regression_with_a_cause(project):
    done = project.gate("--against", "main", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["exit_code"] == 0
    found = by_metric(document)
    assert {"step_time", "operators", "peak_heap", "allocations"} <= found.keys()
    # On a machine that is busy enough so few pairs may leave the time open; what is counted is never left open.
    assert {finding["verdict"] for metric, finding in found.items() if metric != "step_time"} == {"unchanged"}
    assert found["step_time"]["verdict"] in {"unchanged", "inconclusive"}
    assert found["operators"]["base"] == found["operators"]["head"] > 0
    assert any("same code" in warning for warning in document["warnings"])

    project.write("library/steps.py", SLOWER)
    done = project.gate("--against", "main")
    assert done.returncode == 1, done.stderr
    document, folder = project.verdict()
    found = by_metric(document)
    assert document["exit_code"] == 1
    assert found["step_time"]["verdict"] == found["operators"]["verdict"] == "regression"
    assert 1.1 < found["step_time"]["ratio"] < 2
    assert found["step_time"]["pairs"] == 8
    assert found["operators"]["head"] / found["operators"]["base"] == pytest.approx(1.4)
    assert "steps.py" in found["step_time"]["cause"]
    assert found["step_time"]["reproduce"] == "python -m benchsuite gate --against main -k work"
    assert "work" in done.stdout
    assert ET.parse(folder / "junit.xml").getroot().attrib["failures"] != "0"  # noqa: S314 - our own
    assert "regression" in (folder / "summary.md").read_text(encoding="utf-8").lower()
    assert (folder / "report.html").is_file()
    assert project.worktrees() == project.leftovers() == []
    assert "runs" not in project.git("status", "--porcelain")


def test_a_fault_of_the_program_itself_is_not_taken_for_a_regression(project):
    broken = project.tmp / "broken"
    broken.mkdir()
    (broken / "filelock.py").write_text("raise RuntimeError('planted')\n", encoding="utf-8")
    places = os.pathsep.join(filter(None, [str(broken), os.environ.get("PYTHONPATH", "")]))
    done = project.gate("--against", "main", PYTHONPATH=places)
    assert done.returncode == 70
    assert "RuntimeError: planted" in done.stderr
    assert not (project.root / "runs").exists()


def test_a_failing_check_and_a_base_that_does_not_import_fail(project):
    project.write("bench.py", BENCH.replace("CHECK_LIMIT = 1", "CHECK_LIMIT = 2"))
    done = project.gate("--against", "main", "--metric", "step_time")
    assert done.returncode == 3, done.stderr
    document, _ = project.verdict()
    (finding,) = document["findings"]
    assert finding["verdict"] == "failed"
    assert "finite is 1" in finding["reason"]

    project.write("bench.py", BENCH + "import no_such_module\n")
    project.commit()
    project.write("bench.py", BENCH)
    done = project.gate("--against", "main", "--metric", "step_time")
    assert done.returncode == 3, done.stderr
    document, _ = project.verdict()
    (finding,) = document["findings"]
    assert finding["verdict"] == "failed"
    assert "no_such_module" in finding["reason"]
    assert "bench.py:" in finding["reason"]
    assert project.worktrees() == []


def test_other_work_is_not_comparable(project):
    project.write("bench.py", BENCH.replace("ITEMS = 1", "ITEMS = 2"))
    done = project.gate("--against", "main", "--metric", "step_time")
    assert done.returncode == 4, done.stderr
    document, _ = project.verdict()
    assert [finding["verdict"] for finding in document["findings"]] == ["not comparable"]
    assert "2 items instead of 1" in document["findings"][0]["reason"]


def test_code_of_the_other_side_voids_the_comparison(project):
    """An editable install of the working tree whose finder is asked before the path is."""
    site = project.tmp / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(EDITABLE.format(root=str(project.root)), encoding="utf-8")
    done = project.gate("--against", "main", "--metric", "step_time", PYTHONPATH=str(site))
    assert done.returncode == 4, done.stderr
    document, _ = project.verdict()
    assert "the base did not run its own code" in document["findings"][0]["reason"]
    assert "library" in document["findings"][0]["reason"]


def test_what_cannot_be_decided_fails_where_the_configuration_says_so(project):
    # At this level noise is called a change once in five thousand times, and so narrow a limit clears nothing.
    pairs = CONFIG.replace(
        "confirmation_pairs = 8\nfurther_pairs = 8\n", "confirmation_pairs = 15\nfurther_pairs = 0\n"
    )
    strict = f'{pairs}level = "0.01%"\non_inconclusive = "fail"\ndetect = "0.02%"\n[gate.limits]\nstep_time = "0.01%"\n'
    project.write("benchsuite.toml", strict)
    done = project.gate("--against", "main", "--metric", "step_time")
    assert done.returncode == 5, done.stdout + done.stderr
    document, _ = project.verdict()
    assert document["verdict"] == "inconclusive"
    assert "pairs would" in document["findings"][0]["reason"]


def test_new_and_missing_scenarios_are_findings_and_a_gate_of_nothing_does_not_pass(project):
    project.write("bench.py", BENCH.replace("def work(", "def renamed("))
    done = project.gate("--against", "main", "--metric", "step_time")
    assert done.returncode == 3, done.stderr
    document, _ = project.verdict()
    assert {f["variant"]: f["verdict"] for f in document["findings"]} == {"renamed": "new", "work": "missing"}
    assert document["exit_code"] == 3
    assert "measured nothing" in done.stderr


def test_wrong_usage_and_a_busy_machine_are_said_in_one_line(project, monkeypatch):
    for arguments, said in (
        (["--against", "mian"], "the nearest are main"),
        (
            ["--against", "main", "no_such_scenario"],
            "no scenario that can be gated is called 'no_such_scenario'",
        ),
        (["--against", "main", "-k", "zzz"], "no variant's name contains that"),
        (["--against", "main", "--metric", "speed"], "speed"),
        (["--against", "main", "--prepare", "exit 7"], "ended with 7"),
        (["--against-python", "no-such-python"], "does not run"),
        ([], "--against REF"),
    ):
        done = project.gate(*arguments)
        assert done.returncode == 2, done.stderr
        progress, _, error = done.stderr.strip().rpartition("\n")
        assert said in error
        assert progress == ("preparing the base: exit 7" if "--prepare" in arguments else "")
    assert project.worktrees() == []
    assert not (project.root / "runs").exists()
    with machine_lock("a test", project.tmp):
        done = project.gate("--against", "main")
    assert done.returncode == 6
    assert "a test" in done.stderr


def wait_for(condition, seconds=60):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return
        time.sleep(0.1)
    pytest.fail("it did not come to that")


def workers_of(project):
    """Return the processes that run the project's code, by the variable that they all inherit."""
    mark = f"TMPDIR={project.tmp}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                if state != "Z" and mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_interrupted_it_leaves_nothing_behind_and_killed_the_next_one_cleans_up(project):
    process = project.start("--against", "main")
    wait_for(lambda: list((project.root / "runs").glob("*/records.jsonl")) and len(workers_of(project)) > 1)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    wait_for(lambda: workers_of(project) == [])
    assert project.worktrees() == project.leftovers() == []

    process = project.start("--against", "main")
    wait_for(lambda: project.worktrees() and len(workers_of(project)) > 1)
    process.kill()
    process.wait(60)
    wait_for(lambda: workers_of(project) == [])
    assert len(project.worktrees()) == 1
    done = project.gate("--against", "main", "--metric", "step_time", "-k", "work")
    assert done.returncode == 0, done.stderr
    assert project.worktrees() == project.leftovers() == []


def test_a_stored_run_gates_counts_and_refuses_another_machine(project):
    run = subprocess.run(
        [sys.executable, "-P", "-m", "benchsuite", "run", "work", "--only-scenarios", "bench.py", "--threads", "1",
         "--budget", "1s", "--json"],
        cwd=project.root, env=project.environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    stored = Path(json.loads(run.stdout)["run"])
    project.write("library/steps.py", SLOWER)
    done = project.gate("--against", stored)
    assert done.returncode == 1, done.stderr
    document, _ = project.verdict()
    found = by_metric(document)
    assert found["operators"]["verdict"] == "regression"
    assert found["step_time"]["advisory"]

    header = json.loads((project.root / stored / "run.json").read_text())
    header["machine"]["cpu_model"] = "another"
    (project.root / stored / "run.json").write_text(json.dumps(header))
    done = project.gate("--against", stored)
    assert done.returncode == 4, done.stderr
    assert "machine.cpu_model was another" in done.stderr


def test_another_interpreter_needs_nothing_of_this_project(project, tmp_path):
    """The same packages under another executable, without benchsuite's own install."""
    import torch

    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "other"], check=True)
    (site,) = (tmp_path / "other").glob("lib/python*/site-packages")
    # Paths from a .pth file are not searched for further ones, such as that of an editable install.
    (site / "packages.pth").write_text(f"{Path(torch.__file__).parent.parent}\n")
    other = tmp_path / "other" / "bin" / "python"
    alone = subprocess.run([other, "-c", "import benchsuite"], cwd=tmp_path, capture_output=True, check=False)
    assert alone.returncode != 0
    done = project.gate("--against-python", other)
    assert done.returncode == 0, done.stdout + done.stderr
    document, _ = project.verdict()
    assert document["base"]["python"] == str(other)
    found = by_metric(document)
    assert {finding["verdict"] for metric, finding in found.items() if metric != "step_time"} == {"unchanged"}
    assert found["step_time"]["verdict"] in {"unchanged", "inconclusive"}
