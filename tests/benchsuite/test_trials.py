from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from benchsuite import CUDA, ProcessSpec, Workload, scenario
from benchsuite.origin import Origin
from benchsuite.trials import Options, Trials
from benchsuite.worker.protocol import CodeSide


@dataclass(frozen=True)
class Settings:
    width: int = 1


@pytest.fixture
def spec():
    """Return a function from a process and what the user chose to the specification of a timing trial."""

    def make(process, repetition=0, cores=(3, 4, 5, 6), requires=(), code=None, **options):
        made = scenario(
            question="Is it told?",
            variants=[Settings()],
            process=lambda s: process,
            requires=lambda s: requires,
        )(lambda settings, task: Workload(lambda: None, list))
        origin = Origin("module", "file.py")
        trials = Trials(
            Options(task="t", task_origin=origin, task_attribute="task", **options), cores, Path(), code
        )
        return trials.timing(made.described()[0], origin, repetition)

    return make


def test_one_process_has_the_threads_and_cores_that_there_are(spec):
    found = spec(ProcessSpec())
    assert (found.ranks, found.threads, found.cores) == (1, 4, (3, 4, 5, 6))


@pytest.mark.parametrize(
    ("process", "options", "threads", "cores"),
    [
        (ProcessSpec(ranks=2), {}, 2, (3, 4, 5, 6)),
        (ProcessSpec(ranks=2), {"threads": 1}, 1, (3, 4)),
        (ProcessSpec(ranks=2, threads=1), {"threads": 3}, 1, (3, 4)),
        (ProcessSpec(ranks=2, threads=4), {}, 4, (3, 4, 5, 6)),
        (ProcessSpec(ranks=8), {}, 1, (3, 4, 5, 6)),
    ],
)
def test_threads_are_those_of_each_rank_and_cores_those_of_all(spec, process, options, threads, cores):
    found = spec(process, **options)
    assert (found.ranks, found.threads, found.cores) == (process.ranks, threads, cores)


def test_what_a_workload_forks_may_use_all_cores(spec):
    found = spec(ProcessSpec(threads=1))
    assert (found.cores, found.child_cores) == ((3,), (3, 4, 5, 6))


def test_cores_change_from_round_to_round(spec):
    process = ProcessSpec(ranks=2, threads=1)
    assert [spec(process, repetition).cores for repetition in range(5)] == [
        (3, 4), (4, 5), (5, 6), (6, 3), (3, 4),
    ]  # fmt: skip


def test_ranks_are_told_whether_they_work_on_gpus(spec):
    assert spec(ProcessSpec(ranks=2), requires=[CUDA]).cuda
    assert not spec(ProcessSpec(ranks=2)).cuda


def test_a_scenario_says_whether_freed_memory_is_kept_and_a_gate_keeps_it(spec):
    assert spec(ProcessSpec()).keeps_freed_memory
    plain = ProcessSpec(keeps_freed_memory=False)
    assert not spec(plain).keeps_freed_memory
    assert spec(
        plain, code=CodeSide(root="root", folder="root", places=(), other_root="other")
    ).keeps_freed_memory
