from __future__ import annotations

import json

import pytest

from benchsuite.environment import read_machine
from benchsuite.errors import NotComparableError, UsageError
from benchsuite.gate.self_test.decisions import (
    DECISIONS_FILE,
    PLAN_FILE,
    Decision,
    SelfTest,
    SelfTestDirectory,
)
from benchsuite.gate.self_test.plan import Counts, make_plan
from benchsuite.gate.verdict import Finding

BATCHES = make_plan((0, 2), 1, counts=Counts(identical=8, slowdowns=((0.05, 4),), exact=1, controls=2))
HEADER = SelfTest(
    started="2026-11-23T12:00:00+00:00", seed=1, loads=(0, 2), batches=BATCHES, versions={"torch": "2.15.0"},
    commit=None, machine=read_machine(), device="cuda",
)  # fmt: skip


@pytest.fixture
def directory(tmp_path):
    return SelfTestDirectory.create(tmp_path / "self-test", HEADER)


def decisions_of(batch):
    """One decision for each variant of a batch, of each kind of value that JSON cannot hold."""
    return [
        Decision(
            batch=batch.number, part=batch.part, load=batch.load, variant=planned.variant, plant=planned.plant,
            findings=(
                Finding(
                    scenario="train", variant=planned.variant, metric="step_time", verdict="inconclusive",
                    interval=(0.9, float("inf")), screening_ratios=(1.0, 1.1), seconds=4.5,
                ),
            ),
            rivals={"criterion": "same"}, batch_seconds=31.5, run="runs/1",
        )
        for planned in batch.decisions
    ]  # fmt: skip


def test_a_header_is_read_back(directory):
    assert SelfTestDirectory(directory.path).header() == HEADER


def test_a_header_that_names_no_device_is_of_a_cpu(directory):
    path = directory.path / PLAN_FILE
    document = json.loads(path.read_text())
    del document["device"]
    path.write_text(json.dumps(document))
    assert directory.header().device == "cpu"


def test_decisions_are_read_back(directory):
    made = decisions_of(BATCHES[0])
    directory.append(made)
    assert list(directory.decisions(BATCHES)) == made


def test_a_batch_that_was_not_finished_has_no_decisions(directory):
    directory.append(decisions_of(BATCHES[0])[1:])
    assert directory.decisions(BATCHES) == ()


def test_one_self_test_does_not_overwrite_another(directory):
    with pytest.raises(UsageError, match="--resume"):
        SelfTestDirectory.create(directory.path, HEADER)


def test_there_must_be_something_to_resume(tmp_path):
    with pytest.raises(UsageError, match="no self-test is there"):
        SelfTestDirectory(tmp_path).header()


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("schema", None, "schema"),
        ("batches", [{"number": 0}], "batches.0.part: field required"),
        ("loads", "none", "loads: "),
        ("machine", {}, "machine.cpu_model: field required"),
        ("device", "tpu", "device: input should be 'cpu' or 'cuda'"),
    ],
)
def test_a_damaged_header_is_told_with_the_place(directory, key, value, said):
    path = directory.path / PLAN_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(UsageError, match=rf"{PLAN_FILE}: not a self-test's header \(.*{said}"):
        directory.header()


def test_a_newer_header_is_refused(directory):
    path = directory.path / PLAN_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": 99}))
    with pytest.raises(NotComparableError, match="schema 99"):
        directory.header()


@pytest.mark.parametrize(
    "change", [{"findings": [3]}, {"plant": "none"}, {"load": "much"}, {"findings": None}]
)
def test_a_damaged_decision_is_told_with_its_line_and_place(directory, change):
    directory.append(decisions_of(BATCHES[0]))
    path = directory.path / DECISIONS_FILE
    first, *others = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps(json.loads(first) | change), *others, ""]))
    with pytest.raises(UsageError, match=rf"line 1: not a decision \({next(iter(change))}"):
        directory.decisions(BATCHES)
