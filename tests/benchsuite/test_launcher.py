from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from benchsuite.errors import BenchsuiteError
from benchsuite.launcher import Interpreter, Spawner, WorkerError, Zygote, can_fork, worker_environment
from benchsuite.worker.protocol import TrialSpec

pytestmark = pytest.mark.skipif(
    not can_fork(), reason="forking a process that has imported torch is safe on Linux alone"
)
PATIENCE_S = 60


@pytest.fixture(scope="module")
def zygote():
    started = Zygote({})
    yield started
    started.stop()


@pytest.fixture
def spec(workloads):
    def make(scenario, settings, **changes):
        return TrialSpec(
            **{
                "scenario": scenario, "module": "benchsuite_user_workloads", "file": str(workloads), "settings": settings,
                "pass_": "timing", "task_module": "benchsuite_user_workloads", "task_file": str(workloads),
                "task_attribute": "task", "threads": 1, **changes,
            }
        )  # fmt: skip

    return make


def start(starter, trial):
    worker = starter.start()
    worker.send(trial.to_json())
    return worker


def finish(worker, turns=2):
    ready = worker.receive(PATIENCE_S)
    assert ready["event"] == "ready", ready
    for _ in range(turns):
        worker.send({"do": "turn", "steps": 4, "counts": True})
        assert worker.receive(PATIENCE_S)["event"] == "turn"
    worker.send({"do": "finish"})
    result = worker.receive(PATIENCE_S)
    worker.end()
    return result


def test_a_worker_keeps_every_sample(zygote, spec):
    result = finish(start(zygote, spec("steady", {"rounds": 1})))
    assert len(result["step_ns"]) == len(result["cpu_ns"]) == 8
    assert min(result["step_ns"]) > 0
    assert result["first_step_ns"] > 0
    assert len(result["warmup_ns"]) >= 8
    assert result["items_per_step"] == 7
    assert result["environment"]["threads"] == 1


def test_a_turn_that_does_not_count_leaves_no_samples(zygote, spec):
    worker = start(zygote, spec("steady", {"rounds": 1}))
    worker.receive(PATIENCE_S)
    worker.send({"do": "turn", "steps": 3, "counts": False})
    worker.receive(PATIENCE_S)
    worker.send({"do": "finish"})
    assert worker.receive(PATIENCE_S)["step_ns"] == []
    worker.end()


def test_each_trial_is_a_fresh_process_with_its_threads_and_cores(zygote, spec):
    core = max(os.sched_getaffinity(0))
    first = start(zygote, spec("steady", {"rounds": 1}, cores=(core,)))
    first.receive(PATIENCE_S)
    assert os.sched_getaffinity(first.pid) == {core}
    second = start(zygote, spec("steady", {"rounds": 1}, threads=2))
    assert second.pid != first.pid
    assert finish(second)["environment"]["threads"] == 2
    first.end()


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("raises", "RuntimeError: planted: the step broke (workloads.py:"),
        ("crashes", "crashed with SIGSEGV"),
        ("crashes", "planted: about to crash"),
        ("exits", "exited with code 7"),
        ("killed", "killed by SIGKILL, as the kernel does when memory runs out"),
    ],
)
def test_a_fault_in_a_step_is_told_with_its_cause(zygote, spec, kind, said):
    worker = start(zygote, spec("faulty", {"kind": kind}))
    try:
        message = worker.receive(PATIENCE_S)
    except WorkerError as error:
        message = {"event": "failed", "reason": str(error)}
    worker.end()
    assert message["event"] == "failed"
    assert said in message["reason"]
    assert "Traceback" not in message["reason"].partition("; its last words")[0]


def test_a_hang_is_ended_at_the_agreed_time(zygote, spec):
    worker = start(zygote, spec("faulty", {"kind": "hangs"}))
    with pytest.raises(WorkerError, match="no answer within 1 s"):
        worker.receive(1)
    assert not psutil.pid_exists(worker.pid)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("raises_in_check", "the check broke"),
        ("no_checks", "returned no benchsuite.Check"),
        ("not_a_workload", "not a benchsuite.Workload"),
    ],
)
def test_a_wrong_scenario_fails_its_trial(zygote, spec, kind, said):
    worker = start(zygote, spec("faulty", {"kind": kind}))
    message = worker.receive(PATIENCE_S)
    if message["event"] == "ready":
        worker.send({"do": "finish"})
        message = worker.receive(PATIENCE_S)
    worker.end()
    assert message["event"] == "failed"
    assert said in message["reason"]


def test_skipping_while_building_gives_the_reason(zygote, spec):
    worker = start(zygote, spec("faulty", {"kind": "skips"}))
    assert worker.receive(PATIENCE_S) == {"event": "skipped", "reason": "planted: not here"}
    worker.end()


def test_close_is_called_and_what_is_not_finite_is_left_out(zygote, spec):
    metrics = finish(start(zygote, spec("faulty", {"kind": "closes"})))["metrics"]
    assert metrics["closed"] == 1
    assert "loss" not in metrics


def test_ending_a_worker_ends_what_it_has_started(zygote, spec):
    worker = start(zygote, spec("faulty", {"kind": "leaves_a_child"}))
    worker.receive(PATIENCE_S)
    children = psutil.Process(worker.pid).children()
    assert len(children) == 1
    worker.end()
    _gone, alive = psutil.wait_procs(children, timeout=PATIENCE_S)
    assert not alive


def test_ending_twice_is_harmless(zygote, spec):
    worker = start(zygote, spec("steady", {"rounds": 1}))
    worker.end()
    assert worker.end() is None


def test_where_the_system_tells_of_no_death_a_worker_is_still_ended_and_reaped(zygote, spec, monkeypatch):
    def refuse(_pid):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", refuse)
    assert finish(start(zygote, spec("steady", {"rounds": 1})))["items_per_step"] == 7
    worker = start(zygote, spec("steady", {"rounds": 1}))
    os.kill(worker.pid, signal.SIGKILL)
    with pytest.raises(WorkerError, match="closed its channel"):
        worker.receive(PATIENCE_S)
    assert not psutil.pid_exists(worker.pid)


def test_workers_die_with_their_zygote(spec):
    doomed = Zygote({})
    worker = start(doomed, spec("steady", {"rounds": 1}))
    worker.receive(PATIENCE_S)
    process = psutil.Process(worker.pid)
    doomed.stop()
    with pytest.raises(WorkerError):
        worker.receive(PATIENCE_S)
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    with pytest.raises(BenchsuiteError, match="has gone"):
        doomed.start()


def test_a_zygote_dies_with_its_parent():
    code = "import os, signal\nfrom benchsuite.launcher import Zygote\nz = Zygote({})\nprint(z._process.pid, flush=True)\nos.kill(os.getpid(), signal.SIGKILL)\n"
    parent = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=worker_environment({}), check=False
    )
    assert parent.returncode == -signal.SIGKILL
    deadline = time.monotonic() + PATIENCE_S
    while psutil.pid_exists(int(parent.stdout)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(int(parent.stdout))


def test_variables_reach_a_zygote_before_torch_is_imported(spec):
    own = Zygote({"PLANTED_VARIABLE": "reached"})
    try:
        result = finish(start(own, spec("in_environment", {"spin": "0"})))
    finally:
        own.stop()
    assert result["checks"][0]["ok"]


def test_the_zygote_has_one_thread(zygote):
    assert psutil.Process(zygote._process.pid).num_threads() == 1


def test_where_there_is_no_fork_a_spawned_worker_gives_the_same_record(zygote, spec):
    spawner = Spawner({})
    try:
        spawned = finish(start(spawner, spec("steady", {"rounds": 1})))
    finally:
        spawner.stop()
    forked = finish(start(zygote, spec("steady", {"rounds": 1})))
    assert spawned.keys() == forked.keys()
    assert spawned["environment"] == forked["environment"]


def test_a_stopped_spawner_starts_no_more():
    spawner = Spawner({})
    spawner.stop()
    with pytest.raises(WorkerError, match="no worker is started any more"):
        spawner.start()


def test_a_user_s_setting_is_kept_and_ours_fills_the_gaps(monkeypatch):
    monkeypatch.setenv("GOMP_SPINCOUNT", "17")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    environment = worker_environment({"EXTRA": "1"})
    assert environment["GOMP_SPINCOUNT"] == "17"
    assert environment["OPENBLAS_NUM_THREADS"] == "1"
    assert environment["EXTRA"] == "1"


def test_torch_that_cannot_be_imported_is_told_in_one_line(tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('planted: no torch')")
    python = Interpreter(engine=os.pathsep.join([str(tmp_path), *sys.path]))
    with pytest.raises(BenchsuiteError, match="planted: no torch"):
        Zygote({}, python).start()
