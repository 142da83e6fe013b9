from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from benchsuite.leftovers import Purpose, lives, temporary_folder


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def dead_pid():
    with subprocess.Popen(["true"]) as process:
        pass
    return process.pid


KILLED = """
import os, sys
from benchsuite.leftovers import temporary_folder
with temporary_folder(sys.argv[1]) as folder:
    (folder / "base").mkdir()
    (folder / "base" / "code.so").touch()
    print(folder, flush=True)
    os.kill(os.getpid(), 9)
"""


def test_a_folder_lasts_as_long_as_its_context(temporary):
    with temporary_folder("engine") as folder:
        (folder / "file").touch()
        assert folder.parent == temporary
    assert not folder.exists()
    with pytest.raises(KeyboardInterrupt), temporary_folder("engine") as folder:
        raise KeyboardInterrupt
    assert not folder.exists()


@pytest.mark.parametrize("purpose", get_args(Purpose))
def test_what_a_killed_process_left_is_removed_by_the_next(temporary, purpose):
    done = subprocess.run(
        [sys.executable, "-c", KILLED, purpose], capture_output=True, text=True, check=False, env=os.environ | {"TMPDIR": str(temporary)}
    )  # fmt: skip
    left = Path(done.stdout.strip())
    assert left.parent == temporary
    assert (left / "base" / "code.so").exists()
    with temporary_folder("engine") as folder:
        assert list(temporary.iterdir()) == [folder]


def test_what_others_use_or_own_is_kept(temporary):
    dead = dead_pid()
    kept = [
        f"benchsuite-compile-{os.getpid()}-x1", "benchsuite-compile-1-x2", f"benchsuite-gate-{dead}-x3", f"other-{dead}-x4",
        f"benchsuite-compile-{dead}-x5-y", "benchsuite-compile-x6", f"benchsuite-aoti-{dead}-x7",
    ]  # fmt: skip
    for name in kept:
        (temporary / name).mkdir()
    (temporary / "benchsuite.lock").touch()
    with temporary_folder("compile"), temporary_folder("compile"):
        assert {path.name for path in temporary.iterdir()} > {*kept, "benchsuite.lock"}
    assert sorted(path.name for path in temporary.iterdir()) == sorted([*kept, "benchsuite.lock"])


def test_only_a_process_that_is_there_lives():
    assert lives(os.getpid())
    assert lives(1)
    assert not lives(dead_pid())
    assert not lives(10**30)
