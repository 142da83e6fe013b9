from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from benchsuite.leftovers import Purpose, is_left, temporary_folder


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


KILLED = """
import os, sys
from benchsuite.leftovers import temporary_folder
with temporary_folder(sys.argv[1]) as folder:
    (folder / "base").mkdir()
    (folder / "base" / "code.so").touch()
    print(folder, flush=True)
    os.kill(os.getpid(), 9)
"""


LIVING = """
import sys
from benchsuite.leftovers import temporary_folder
with temporary_folder("compile") as folder:
    print(folder, flush=True)
    sys.stdin.read()
"""

LEAVES_A_CHILD = """
import os, subprocess, sys
from benchsuite.leftovers import temporary_folder
with temporary_folder("compile") as folder:
    child = subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    print(folder, child.pid, flush=True)
    os.kill(os.getpid(), 9)
"""


def lock_of(folder):
    return folder.with_name(f"{folder.name}.lock")


def test_a_folder_lasts_as_long_as_its_context(temporary):
    with temporary_folder("engine") as folder:
        (folder / "file").touch()
        assert folder.parent == temporary
    assert list(temporary.iterdir()) == []
    with pytest.raises(KeyboardInterrupt), temporary_folder("engine") as folder:
        raise KeyboardInterrupt
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("purpose", get_args(Purpose))
def test_what_a_killed_process_left_is_removed_by_the_next(temporary, purpose):
    done = subprocess.run(
        [sys.executable, "-c", KILLED, purpose], capture_output=True, text=True, check=False, env=os.environ | {"TMPDIR": str(temporary)}
    )  # fmt: skip
    left = Path(done.stdout.strip())
    assert left.parent == temporary
    assert (left / "base" / "code.so").exists()
    assert is_left(left)
    with temporary_folder("engine") as folder:
        assert sorted(temporary.iterdir()) == [folder, lock_of(folder)]


def test_what_others_use_or_own_is_kept(temporary):
    kept = [
        "benchsuite-compile-0123456789abcdef", "benchsuite-compile-0123456789ABCDEF", "benchsuite-aoti-0123456789abcdef",
        "benchsuite-compile-123", "other-0123456789abcdef",
    ]  # fmt: skip
    for name in kept:
        (temporary / name).mkdir()
    for name in kept[1:]:
        (temporary / f"{name}.lock").touch()
    (temporary / "benchsuite.lock").touch()
    before = set(temporary.iterdir())
    with temporary_folder("compile") as first, temporary_folder("compile") as second:
        assert set(temporary.iterdir()) == before | {first, lock_of(first), second, lock_of(second)}
    assert set(temporary.iterdir()) == before


def test_a_folder_is_left_when_its_process_has_ended(temporary):
    with subprocess.Popen(
        [sys.executable, "-c", LIVING], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True,
        env=os.environ | {"TMPDIR": str(temporary)},
    ) as process:  # fmt: skip
        folder = Path(process.stdout.readline().strip())
        assert not is_left(folder)
        with temporary_folder("engine"):
            assert folder.exists()
        process.kill()
        process.wait()
        assert is_left(folder)


def test_a_child_that_outlives_the_process_keeps_nothing_in_use(temporary):
    done = subprocess.run(
        [sys.executable, "-c", LEAVES_A_CHILD], capture_output=True, text=True, check=False,
        env=os.environ | {"TMPDIR": str(temporary)},
    )  # fmt: skip
    folder, child = done.stdout.split()
    try:
        os.kill(int(child), 0)
        assert Path(folder).exists()
        assert is_left(Path(folder))
    finally:
        os.kill(int(child), 9)


def test_a_lock_that_cannot_be_opened_is_anothers(temporary):
    folder = temporary / "benchsuite-view-0123456789abcdef"
    folder.mkdir()
    lock_of(folder).mkdir()
    assert not is_left(folder)
    with temporary_folder("view"):
        assert folder.exists()


def test_a_lock_without_a_folder_is_removed(temporary):
    lock = lock_of(temporary / "benchsuite-view-0123456789abcdef")
    lock.touch()
    with temporary_folder("view"):
        assert not lock.exists()
