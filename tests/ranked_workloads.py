"""Scenarios of several ranks that behave, and such that do not."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from typing import Literal

from benchsuite import Check, ProcessSpec, Skip, Task, Workload, grid, scenario

Kind = Literal[
    "none", "raises_in_build", "raises_in_step", "raises_in_check", "fails_check", "crashes", "exits", "skips"
]


class NoTask(Task):
    name = "none"

    def make_model(self):
        raise NotImplementedError

    def example_batch(self, size):
        raise NotImplementedError


task = NoTask()


@dataclass(frozen=True, slots=True)
class Settings:
    kind: Kind = "none"
    at_rank: int = 1
    """Where the fault is planted."""


@scenario(
    question="Do ranks work together?",
    variants=grid(Settings, kind=list(Kind.__args__)) + grid(Settings, kind=["raises_in_step"], at_rank=[0]),
    compare="kind",
    process=lambda s: ProcessSpec(threads=1, ranks=2),
)
def summed(settings, task):
    import torch
    from torch import distributed

    rank = distributed.get_rank()
    kind = settings.kind if rank == settings.at_rank else "none"
    if kind == "skips":
        raise Skip("planted: not on this rank")
    if kind == "raises_in_build":
        raise RuntimeError("planted: no build")
    drawn, done = torch.rand(4), []
    total = torch.empty(4)
    limit = 1.0 if kind == "fails_check" else 0.0

    def step():
        if kind == "raises_in_step":
            raise RuntimeError("planted: the step broke")
        if kind == "crashes":
            sys.stderr.write("planted: about to crash\n")
            sys.stderr.flush()
            os.kill(os.getpid(), signal.SIGSEGV)
        if kind == "exits":
            os._exit(7)
        total.fill_(rank + 1)
        distributed.all_reduce(total)
        done.append(1)

    def check():
        if kind == "raises_in_check":
            raise ValueError("planted: the check broke")
        everyone = [None] * distributed.get_world_size()
        mine = {
            "steps": len(done),
            "drawn": drawn.tolist(),
            "threads": torch.get_num_threads(),
            "cores": sorted(os.sched_getaffinity(0)),
            "pid": os.getpid(),
            "group": os.getpgid(0),
        }
        distributed.all_gather_object(everyone, mine)
        for name in ("steps", "threads", "pid", "group"):
            metrics[name] = everyone[0][name]
            metrics[f"{name}_1"] = everyone[1][name]
        metrics["same_draw"] = everyone[0]["drawn"] == everyone[1]["drawn"]
        metrics["core"], metrics["core_1"] = everyone[0]["cores"][0], everyone[1]["cores"][0]
        metrics["cores"], metrics["cores_1"] = len(everyone[0]["cores"]), len(everyone[1]["cores"])
        return [Check("a fact", limit, 0.0, "<="), Check("sum", total[0].item(), 3.0, ">=")]

    metrics = {}
    return Workload(step, check, metrics=metrics, close=distributed.barrier)


@dataclass(frozen=True, slots=True)
class Alone:
    width: int = 1


@scenario(question="How does one process start?", variants=[Alone()])
def alone(settings, task):
    return Workload(lambda: None, lambda: [Check("a fact", 0.0, 0.0, "<=")])


@dataclass(frozen=True, slots=True)
class Hunger:
    held_mib: int = 8


@scenario(
    question="How much do all ranks hold?",
    variants=[Hunger()],
    process=lambda s: ProcessSpec(threads=1, ranks=2),
)
def hungry(settings, task):
    import torch

    held = torch.ones(settings.held_mib * 2**18)
    left = torch.ones(64, 64)
    return Workload(lambda: left @ left, lambda: [Check("held", float(held.sum() == 0), 0.0, "<=")])
