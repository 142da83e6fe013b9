from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import scenarios.threads
from benchsuite import Skip
from benchsuite.environment import usable_cores
from benchsuite.origin import PROJECT_ROOT
from scenarios.loop import WAIT_POLICIES, _without_the_engine, process_of
from scenarios.mnist import task
from scenarios.threads import CORES, Settings, changes, loop_settings, thread_counts, threads

ALONE = """
from scenarios.mnist import task
from scenarios.threads import Settings, threads
import torch
torch.set_num_threads(1)
checks = threads.build(Settings(1, {policy!r}), task).check()
print(*(check.name for check in checks if not check.ok))
"""


@pytest.fixture
def num_threads():
    """Return a function that sets the number of threads, as the engine does for a worker."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@given(st.integers(1, 1024))
def test_thread_counts_go_from_one_to_two_for_each_core(cores):
    counts = thread_counts(cores)
    assert counts[0] == 1
    assert counts[-1] == 2 * cores
    assert cores in counts
    assert len(counts) <= 4
    assert list(counts) == sorted(set(counts))


@pytest.mark.parametrize(
    ("cores", "counts"),
    [(1, (1, 2)), (2, (1, 2, 4)), (4, (1, 2, 4, 8)), (6, (1, 2, 6, 12)), (64, (1, 8, 64, 128))],
)
def test_thread_counts_of_common_machines(cores, counts):
    assert thread_counts(cores) == counts


def test_at_most_seven_variants_of_which_one_spins_on_too_few_cores():
    variants = threads.described()
    assert len(variants) <= 7
    (baseline,) = [variant for variant in variants if variant.baseline]
    assert baseline.settings == {"num_threads": len(usable_cores()), "wait_policy": "default"}
    (crowded,) = [s for s in threads.variants if s.num_threads > CORES and s.wait_policy != "default"]
    assert crowded == Settings(2 * CORES, "active")


def test_the_baseline_waits_as_libgomp_does_where_nothing_is_set():
    display = subprocess.run(
        [sys.executable, "-c", "import torch"],
        env={k: v for k, v in os.environ.items() if not k.startswith(("GOMP_", "OMP_"))} | {"OMP_DISPLAY_ENV": "verbose"},
        capture_output=True, text=True, check=True,
    ).stderr  # fmt: skip
    said = re.search(r"GOMP_SPINCOUNT = '(\d+)'", display)
    if said is None:
        pytest.skip("this torch's OpenMP is not GNU's")
    assert WAIT_POLICIES["default"] == (("GOMP_SPINCOUNT", said[1]),)


@pytest.mark.parametrize(
    ("environ", "variables"),
    [
        ({}, (("GOMP_SPINCOUNT", "300000"),)),
        ({"OMP_WAIT_POLICY": "active"}, (("GOMP_SPINCOUNT", "300000"),)),
        ({"OMP_WAIT_POLICY": "passive"}, (("GOMP_SPINCOUNT", "0"),)),
        ({"GOMP_SPINCOUNT": "7777", "OMP_WAIT_POLICY": "PASSIVE"}, ()),
    ],
)
def test_the_baseline_keeps_what_the_user_has_set(environ, variables):
    assert _without_the_engine(environ) == variables


def test_processes_differ_by_their_threads_and_in_three_more_environments():
    processes = [variant.process for variant in threads.described()]
    assert [process.threads for process in processes] == [s.num_threads for s in threads.variants]
    assert len({process.env for process in processes}) == 4


def test_spinning_has_an_end():
    # It would otherwise go on through the turns of all other workers.
    assert int(dict(WAIT_POLICIES["active"])["GOMP_SPINCOUNT"]) < 10**6


@pytest.mark.parametrize("count", [1, 2, 4])
def test_any_number_of_threads_trains_alike(count, num_threads, failing):
    num_threads(count)
    workload = threads.build(Settings(count), task)
    workload.step()
    checks = workload.check()
    assert len(checks) == 4
    assert failing(checks) == set()
    assert torch.get_num_threads() == count
    assert workload.metrics.get("threads_per_core") == pytest.approx(count / len(os.sched_getaffinity(0)))


def test_another_number_of_threads_than_the_one_asked_for_fails(num_threads, failing):
    num_threads(2)
    assert failing(threads.build(Settings(1), task).check()) == {"threads_off_by"}


def test_threads_that_lose_a_part_of_the_sum_fail(num_threads, failing):
    class Lossy(type(task)):
        def loss(self, output, target):
            return super().loss(output, target) * (1 if torch.get_num_threads() == 1 else 0.999)

    num_threads(2)
    assert failing(threads.build(Settings(2), Lossy()).check()) == {"update_error_against_one_thread"}


@pytest.mark.skipif(sys.platform != "linux", reason="wait policies are varied on Linux only")
@pytest.mark.parametrize("policy", ["short", "active", "passive"])
def test_a_wait_policy_that_is_set_too_late_fails(policy, num_threads, failing, monkeypatch):
    for name, value in WAIT_POLICIES[policy]:
        monkeypatch.setenv(name, value)
    num_threads(1)
    assert failing(threads.build(Settings(1, policy), task).check()) == {"variables_not_set_at_the_start"}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="wait policies are varied on Linux only")
@pytest.mark.parametrize("policy", ["short", "active", "passive"])
def test_a_wait_policy_of_the_whole_process_holds(policy):
    env = os.environ | dict(process_of(loop_settings(Settings(1, policy))).env)
    code = ALONE.format(policy=policy)
    ran = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == ""


def test_a_torch_without_openmp_skips(monkeypatch):
    monkeypatch.setattr(torch.backends.openmp, "is_available", lambda: False)
    with pytest.raises(Skip, match="without OpenMP"):
        threads.build(Settings(1, "passive"), task)
    threads.build(Settings(1), task)


def test_wait_policies_do_not_apply_outside_linux(monkeypatch):
    monkeypatch.setattr(scenarios.threads.sys, "platform", "darwin")
    assert [r.kind for r in threads.requires(Settings(1, "active"))] == ["never"]
    assert threads.requires(Settings(1)) == []


def test_a_loss_that_is_nan_fails(nan_task, num_threads, failing):
    num_threads(1)
    checks = threads.build(Settings(1), nan_task).check()
    assert failing(checks) == {"loss_not_finite", "update_error_against_one_thread"}


def test_a_winner_brings_its_number_and_its_policy():
    assert changes(Settings(1)) == {"threads": 1, "wait_policy": "default"}
