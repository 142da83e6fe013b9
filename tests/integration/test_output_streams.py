"""Closed, full and narrow streams of a real process: the exit code stays true, and one clear line says what is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
SCENARIO = """
import os
from dataclasses import dataclass
from benchsuite import grid, scenario

print("HELLO")
os.system("echo HELLO of a child")

@dataclass(frozen=True)
class S:
    n: int = 1

def b(settings, task): pass
q = scenario(question="Zahlt n sich \\xfcberall aus, auch \\ud800?", variants=grid(S, n=[1, 2]), compare="n")(b)
"""


def shell(redirected, tmp_path, *arguments, **environment):
    """Run a command with redirections, as a shell has them."""
    command = f'"$0" -m benchsuite "$@" {redirected}'
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}", sys.executable, *map(str, arguments)],
        capture_output=True, encoding="utf-8", errors="replace", timeout=60, check=False, cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path), **environment},
    )  # fmt: skip


@pytest.mark.parametrize("redirected", ["<&- 2>&-", pytest.param("2>/dev/full", marks=needs_full)])
@pytest.mark.parametrize(("arguments", "code"), [(["badcmd"], 2), (["report", "nope"], 2), (["doctor"], 0)])
def test_a_message_that_cannot_be_written_does_not_change_the_code(tmp_path, redirected, arguments, code):
    done = shell(redirected, tmp_path, *arguments)
    assert done.returncode == code
    assert bool(done.stdout) == (code == 0)


INHERITED = """
import os, subprocess, sys
from benchsuite import streams
streams.prepare()
code = "import os; print(*[os.path.exists(f'/proc/self/fd/{n}') for n in (0, 1, 2)])"
open(sys.argv[1], "wb").write(subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE).stdout)
"""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system has no /proc")
def test_children_find_no_stream_closed(tmp_path):
    subprocess.run(
        ["bash", "-c", '"$0" -c "$1" "$2" <&- >&- 2>&-', sys.executable, INHERITED, str(tmp_path / "said")], check=True
    )  # fmt: skip
    assert (tmp_path / "said").read_text().split() == ["True"] * 3


def test_output_that_python_is_told_not_to_hold_back_is_not_held_back():
    code = "import os; from benchsuite import streams; streams.prepare(); print('there'); os._exit(0)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONUNBUFFERED": "1"}, capture_output=True, text=True, check=True
    )  # fmt: skip
    assert done.stdout == "there\n"


@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], ["--help"]])
def test_a_reader_that_leaves_is_no_error(tmp_path, arguments):
    done = shell("| true", tmp_path, *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("redirected", [">&-", pytest.param(">/dev/full", marks=needs_full)])
@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], ["--version"]])
def test_a_result_that_cannot_be_written_ends_in_2_with_one_line(tmp_path, redirected, arguments):
    done = shell(redirected, tmp_path, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("benchsuite: stdout: cannot be written (")
    assert len(done.stderr.splitlines()) == 1


@pytest.fixture
def scenario(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(SCENARIO)
    return file


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}, {"PYTHONIOENCODING": "utf-8"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
)  # fmt: skip
def test_what_stdout_cannot_encode_is_spelt_out(tmp_path, scenario, environment):
    done = shell("", tmp_path, "list", "--only-scenarios", scenario, **environment)
    assert done.returncode == 0, done.stderr
    assert "Zahlt n sich" in done.stdout
    assert "\\ud800" in done.stdout


def test_with_json_what_a_module_prints_goes_to_stderr(tmp_path, scenario):
    done = shell("", tmp_path, "list", "--json", "--only-scenarios", scenario)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["scenarios"][0]["name"] == "b"
    assert sorted(done.stderr.splitlines()) == ["HELLO", "HELLO of a child"]


@needs_full
def test_what_a_module_has_printed_does_not_change_the_code(tmp_path):
    (tmp_path / "mine.py").write_text("print('HELLO')\n")
    done = shell(">/dev/full", tmp_path, "list", "--only-scenarios", "mine.py")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "source", ["sys.stdout.close(); sys.stderr.close()", "sys.stdout = sys.stderr = None"]
)
def test_a_module_that_takes_the_streams_away_is_still_told_of(tmp_path, source):
    (tmp_path / "mine.py").write_text(f"import sys\n{source}\n")
    done = shell("", tmp_path, "list", "--only-scenarios", "mine.py")
    assert done.returncode == 2
    assert "it defines no scenario" in done.stderr
