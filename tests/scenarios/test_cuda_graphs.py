from __future__ import annotations

import pytest
import torch
from torch._dynamo.utils import counters

from benchsuite import CUDA, CXX_COMPILER
from scenarios import loop as shared_loop
from scenarios.capture import Graph
from scenarios.cnn import CNN
from scenarios.cuda_graphs import NUM_CALLS, Settings, cuda_graphs, loop_settings
from scenarios.mnist import MnistTask, task

LAUNCHES = ["eager", "compiled", "graph", "graph-of-10"]


class Played:
    """Stands for a CUDA graph on a CPU: a replay runs the steps on what its buffers hold."""

    def __init__(self, train, inputs, targets, loss):
        self.work = train, inputs, targets
        self.loss = loss

    def replay(self):
        train, inputs, targets = self.work
        for batch in zip(inputs, targets, strict=True):
            self.loss.copy_(train(*batch))


def captured(train, inputs, target, num_steps):
    """Do on a CPU what `capture` does on a GPU, the steps that move the parameters included."""
    static = tuple(inputs.clone() for _ in range(num_steps))
    targets = tuple(target.clone() for _ in range(num_steps))
    loss = train(static[0], targets[0]).clone()
    return Graph(Played(train, static, targets, loss), static, targets, loss)


@pytest.fixture
def capturing(monkeypatch):
    """Return a function that puts another in the place of `capture`."""
    return lambda replacement: monkeypatch.setattr(shared_loop, "capture", replacement)


@pytest.mark.parametrize(("launch", "items"), [("eager", 100), ("graph", 100), ("graph-of-10", 1000)])
def test_each_launch_goes_where_the_plain_loop_goes(launch, items, capturing, failing):
    capturing(captured)
    workload = cuda_graphs.build(Settings(launch, "cpu"), task)
    assert workload.items_per_step == items
    workload.step()
    checks = workload.check()
    assert len(checks) == 2
    assert failing(checks) == set()


def test_a_graph_with_dropout_is_captured_once_more_at_rest(capturing, failing):
    class DropoutTask(MnistTask):
        def make_model(self):
            made.append(torch.nn.Sequential(CNN(), torch.nn.Dropout()))
            return made[-1]

    def noted(train, inputs, target, num_steps):
        captured_at_rest.append(not made[0].training)
        return captured(train, inputs, target, num_steps)

    made: list[torch.nn.Module] = []
    captured_at_rest: list[bool] = []
    capturing(noted)
    workload = cuda_graphs.build(Settings("graph", "cpu"), DropoutTask())
    assert failing(workload.check()) == set()
    assert captured_at_rest == [False, True]


@pytest.mark.parametrize("launch", ["graph", "graph-of-10"])
def test_a_graph_that_keeps_reading_its_first_batch_fails(launch, capturing, failing, monkeypatch):
    def stale(self, next_batch):
        for _ in self.inputs:
            next_batch()
        self.graph.replay()
        return self.loss

    capturing(captured)
    monkeypatch.setattr(Graph, "step", stale)
    workload = cuda_graphs.build(Settings(launch, "cpu"), task)
    assert failing(workload.check()) == {"update_error_against_eager"}


def test_a_graph_that_lacks_one_of_its_steps_fails(capturing, failing):
    def short(train, inputs, target, num_steps):
        graph = captured(train, inputs, target, num_steps)
        played = Played(train, graph.inputs[:-1], graph.targets[:-1], graph.loss)
        return Graph(played, graph.inputs, graph.targets, graph.loss)

    capturing(short)
    workload = cuda_graphs.build(Settings("graph-of-10", "cpu"), task)
    assert failing(workload.check()) == {"update_error_against_eager"}


def test_a_graph_that_captured_nothing_fails(capturing, failing):
    def nothing(train, inputs, target, num_steps):
        return captured(lambda *_: torch.zeros(()), inputs, target, num_steps)

    capturing(nothing)
    workload = cuda_graphs.build(Settings("graph", "cpu"), task)
    assert failing(workload.check()) == {"update_error_against_eager"}


def test_a_compiler_that_compiles_nothing_fails(monkeypatch, failing):
    counters.clear()
    monkeypatch.setattr(torch, "compile", lambda function, **_options: function)
    workload = cuda_graphs.build(Settings("compiled", "cpu"), task)
    assert failing(workload.check()) == {"compiled_graphs"}


def test_a_loss_that_is_nan_fails(nan_task, failing):
    checks = cuda_graphs.build(Settings("eager", "cpu"), nan_task).check()
    assert failing(checks) == {"loss_not_finite", "update_error_against_eager"}


def test_every_variant_needs_a_gpu_and_the_compiled_one_a_compiler():
    variants = {variant.settings["launch"]: variant for variant in cuda_graphs.described()}
    assert list(variants) == LAUNCHES
    assert all(CUDA in variant.requirements for variant in variants.values())
    assert [CXX_COMPILER in variant.requirements for variant in variants.values()] == [
        False,
        True,
        False,
        False,
    ]
    assert [variant.baseline for variant in variants.values()] == [True, False, False, False]


def test_what_a_winner_brings_into_a_combination_is_what_was_measured():
    for variant in cuda_graphs.described():
        settings = cuda_graphs.settings_from(variant.settings)
        made = loop_settings(settings)
        assert variant.changes == {"graph_steps": made.graph_steps, "compile_mode": made.compile_mode}
        assert made.conflict == ""


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("launch", LAUNCHES)
def test_on_a_gpu_each_launch_goes_where_the_plain_loop_goes(launch, failing):
    workload = cuda_graphs.build(Settings(launch), task)
    for _ in range(NUM_CALLS):
        workload.step()
    assert failing(workload.check()) == set()
