"""The machine's ceilings, in a real forked worker."""

from __future__ import annotations

import time

import pytest
import torch

from benchsuite.ceilings import measure_ceilings
from benchsuite.launcher import can_fork
from benchsuite.starters import Starters
from benchsuite.worker import ceilings
from benchsuite.worker.protocol import TrialSpec

PLACES = ("cpu_1_thread", "cpu_all_threads")


@pytest.fixture(scope="module")
def starters():
    made = Starters(None)
    yield made
    made.renew()


def spec(**more):
    return TrialSpec(
        scenario="", module="", file="", settings={}, pass_="ceilings", task_module="", task_file="", task_attribute="", **more
    )  # fmt: skip


@pytest.mark.skipif(not can_fork(), reason="no safe fork here")
def test_a_worker_measures_every_ceiling(starters):
    found, reason = measure_ceilings(starters, spec(threads=2, cuda=torch.cuda.is_available()))
    assert reason == ""
    names = {f"{place}_{kind}_per_s" for place in PLACES for kind in ("flops", "copy_bytes")}
    assert names | {"cpu_operator_ns", "cpu_threads"} <= set(found)
    assert all(value > 0 for value in found.values())
    assert found["cpu_threads"] == 2
    for kind in ("flops", "copy_bytes"):
        assert found[f"cpu_all_threads_{kind}_per_s"] >= found[f"cpu_1_thread_{kind}_per_s"]
    assert any(name.startswith("cuda_") for name in found) == torch.cuda.is_available()


def test_a_worker_that_fails_leaves_a_reason(starters):
    found, reason = measure_ceilings(starters, spec(threads=-1))
    assert found == {}
    assert reason


def test_the_best_of_all_repetitions_counts():
    naps = iter([0.02, 0.0, 0.02])
    best_ns = ceilings._best_ns(lambda: time.sleep(next(naps)), budget_ns=0)
    assert best_ns < 10_000_000


def test_what_was_started_is_waited_for():
    calls = []
    ceilings._best_ns(lambda: calls.append("work"), 0, lambda: calls.append("wait"))
    assert calls == ["wait", "work", "wait"] * ceilings.REPETITIONS
