from __future__ import annotations

from pathlib import Path

import pytest

from benchsuite import Skip, Task, demand
from benchsuite.errors import UsageError
from benchsuite.task import identity


class Smallest(Task):
    name = "mine"

    def make_model(self):
        return "model"

    def example_batch(self, size):
        return size, size


@pytest.mark.parametrize("missing", ["make_model", "example_batch"])
def test_a_model_and_an_example_batch_are_compulsory(missing):
    incomplete = type(
        "Incomplete",
        (Task,),
        {"name": "x", "make_model": 1, "example_batch": 1} | {missing: getattr(Task, missing)},
    )
    with pytest.raises(TypeError, match=missing):
        incomplete()


@pytest.mark.parametrize(
    ("call", "lacking"),
    [
        (lambda task: task.loss(None, None), "loss"),
        (lambda task: task.dataset("train"), "dataset"),
        (lambda task: task.metrics(None, None), "metrics"),
    ],
)
def test_what_a_task_lacks_skips_with_the_reason(call, lacking):
    with pytest.raises(Skip) as caught:
        call(Smallest())
    assert str(caught.value) == f"task 'mine' has no {lacking}"


def test_a_task_without_a_choice_of_data_says_so():
    with pytest.raises(UsageError) as caught:
        Smallest().with_data("mnist", Path("data"))
    assert str(caught.value) == "task 'mine' offers no choice of data: --dataset mnist in data cannot be used"
    with pytest.raises(UsageError, match="--dataset mnist cannot be used"):
        Smallest().with_data("mnist", None)


def test_a_task_without_data_needs_no_preparation():
    assert Smallest().prepare() is None
    assert Smallest().data_fingerprint() == {"dataset": "example batches"}


def test_a_task_is_known_by_its_name_and_its_data():
    assert identity(Smallest()) == {"task_name": "mine", "data": {"dataset": "example batches"}}


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        (5, {}, "the task's name is 5: a string is needed"),
        ("", {}, "the task's name is '': one line of plain text is needed"),
        ("a\nb", {}, r"the task's name is 'a\nb': one line"),
        ("a\ud800", {}, r"the task's name is 'a\ud800': one line"),
        ("x", 7, "the task's data_fingerprint returned 7: a dictionary of strings is needed"),
        ("x", {1: "a"}, "a key of the task's data_fingerprint is 1: a string is needed"),
        ("x", {"a": object}, "'a' in the task's data_fingerprint is <class 'object'>: a string is needed"),
    ],
)
def test_a_task_that_no_header_can_hold_is_refused(name, data, said):
    task = Smallest()
    task.name, task.data_fingerprint = name, lambda: data
    with pytest.raises((TypeError, ValueError)) as caught:
        identity(task)
    assert str(caught.value).startswith(said)


def test_what_a_task_lacks_skips_the_variant_that_demands_it():
    demand(Smallest(), "make_model")
    with pytest.raises(Skip, match="task 'mine' has no tensors"):
        demand(Smallest(), "make_model", "tensors")


def test_a_task_that_does_not_derive_from_the_protocol_is_asked_too():
    class Duck:
        name = "duck"

        def loss(self, *_tensors):
            return 0

    demand(Duck(), "loss")
    with pytest.raises(Skip, match="task 'duck' has no dataset"):
        demand(Duck(), "loss", "dataset")
