"""What torch.compile imports: learnt once a machine, and timed as a user's own fresh process pays for it.

A zygote has imported all of it before it forks: no first step that is timed in its children holds these seconds.
"""

from __future__ import annotations

import os
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

import torch

from benchsuite.worker import compilation

if TYPE_CHECKING:
    from benchsuite.task import Task

EXAMPLE_SIZE = 2


def run(task: Task, *, cuda: bool) -> dict[str, Any]:
    """Return the part of a result that says what was measured, or that it was learnt what there is to measure."""
    if compilation.has_remembered():
        return {"compiler_imports": measure(task)}
    learn(cuda=cuda)
    if compilation.has_remembered():
        return {"learnt": True}
    return {"reason": "the list of what it is could not be kept on this machine"}


def learn(*, cuda: bool) -> None:
    """Compile a forward and a backward pass, and keep the names of what that has imported."""
    os.environ[compilation.CACHE_VARIABLE] = os.environ[compilation.LASTING_VARIABLE]
    device = "cuda" if cuda else "cpu"
    model = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.ReLU(), torch.nn.Linear(8, 8)).to(device)
    compiled = torch.compile(lambda inputs: model(inputs).sum())
    compiled(torch.ones(EXAMPLE_SIZE, 8, device=device)).backward()
    compilation.remember_imports()


def measure(task: Task) -> dict[str, float]:
    """Return in ns how long a loop that compiles imports what the eager one does not need, by phase.

    Only for a fresh interpreter. What the task imports by itself, and to train what the first optimizer does,
    the eager loop pays too.
    """
    model = task.make_model().eval()
    with torch.inference_mode():
        model(task.example_batch(EXAMPLE_SIZE)[0])
    began_ns = perf_counter_ns()
    _step_once()
    stepped_ns = perf_counter_ns()
    compilation.import_remembered()
    done_ns = perf_counter_ns()
    return {"train": float(done_ns - stepped_ns), "infer": float(done_ns - began_ns)}


def _step_once() -> None:
    weight = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.1)
    weight.sum().backward()
    optimizer.step()
