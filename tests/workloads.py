"""Scenarios that behave, and scenarios that do not: what real workers are tried with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Literal

from benchsuite import Check, ProcessSpec, Skip, Task, Workload, grid, scenario


class TinyTask(Task):
    name = "tiny"

    def make_model(self):
        import torch

        return torch.nn.Linear(8, 2)

    def example_batch(self, size):
        import torch

        return torch.ones(size, 8), torch.zeros(size, dtype=torch.long)


task = TinyTask()
HOLDS = Check("a fact", 1.0, 1.0, "<=")


@dataclass(frozen=True, slots=True)
class Speed:
    rounds: int = 1


@scenario(question="Does twice the work take longer?", variants=grid(Speed, rounds=[1, 3]), compare="rounds")
def steady(settings, task):
    import torch

    left = torch.ones(200, 200)

    def step():
        for _ in range(settings.rounds):
            left @ left

    return Workload(step, lambda: [HOLDS], items_per_step=7)


@dataclass(frozen=True, slots=True)
class Work:
    rounds: int = 9


def products(rounds):
    """Build the work of so many products: the shared loop of the two scenarios below."""
    import torch

    left = torch.ones(200, 200)

    def step():
        for _ in range(rounds):
            left @ left

    return Workload(step, lambda: [HOLDS])


@scenario(
    question="Does a third of the work pay?",
    variants=grid(Work, rounds=[9, 3]),
    compare="rounds",
    changes=lambda s: {"rounds": s.rounds},
)
def lighter(settings, task):
    return products(settings.rounds)


@scenario(
    question="What do the winners bring together?",
    variants=[Work()],
    compare="rounds",
    answer="stack",
    combines=True,
)
def combined(settings, task):
    return products(settings.rounds)


Kind = Literal[
    "none", "raises", "raises_in_check", "crashes", "exits", "killed", "hangs", "no_checks", "nan", "not_a_workload", "skips",
    "leaves_a_child", "closes", "no_items", "no_steps", "half_a_step", "no_direction", "loses_steps", "loose_check",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    kind: Kind = "none"


class LooseCheck(Check):
    """Takes what a check refuses."""

    def __post_init__(self):
        pass


def _fail(kind):
    if kind == "raises":
        raise RuntimeError("planted: the step broke")
    if kind == "crashes":
        sys.stderr.write("planted: about to crash\n")
        sys.stderr.flush()
        os.kill(os.getpid(), signal.SIGSEGV)
    if kind == "exits":
        os._exit(7)
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "hangs":
        time.sleep(3600)


@scenario(question="What becomes of a fault?", variants=grid(Fault, kind=list(Kind.__args__)), compare="kind")
def faulty(settings, task):
    kind = settings.kind
    if kind == "skips":
        raise Skip("planted: not here")
    if kind == "not_a_workload":
        return 1
    if kind == "leaves_a_child":
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)  # planted child"])

    def check():
        if kind == "raises_in_check":
            raise ValueError("planted: the check broke")
        if kind == "loose_check":
            return [LooseCheck("a fact", 1.0, 1.0, "==")]
        if kind == "no_direction":
            return [Check("a fact", 1.0, 1.0, "==")]
        return {"no_checks": [], "nan": [Check("a fact", float("nan"), 1.0, "<=")]}.get(kind, [HOLDS])

    wrong = {
        "no_items": {"items_per_step": 0},
        "no_steps": {"num_steps": 0},
        "half_a_step": {"num_steps": 2.5},
    }
    workload = Workload(lambda: _fail(kind), check, metrics={"loss": float("nan")}, **wrong.get(kind, {}))
    if kind == "loses_steps":
        workload.num_steps = 0
    if kind == "closes":
        workload.close = lambda: workload.metrics.update(closed=1.0)
    return workload


@dataclass(frozen=True, slots=True)
class Environment:
    spin: str = "0"


@scenario(
    question="Do variables reach the process?",
    variants=[Environment()],
    once=True,
    process=lambda s: ProcessSpec(env=(("PLANTED_VARIABLE", "reached"),), threads=1),
)
def in_environment(settings, task):
    reached = os.environ.get("PLANTED_VARIABLE") == "reached"
    return Workload(lambda: None, lambda: [Check("reached", float(reached), 1.0, ">=")])


@dataclass(frozen=True, slots=True)
class Length:
    steps: int = 5


@scenario(question="Is work of fixed length done once?", variants=[Length()], once=True, answer="reached")
def fixed_length(settings, task):
    done = []
    series = {"progress": []}

    def step():
        done.append(1)
        series["progress"].append((len(done), len(done) * 2.0))

    def check():
        return [
            Check("steps done", float(len(done)), 5.0, "<="),
            Check("steps done", float(len(done)), 5.0, ">="),
        ]

    return Workload(step, check, num_steps=settings.steps, series=series)


@scenario(question="Does what works beside a step rest between turns?", variants=[Environment()])
def rests(settings, task):
    state = {"pauses": 0, "paused": False, "stepped_while_paused": 0}

    def pause():
        state["pauses"] += 1
        state["paused"] = True

    def step():
        state["stepped_while_paused"] += state["paused"]

    def check():
        return [
            Check("stepped while paused", float(state["stepped_while_paused"]), 0.0, "<="),
            # Once before the others set up, and after each turn.
            Check("pauses", float(state["pauses"]), 2.0, ">="),
            Check("paused in the check", float(state["paused"]), 0.0, "<="),
        ]

    return Workload(step, check, pause=pause, resume=lambda: state.update(paused=False))


@dataclass(frozen=True, slots=True)
class Hunger:
    held_mib: int = 0
    lost_in_steps_mib: int = 0


@scenario(
    question="Is what is held found?",
    variants=[Hunger(), Hunger(held_mib=1), Hunger(held_mib=8), Hunger(lost_in_steps_mib=8)],
    compare="held_mib",
    within=("lost_in_steps_mib",),
)
def hungry(settings, task):
    import torch

    held = torch.zeros(settings.held_mib * 2**18)
    work = torch.ones(2**18)

    def step():
        # Freed at once: a peak during a step, not afterwards.
        torch.empty(settings.lost_in_steps_mib * 2**18)
        work.add_(1)

    return Workload(step, lambda: [Check("held", float(held.sum()), 0.0, "<=")])


@dataclass(frozen=True, slots=True)
class Leak:
    kind: Literal["none", "tensor", "object"] = "none"


@scenario(
    question="Is what a step keeps found?",
    variants=grid(Leak, kind=["none", "tensor", "object"]),
    compare="kind",
)
def leaky(settings, task):
    import torch

    kept = []

    def step():
        result = torch.ones(1000)
        if settings.kind == "tensor":
            kept.append(result)
        if settings.kind == "object":
            kept.append({"text": "x" * (1000 + len(kept))})
        # Long enough for all that a memory pass looks at.
        time.sleep(0.001)

    return Workload(step, lambda: [HOLDS])


@dataclass(frozen=True, slots=True)
class Nothing:
    width: int = 8


@scenario(question="Does a tiny training count as what it is?", variants=[Nothing()])
def trained(settings, task):
    import torch

    model = task.make_model()
    inputs, target = task.example_batch(4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def step():
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(inputs), target).backward()
        optimizer.step()

    return Workload(step, lambda: [HOLDS])


@scenario(question="What becomes of a run in which everything is skipped?", variants=[Nothing()])
def nowhere(settings, task):
    raise Skip("planted: nowhere")
