from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from benchsuite.errors import MachineBusyError, UsageError
from benchsuite.lock import machine_lock
from benchsuite.origin import PROJECT_ROOT

HOLD = """
import sys
from pathlib import Path
from benchsuite.lock import machine_lock
with machine_lock("benchsuite run --all", Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Return another process that holds the lock of this test's folder until its stdin is closed."""
    with subprocess.Popen(
        [sys.executable, "-P", "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(PROJECT_ROOT)},
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def hold(folder):
    with machine_lock("a test", folder):
        return (folder / "benchsuite.holder").read_text(encoding="utf-8")


def test_the_holder_is_named(holder, tmp_path):
    with pytest.raises(MachineBusyError) as caught:
        hold(tmp_path)
    assert f"is being measured by process {holder.pid} (benchsuite run --all): wait" in str(caught.value)
    assert caught.value.exit_code == 6


def test_the_lock_is_free_when_its_holder_has_ended(holder, tmp_path):
    holder.stdin.close()
    assert holder.wait() == 0
    assert hold(tmp_path) == f"process {os.getpid()} (a test)"


def test_the_lock_is_free_when_its_holder_was_killed(holder, tmp_path):
    holder.send_signal(signal.SIGKILL)
    assert holder.wait() == -signal.SIGKILL
    assert (tmp_path / "benchsuite.holder").exists()
    assert hold(tmp_path) == f"process {os.getpid()} (a test)"


def test_a_refusal_leaves_the_lock_with_its_holder(holder, tmp_path):
    for _ in range(2):
        with pytest.raises(MachineBusyError, match=f"process {holder.pid} "):
            hold(tmp_path)


def test_a_holder_without_a_name_still_holds(holder, tmp_path):
    (tmp_path / "benchsuite.holder").unlink()
    with pytest.raises(MachineBusyError, match="measured by another process: wait"):
        hold(tmp_path)
    assert holder.poll() is None


def test_the_lock_is_free_again_after_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), machine_lock("a test", tmp_path):
        raise ZeroDivisionError
    assert not (tmp_path / "benchsuite.holder").exists()
    hold(tmp_path)


def test_it_is_held_once_even_within_a_process(tmp_path):
    with machine_lock("a test", tmp_path), pytest.raises(MachineBusyError):
        hold(tmp_path)


def test_the_default_folder_is_the_systems(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with machine_lock("a test"), pytest.raises(MachineBusyError):
        hold(tmp_path)


def test_a_folder_that_cannot_hold_it(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError) as caught:
        hold(tmp_path / "file")
    assert str(caught.value).startswith(f"{tmp_path / 'file' / 'benchsuite.lock'}: cannot be locked (")
    assert "set TMPDIR" in str(caught.value)


def test_who_waits_is_told_once_for_whom(holder, tmp_path):
    told = []

    def tell(who):
        told.append(who)
        holder.stdin.close()

    with machine_lock("a test", tmp_path, waits=True, on_wait=tell):
        assert holder.wait() == 0
    assert told == [f"process {holder.pid} (benchsuite run --all)"]
    with machine_lock("a test", tmp_path, waits=True, on_wait=tell):
        assert len(told) == 1, "a free lock is not waited for"
