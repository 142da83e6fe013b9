"""Several ranks in real processes: what they share out, what they do in lockstep, and how each kind of end is told."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchsuite.launcher import Spawner, Zygote, can_fork
from benchsuite.scenario import Skip, Workload
from benchsuite.worker import follower, ranks
from benchsuite.worker.protocol import TrialSpec

pytestmark = pytest.mark.skipif(not can_fork(), reason="several ranks need a safe fork")
FILE = Path(__file__).parents[2] / "ranked_workloads.py"
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
PATIENCE_S = 60
TIMEOUT_S = 20
"""Far less than torch.distributed waits for a rank that has gone."""


def trial(settings=None, **changes):
    return TrialSpec(
        **{
            "scenario": "summed", "module": "benchsuite_user_ranked", "file": str(FILE), "settings": settings or {},
            "pass_": "timing", "task_module": "benchsuite_user_ranked", "task_file": str(FILE),
            "task_attribute": "task", "threads": 1, "ranks": 2, **changes,
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def zygote():
    started = Zygote({})
    yield started
    started.stop()


@pytest.fixture
def start(zygote):
    """Return a function that starts a trial's worker; every one is ended at last."""
    workers = []

    def started(spec, starter=None):
        worker = (starter or zygote).start()
        workers.append(worker)
        worker.send(spec.to_json())
        return worker

    yield started
    for worker in workers:
        worker.end()


def followers_of(worker):
    return psutil.Process(worker.pid).children()


def demand_dead(process):
    """Wait for an orphan's end: whoever adopts it may take a while to reap it."""
    deadline = time.monotonic() + TIMEOUT_S
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def turns(worker, count=3, steps=5):
    for _ in range(count):
        worker.send({"do": "turn", "steps": steps, "counts": True})
        message = worker.receive(TIMEOUT_S)
        if message["event"] != "turn":
            return message
    worker.send({"do": "finish"})
    return worker.receive(TIMEOUT_S)


def outcome(worker):
    """Return how a trial ends that takes a few turns."""
    message = worker.receive(TIMEOUT_S)
    return turns(worker) if message["event"] == "ready" else message


def test_ranks_do_every_step_together(start):
    result = outcome(start(trial()))
    assert result["event"] == "result", result
    found = result["metrics"]
    # The first step, the warm-up and three turns of five.
    assert found["steps"] == found["steps_1"] == 1 + len(result["warmup_ns"]) + 15
    assert found["same_draw"], "every rank is seeded alike"
    assert len(result["step_ns"]) == 15
    assert all(check["ok"] for check in result["checks"])
    assert (result["environment"]["ranks"], result["environment"]["backend"]) == (2, "cpu:gloo,cuda:gloo")


def test_a_follower_is_a_process_in_the_group_of_its_rank_0(start):
    worker = start(trial())
    found = outcome(worker)["metrics"]
    assert found["pid"] == worker.pid != found["pid_1"]
    assert found["group"] == found["group_1"] == worker.pid


@pytest.mark.skipif(len(CORES) < 2, reason="one core alone")
def test_each_rank_has_its_core_and_its_threads(start):
    found = outcome(start(trial(cores=tuple(CORES[:2]))))["metrics"]
    assert (found["core"], found["core_1"]) == tuple(CORES[:2])
    assert found["cores"] == found["cores_1"] == 1
    assert found["threads"] == found["threads_1"] == 1
    both = outcome(start(trial(threads=2)))["metrics"]
    assert both["threads"] == both["threads_1"] == 2
    assert both["cores"] == both["cores_1"] == len(CORES)


def test_heap_operators_and_flops_are_those_of_all_ranks(start, tmp_path):
    def metrics(pass_, num_ranks):
        spec = trial(
            {"held_mib": 8}, scenario="hungry", pass_=pass_, ranks=num_ranks, artifacts=str(tmp_path)
        )
        result = start(spec).receive(PATIENCE_S)
        assert result["event"] == "result", result
        return result["metrics"]

    for pass_, name in (("memory", "peak_heap"), ("operators", "flops")):
        one, two = metrics(pass_, 1)[name], metrics(pass_, 2)[name]
        # Each rank holds its own 8 MiB, and does the same product of matrices.
        assert one > 0
        assert two == pytest.approx(2 * one, rel=0.05)
    assert [path.name for path in tmp_path.iterdir()] == ["trace.json.gz"]


@pytest.mark.parametrize(
    ("settings", "event", "said"),
    [
        ({"kind": "raises_in_build"}, "failed", "rank 1: RuntimeError: planted: no build (ranked_workloads.py:"),
        ({"kind": "raises_in_step"}, "failed", "rank 1: RuntimeError: planted: the step broke"),
        ({"kind": "raises_in_step", "at_rank": 0}, "failed", "RuntimeError: planted: the step broke"),
        ({"kind": "raises_in_check"}, "failed", "rank 1: ValueError: planted: the check broke"),
        ({"kind": "fails_check"}, "failed", "rank 1: check failed: a fact is 1, must be <= 0"),
        ({"kind": "crashes"}, "failed", "rank 1 crashed with SIGSEGV; last words: "),
        ({"kind": "crashes"}, "failed", "planted: about to crash"),
        ({"kind": "exits"}, "failed", "rank 1 exited with code 7"),
        ({"kind": "skips"}, "skipped", "planted: not on this rank"),
        ({"kind": "skips", "at_rank": 0}, "skipped", "planted: not on this rank"),
    ],
)  # fmt: skip
def test_a_fault_on_one_rank_ends_the_trial_with_its_cause(start, settings, event, said):
    worker = start(trial(settings))
    message = outcome(worker)
    assert message["event"] == event
    assert said in message["reason"]
    assert "Traceback" not in message["reason"].partition("; last words")[0]


def test_a_follower_that_is_killed_is_told_at_once(start):
    worker = start(trial())
    assert worker.receive(TIMEOUT_S)["event"] == "ready"
    (second,) = followers_of(worker)
    second.kill()
    second.wait(TIMEOUT_S)  # rank 0 has reaped it: no zombie is left
    assert followers_of(worker) == []
    # It died between two turns: the next one is answered with what has happened.
    message = turns(worker)
    assert message["event"] == "failed"
    assert message["reason"].startswith("rank 1 was killed by SIGKILL")


def test_no_follower_outlives_a_good_trial(start):
    worker = start(trial())
    worker.receive(TIMEOUT_S)
    (second,) = followers_of(worker)
    assert turns(worker)["event"] == "result"
    assert not second.is_running()


def test_ending_a_worker_ends_its_followers(start):
    worker = start(trial())
    worker.receive(TIMEOUT_S)
    (second,) = followers_of(worker)
    worker.end()
    demand_dead(second)


def test_followers_die_with_rank_0_however_it_dies(start):
    worker = start(trial())
    worker.receive(TIMEOUT_S)
    (second,) = followers_of(worker)
    os.kill(worker.pid, signal.SIGKILL)  # rank 0 alone, not its group
    demand_dead(second)


def test_a_fresh_interpreter_has_followers_too(start):
    spawner = Spawner({})
    try:
        worker = start(trial(), spawner)
        assert worker.receive(PATIENCE_S)["event"] == "ready"
        assert turns(worker)["event"] == "result"
        worker.end()
    finally:
        spawner.stop()


@pytest.mark.slow
def test_two_ranks_start_about_as_fast_as_one(start):
    def seconds(spec):
        began = time.monotonic()
        worker = start(spec)
        assert worker.receive(TIMEOUT_S)["event"] == "ready"
        worker.end()
        return time.monotonic() - began

    alone = min(seconds(trial(scenario="alone", ranks=1)) for _ in range(3))
    together = min(seconds(trial()) for _ in range(3))
    # Rank by rank in interpreters of their own takes a hundred times as long.
    assert together < 20 * alone


def test_what_is_counted_adds_up_over_ranks_and_a_share_does_not():
    team = ranks.Team(trial(), metrics=[{"leak": 8.0, "memray_overhead": 0.5, "device_idle_share": 0.9}])
    own = {"leak": 4.0, "memray_overhead": 0.1, "device_idle_share": 0.2}
    assert team.total({"metrics": own})["metrics"] == {**own, "leak": 12.0}


def test_elsewhere_ranks_are_skipped(monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    duties = follower.Duties(
        lambda spec: None, lambda spec: Workload(lambda: None, lambda: ()), lambda spec: {}
    )
    with pytest.raises(Skip, match="on Linux alone"), ranks.assembled(trial(), None, duties):
        pass


@given(st.lists(st.integers(0, 99), unique=True, max_size=9).map(tuple), st.integers(1, 5))
def test_cores_are_shared_out_fairly(cores, num_ranks):
    shares = [follower.share(cores, rank, num_ranks) for rank in range(num_ranks)]
    assert len({len(share) for share in shares}) == 1
    assert set().union(*shares) <= set(cores)
    if len(cores) >= num_ranks:
        used = [core for share in shares for core in share]
        assert len(used) == len(set(used)) > len(cores) - num_ranks
    else:
        assert all(len(share) == min(1, len(cores)) for share in shares)


def test_what_is_counted_is_added_up_and_a_share_is_rank_0s():
    followers = [
        {"flops": 3.0, "profiler_overhead": 0.5},
        {"flops": 4.0, "device_idle_share": 0.9, "kernels": 1.0},
    ]
    team = ranks.Team(trial(), metrics=followers)
    total = team.total({"metrics": {"flops": 2.0, "profiler_overhead": 0.1, "device_idle_share": 0.2}})
    assert total["metrics"] == {
        "flops": 9.0,
        "kernels": 1.0,
        "profiler_overhead": 0.1,
        "device_idle_share": 0.2,
    }
