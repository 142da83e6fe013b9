"""What is set for a whole process: each test sets it in a process of its own."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchsuite.origin import PROJECT_ROOT
from benchsuite.worker import process

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has it")
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
TIMEOUT_S = 60
"""Far more than any of these takes; a test that waits so long has failed."""


def python(code, *arguments, **options):
    """Start a fresh interpreter on this code; it finds the package and nothing of the working directory."""
    head = "import ctypes, json, os, signal, sys\nfrom benchsuite.worker import process\n"
    return subprocess.Popen(
        [sys.executable, "-P", "-c", head + code, *map(str, arguments)], text=True, stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(PROJECT_ROOT)}, **options,
    )  # fmt: skip


def answer(code, *arguments):
    """Return what code prints as JSON from a process of its own."""
    with python(code, *arguments) as started:
        output, _ = started.communicate(timeout=TIMEOUT_S)
    assert started.returncode == 0
    return json.loads(output)


PARENT = """
reader, writer = os.pipe()
parent = os.getpid()
if not os.fork():
    process.die_with(parent)
    os.write(writer, b"x")
    while True:
        signal.pause()
os.read(reader, 1)  # the signal is armed
print(json.dumps("armed"), flush=True)
signal.pause()
"""
ORPHAN = """
import time
parent = os.getpid()
if not os.fork():
    while os.getppid() == parent:
        time.sleep(0.001)
    process.die_with(parent)
    print("the orphan lives", flush=True)
    os._exit(0)
os._exit(0)
"""


@linux_only
def test_a_child_dies_with_its_parent():
    # The child inherits the pipe: its end shows only when both have gone.
    with python(PARENT) as parent:
        assert json.loads(parent.stdout.readline()) == "armed"
        assert not select.select([parent.stdout], [], [], 0)[0]
        parent.kill()
        assert select.select([parent.stdout], [], [], TIMEOUT_S)[0]
        assert parent.stdout.read() == ""


@linux_only
def test_a_child_whose_parent_has_gone_already_ends_at_once():
    with python(ORPHAN) as parent:
        assert parent.stdout.read() == ""


@linux_only
def test_a_child_whose_parent_lives_goes_on():
    assert answer("process.die_with(int(sys.argv[1])); print(json.dumps('on'))", os.getpid()) == "on"


@linux_only
def test_the_signal_is_armed_for_sigkill():
    code = """
process.die_with(os.getppid())
armed = ctypes.c_int()
ctypes.CDLL(None).prctl(2, ctypes.byref(armed))
print(json.dumps(armed.value))
"""
    assert answer(code) == signal.SIGKILL


@linux_only
@pytest.mark.parametrize("cores", [CORES[:1], CORES])
def test_a_process_runs_on_its_cores(cores):
    code = """
import threading
process.run_on(json.loads(sys.argv[1]))
seen = [sorted(os.sched_getaffinity(0))]
thread = threading.Thread(target=lambda: seen.append(sorted(os.sched_getaffinity(threading.get_native_id()))))
thread.start(); thread.join()
print(json.dumps(seen))
"""
    assert answer(code, json.dumps(cores)) == [cores, cores]


@linux_only
@pytest.mark.parametrize("child_cores", [CORES, []])
def test_what_it_forks_may_have_other_cores(child_cores):
    code = """
process.run_on(json.loads(sys.argv[1]), json.loads(sys.argv[2]))
reads, writes = os.pipe()
if not os.fork():
    os.write(writes, json.dumps(sorted(os.sched_getaffinity(0))).encode())
    os._exit(0)
os.wait()
print(json.dumps([sorted(os.sched_getaffinity(0)), json.loads(os.read(reads, 1000))]))
"""
    found = answer(code, json.dumps(CORES[:1]), json.dumps(child_cores))
    assert found == [CORES[:1], child_cores or CORES[:1]]


def test_no_cores_leave_a_process_as_it_is():
    code = "before = os.sched_getaffinity(0); process.run_on(()); print(json.dumps(before == os.sched_getaffinity(0)))"
    if hasattr(os, "sched_setaffinity"):
        assert answer(code) is True
    else:
        process.run_on(())


FAULTS = """
import resource
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
SIZE = 16 << 20

def touch():
    block = libc.malloc(SIZE)
    ctypes.memset(block, 1, SIZE)
    libc.free(block)

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    touch()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
"""


@linux_only
def test_freed_memory_is_kept_in_a_forked_child_alone():
    code = (
        FAULTS
        + """
reader, writer = os.pipe()
if not os.fork():
    kept = process.keep_freed_memory()
    touch()
    os.write(writer, json.dumps([kept, faults()]).encode())
    os._exit(0)
os.wait()
touch()
print(json.dumps([json.loads(os.read(reader, 99)), faults()]))
"""
    )
    (kept, child_faults), parent_faults = answer(code)
    if not kept:
        pytest.skip("this C library has no mallopt that takes effect")
    # 16 MiB are 4,096 pages, fewer where the kernel gives huge ones.
    assert child_faults < 8
    assert parent_faults >= 8


def test_elsewhere_memory_is_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert process.keep_freed_memory() is False


@linux_only
def test_the_kernel_ends_a_worker_before_the_program():
    code = "process.prefer_for_oom_kill(); print(json.dumps(open('/proc/self/oom_score_adj').read().strip()))"
    assert answer(code) == "1000"


@linux_only
def test_the_peak_can_start_anew():
    code = """
block = b"x" * (64 << 20)
high = process.peak_rss_bytes()["peak_rss"]
del block
process.reset_peak_rss()
print(json.dumps([high, process.peak_rss_bytes()["peak_rss"]]))
"""
    high, low = answer(code)
    assert 64 << 20 <= high < 1 << 30
    assert low < high - (32 << 20)


FAMILY = """
def child(work):
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.read(reader, 1)  # it has done its work
        return pid
    process.die_with(os.getppid())
    kept = work()
    os.write(writer, b"x")
    while True:
        signal.pause()

def hold():
    return b"x" * (64 << 20)

def hold_and_free():
    len(hold())

alone = process.peak_rss_bytes()["peak_rss"]
"""


@linux_only
def test_the_peak_is_that_of_all_processes_below_too():
    code = """
child(lambda: child(hold))
print(json.dumps([alone, process.peak_rss_bytes()["peak_rss"]]))
"""
    alone, together = answer(FAMILY + code)
    assert together >= alone + (64 << 20), "a data-loader worker's memory, or that of a rank's worker, counts"


@linux_only
def test_a_process_that_has_ended_counts_no_more():
    code = """
pid = child(hold)
os.kill(pid, signal.SIGKILL)
os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
as_zombie = process.peak_rss_bytes()["peak_rss"]
os.waitpid(pid, 0)
print(json.dumps([alone, as_zombie, process.peak_rss_bytes()["peak_rss"]]))
"""
    alone, as_zombie, reaped = answer(FAMILY + code)
    assert max(as_zombie, reaped) < alone + (64 << 20)


@linux_only
def test_the_peaks_below_can_start_anew():
    code = """
child(hold_and_free)
high = process.peak_rss_bytes()["peak_rss"]
process.reset_peak_rss()
print(json.dumps([high, process.peak_rss_bytes()["peak_rss"]]))
"""
    high, low = answer(FAMILY + code)
    assert low < high - (32 << 20)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (0, "exited with code 0"),
        (7, "exited with code 7"),
        (-signal.SIGSEGV, "crashed with SIGSEGV"),
        (-signal.SIGKILL, "was killed by SIGKILL, as the kernel does when memory runs out"),
    ],
)
def test_an_end_is_said_in_words(code, said):
    assert process.exit_cause(code) == said


@linux_only
def test_the_last_words_are_read_and_nobodys_place_is_moved(tmp_path):
    code = """
sys.stderr.write("x" * 3000 + "planted"); sys.stderr.flush()
said = process.last_words()
sys.stderr.write("!"); sys.stderr.flush()
print(json.dumps(said))
"""
    with (tmp_path / "stderr").open("w+b") as kept:
        with python(code, stderr=kept) as started:
            said = json.loads(started.communicate(timeout=TIMEOUT_S)[0])
        kept.seek(0)
        assert kept.read() == b"x" * 3000 + b"planted!"
    assert said.startswith("; last words: x")
    assert said.endswith("planted")
    assert len(said) < process.LAST_WORDS_BYTES + 20


def test_a_stderr_that_cannot_be_read_has_no_last_words():
    code = "sys.stderr.write('planted'); sys.stderr.flush(); print(json.dumps(process.last_words()))"
    with python(code, stderr=subprocess.PIPE) as started:
        assert json.loads(started.communicate(timeout=TIMEOUT_S)[0]) == ""


def test_a_system_without_proc_has_no_peak(monkeypatch):
    def missing(*_args, **_options):
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    monkeypatch.setattr(Path, "write_text", missing)
    assert process.peak_rss_bytes() == {}
    process.reset_peak_rss()
    process.prefer_for_oom_kill()


def test_variables_that_change_a_measurement_are_recorded(monkeypatch):
    for name in list(os.environ):
        monkeypatch.delenv(name)
    seen = {
        "OMP_NUM_THREADS": "2",
        "TORCH_LOGS": "x",
        "PYTORCH_NO_CUDA_MEMORY_CACHING": "1",
        "MALLOC_ARENA_MAX": "1",
    }
    for name, value in (seen | {"HOME": "/home/someone", "MY_TORCH": "1", "SECRET": "x"}).items():
        monkeypatch.setenv(name, value)
    assert process.recorded_environment() == seen
    assert list(process.recorded_environment()) == sorted(seen)


def test_what_is_set_for_every_worker_is_recorded(monkeypatch):
    for name, value in process.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    unrecorded = set(process.ENVIRONMENT) - set(process.recorded_environment())
    assert unrecorded <= {"KINETO_LOG_LEVEL"}  # it silences messages alone


def test_nvml_is_asked_before_the_fork_alone(monkeypatch):
    monkeypatch.setenv("PYTORCH_NVML_BASED_CUDA_CHECK", process.ENVIRONMENT["PYTORCH_NVML_BASED_CUDA_CHECK"])
    process.use_cuda_driver()
    assert "PYTORCH_NVML_BASED_CUDA_CHECK" not in os.environ
    process.use_cuda_driver()
