from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from benchsuite import CUDA, Requirement, Skip
from benchsuite.environment import unmet
from benchsuite.launcher import Zygote, can_fork
from benchsuite.worker.protocol import TrialSpec
from scenarios import parallel as module
from scenarios.cnn import CNN
from scenarios.mnist import task
from scenarios.parallel import Settings, parallel, split_point

HERE = Path(__file__).parent
MNIST = HERE.parents[1] / "scenarios" / "mnist.py"
TASKS = HERE / "ranked_tasks.py"
SPLITS = ["data", "pipeline"]
PATIENCE_S = 120

forks = pytest.mark.skipif(not can_fork(), reason="several ranks need a safe fork")


@pytest.fixture(scope="module")
def zygote():
    started = Zygote({})
    yield started
    started.stop()


@pytest.fixture
def outcome(zygote):
    """Return a function that runs a whole trial, a turn of three steps included, and returns its last message."""

    def run(settings, task_file=TASKS, attribute="task", **changes):
        spec = TrialSpec(
            **{
                "scenario": "parallel", "module": module.__name__, "file": module.__file__,
                "settings": {"split": settings.split, "threads": settings.threads, "device": settings.device},
                "pass_": "timing", "task_module": "benchsuite_user_tasks" if task_file == TASKS else "scenarios.mnist",
                "task_file": str(task_file), "task_attribute": attribute, "threads": settings.threads,
                "ranks": settings.ranks, "cuda": settings.device == "cuda", **changes,
            }
        )  # fmt: skip
        worker = zygote.start()
        try:
            worker.send(spec.to_json())
            message = worker.receive(PATIENCE_S)
            for request in ({"do": "turn", "steps": 3, "counts": True}, {"do": "finish"}):
                if message["event"] in {"ready", "turn"}:
                    worker.send(request)
                    message = worker.receive(PATIENCE_S)
            return message
        finally:
            worker.end()

    return run


@forks
@pytest.mark.parametrize("split", SPLITS)
def test_two_ranks_train_as_one_process_does(outcome, split):
    result = outcome(Settings(split), MNIST)
    assert result["event"] == "result", result
    assert [check["name"] for check in result["checks"] if not check["ok"]] == []
    assert len(result["checks"]) == 4
    assert result["items_per_step"] == 100
    assert len(result["step_ns"]) == 3


@pytest.mark.parametrize("threads", [1, 2])
def test_one_process_is_its_own_reference(threads, failing):
    torch.set_num_threads(threads)
    workload = parallel.build(Settings(threads=threads), task)
    workload.step()
    checks = workload.check()
    torch.set_num_threads(1)
    assert len(checks) == 3
    assert failing(checks) == set()


@forks
@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("attribute", ["perceptron", "dropped"])
def test_a_users_own_model_is_shared_out_too(outcome, split, attribute):
    result = outcome(Settings(split), attribute=attribute)
    assert result["event"] == "result", result
    assert all(check["ok"] for check in result["checks"])


@forks
@pytest.mark.parametrize(
    ("split", "attribute"),
    [
        ("data", "same_half"),
        ("data", "same_half_dropped"),
        ("data", "nothing_reduced"),
        ("pipeline", "summed_gradients"),
        ("pipeline", "summed_gradients_dropped"),
    ],
)
def test_ranks_that_do_not_do_the_work_of_one_process_fail(outcome, split, attribute):
    message = outcome(Settings(split), attribute=attribute)
    assert message["event"] == "failed"
    assert "check failed: update_error_against_one_process is" in message["reason"]


@forks
def test_more_threads_than_were_asked_for_fail(outcome):
    message = outcome(Settings("data"), MNIST, threads=2)
    assert "check failed: threads_are_1 is 0" in message["reason"]


@forks
@pytest.mark.parametrize(
    ("split", "attribute", "said"),
    [
        ("data", "normalised", "batch normalisation over a part of the batch is other work"),
        ("pipeline", "normalised", "batch normalisation over a part of the batch is other work"),
        ("pipeline", "one_module", "the model has no two modules to share out"),
        ("pipeline", "empty_half", "the model cannot be split before '1': one of the sides has nothing to train"),
        ("pipeline", "depends_on_data", "the model cannot be split before '1': "),
    ],
)  # fmt: skip
def test_a_model_that_cannot_be_shared_out_is_skipped_with_the_reason(outcome, split, attribute, said):
    message = outcome(Settings(split), attribute=attribute)
    assert message["event"] == "skipped"
    assert said in message["reason"]


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (CNN(), "block2"),
        (nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), "1"),
        (nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2), nn.ReLU())), "0.2"),
    ],
)
def test_the_second_half_begins_in_the_middle(model, name):
    assert split_point(model) == name


@given(st.integers(2, 20), st.integers(0, 3))
def test_as_many_children_stand_on_either_side(num_children, depth):
    model = nn.Sequential(*(nn.ReLU() for _ in range(num_children)))
    for _ in range(depth):
        model = nn.Sequential(model)
    *outside, begins = split_point(model).split(".")
    assert len(outside) == depth
    assert int(begins) in {num_children // 2, (num_children - 1) // 2}
    assert int(begins) >= 1


def test_a_model_without_children_has_no_halves():
    with pytest.raises(Skip, match="no two modules"):
        split_point(nn.Sequential(nn.ReLU()))


def test_what_needs_two_workers_says_so(monkeypatch):
    monkeypatch.setattr(module, "usable_cores", lambda: (3,))
    for settings in (Settings("data"), Settings("pipeline"), Settings(threads=2)):
        (requirement,) = parallel.requires(settings)
        assert "a core of its own" in unmet(requirement)
    assert not parallel.requires(Settings())
    monkeypatch.setattr(module, "usable_cores", lambda: (3, 4))
    assert not any(parallel.requires(Settings(split)) for split in SPLITS)
    assert parallel.requires(Settings("data", device="cuda")) == [CUDA, Requirement("cuda", "2")]


def test_ranks_and_threads_are_those_of_the_process():
    spec = {variant.id: variant.process for variant in parallel.described()}
    assert (spec["parallel[split=none]"].ranks, spec["parallel[split=none]"].threads) == (1, 1)
    assert (spec["parallel[split=none,threads=2]"].ranks, spec["parallel[split=none,threads=2]"].threads) == (
        1,
        2,
    )
    assert (spec["parallel[split=data]"].ranks, spec["parallel[split=data]"].threads) == (2, 1)


@forks
@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="fewer than two CUDA devices")
@pytest.mark.parametrize("split", SPLITS)
def test_two_gpus_train_as_one_does(outcome, split):
    result = outcome(Settings(split, device="cuda"), MNIST)
    assert result["event"] == "result", result
    assert all(check["ok"] for check in result["checks"])
    assert result["environment"]["backend"] == "cpu:gloo,cuda:nccl"
    assert result["device_ns"]
