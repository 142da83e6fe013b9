"""What compiling imports, learnt and timed in real fresh interpreters."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace

import pytest

from benchsuite.compiler_imports import measure_imports
from benchsuite.origin import PROJECT_ROOT
from benchsuite.starters import Starters
from benchsuite.worker import compilation, compiler_imports
from benchsuite.worker.protocol import TrialSpec

TASK = """
import torch
from benchsuite import Task

class Plain(Task):
    name = "plain"

    def make_model(self):
        return torch.nn.Linear(4, 4)

    def example_batch(self, size):
        return torch.ones(size, 4), torch.zeros(size)

task = Plain()
"""


@pytest.fixture
def spec(tmp_path):
    file = tmp_path / "plain_task.py"
    file.write_text(TASK)
    return TrialSpec(
        scenario="", module="", file="", settings={}, pass_="imports", task_module="plain_task", task_file=str(file),
        task_attribute="task", paths=(str(PROJECT_ROOT), str(tmp_path)),
    )  # fmt: skip


@pytest.fixture
def lasting(tmp_path):
    folder = tmp_path / "lasting"
    folder.mkdir()
    return folder


@pytest.fixture
def starters(lasting):
    made = Starters(lasting)
    yield made
    made.close()


def test_training_has_imported_a_part_for_its_optimizer(starters, lasting, spec):
    names = ["torch._dynamo", "torch._inductor.compile_fx"]
    (lasting / compilation.IMPORTS_FILE).write_text(json.dumps(names))
    found, reason = measure_imports(starters, spec)
    assert reason == ""
    assert 0 < found["train"] < found["infer"]


@pytest.mark.slow
def test_what_compiling_imports_is_learnt_before_it_is_measured(starters, lasting, spec):
    found, reason = measure_imports(starters, spec)
    assert reason == ""
    assert 0 < found["train"] < found["infer"]
    names = json.loads((lasting / compilation.IMPORTS_FILE).read_text())
    assert {"torch._dynamo", "torch._inductor.codecache"} <= set(names)


def test_a_worker_that_fails_leaves_a_reason(starters, lasting, spec):
    (lasting / compilation.IMPORTS_FILE).write_text("[]")
    found, reason = measure_imports(
        starters, SimpleNamespace(to_json=lambda: {**spec.to_json(), "task_file": ""})
    )
    assert found == {}
    assert reason


class Answering:
    """Starters whose workers have these messages to give."""

    def __init__(self, *messages):
        self.messages = list(messages)
        self.renewed = 0

    def fresh(self):
        return SimpleNamespace(
            start=lambda: SimpleNamespace(
                send=lambda _: None, receive=lambda _: self.messages.pop(0), end=lambda: None
            ),
            stop=lambda: None,
        )

    def renew(self):
        self.renewed += 1


def test_zygotes_that_know_no_imports_are_replaced_before_the_first_round(spec):
    answering = Answering({"learnt": True}, {"compiler_imports": {"train": 1.0}})
    assert measure_imports(answering, spec) == ({"train": 1.0}, "")
    assert answering.renewed == 1


def test_what_could_not_be_learnt_is_not_measured(spec):
    answering = Answering({"reason": "no compiler"})
    assert measure_imports(answering, spec) == ({}, "no compiler")
    assert answering.renewed == 0


def test_a_list_that_cannot_be_kept_is_told(lasting, monkeypatch):
    monkeypatch.setenv(compilation.LASTING_VARIABLE, os.fspath(lasting))
    monkeypatch.setattr(compiler_imports, "learn", lambda *, cuda: None)
    assert "could not be kept" in compiler_imports.run(None, cuda=False)["reason"]


def test_a_worker_learns_once_and_measures_from_then_on(lasting, monkeypatch):
    monkeypatch.setenv(compilation.LASTING_VARIABLE, os.fspath(lasting))
    monkeypatch.setattr(
        compiler_imports, "learn", lambda *, cuda: (lasting / compilation.IMPORTS_FILE).write_text("[]")
    )
    monkeypatch.setattr(compiler_imports, "measure", lambda task: {"train": 1.0})
    assert compiler_imports.run(None, cuda=False) == {"learnt": True}
    assert compiler_imports.run(None, cuda=False) == {"compiler_imports": {"train": 1.0}}
