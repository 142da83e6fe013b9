from __future__ import annotations

import os
import subprocess
import sys
import time

import psutil
import pytest

from benchsuite.gate.self_test.neighbours import neighbours


def lives(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def wait_until_gone(pids):
    for _ in range(200):
        if not any(map(lives, pids)):
            return True
        time.sleep(0.05)
    return False


def test_no_neighbours_are_no_processes():
    with neighbours(0) as pids:
        assert pids == ()


def test_they_are_busy_on_any_core_and_end_with_the_context():
    with neighbours(2) as pids:
        processes = [psutil.Process(pid) for pid in pids]
        used = [sum(process.cpu_times()[:2]) for process in processes]
        for process, before in zip(processes, used, strict=True):
            deadline = time.monotonic() + 60
            while sum(process.cpu_times()[:2]) < before + 0.2 and time.monotonic() < deadline:
                time.sleep(0.05)
            assert sum(process.cpu_times()[:2]) >= before + 0.2
            assert os.sched_getaffinity(process.pid) == os.sched_getaffinity(0)
        assert len(pids) == 2
    assert not any(map(lives, pids))


def test_they_end_with_an_exception():
    with pytest.raises(KeyboardInterrupt), neighbours(1) as pids:
        raise KeyboardInterrupt
    assert not any(map(lives, pids))


def test_they_end_with_a_killed_parent():
    script = (
        "import os, signal\nfrom benchsuite.gate.self_test.neighbours import neighbours\n"
        "with neighbours(1) as pids:\n print(*pids, flush=True)\n os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120
    )
    pids = [int(pid) for pid in done.stdout.split()]
    assert len(pids) == 1
    assert wait_until_gone(pids)
