"""Batches, through a command that stands in for the gate."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from benchsuite.environment import read_machine
from benchsuite.errors import UsageError
from benchsuite.gate.self_test.decisions import DECISIONS_FILE, SelfTest, SelfTestDirectory
from benchsuite.gate.self_test.gate_command import GateFailedError
from benchsuite.gate.self_test.plan import Counts, make_plan
from benchsuite.gate.self_test.runner import run_batches

FAKE = (sys.executable, str(Path(__file__).with_name("fake_gate.py")))
COUNTS = Counts(identical=14, slowdowns=((0.05, 6), (0.03, 6)), exact=1, controls=2)
BATCHES = make_plan((0,), 1, counts=COUNTS)


class Notes(list):
    note = list.append


@pytest.fixture
def log(tmp_path, monkeypatch):
    folder = tmp_path / "log"
    folder.mkdir()
    monkeypatch.setenv("FAKE_GATE_LOG", str(folder))
    # A killed self-test leaves its project behind, in a folder that pytest removes.
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return folder


@pytest.fixture
def directory(tmp_path):
    header = SelfTest(
        started="2026-11-23T12:00:00+00:00",
        seed=1,
        loads=(0,),
        batches=BATCHES,
        versions={},
        commit=None,
        machine=read_machine(),
    )
    return SelfTestDirectory.create(tmp_path / "self-test", header)


def run(directory, **options):
    notes = Notes()
    return run_batches(BATCHES, directory, notes, command=FAKE, **options), notes


def decided(directory):
    return Counter(decision.batch for decision in directory.decisions(BATCHES))


WHOLE = Counter({batch.number: len(batch.decisions) for batch in BATCHES})


def calls(log):
    return [json.loads((log / f"{i}.json").read_text()) for i in range(len(list(log.iterdir())))]


def test_every_decision_is_made_and_kept(directory, log):
    assert len(BATCHES) == 5
    failures, notes = run(directory)
    assert failures == 0
    assert decided(directory) == WHOLE
    assert len(notes) == len(BATCHES)
    for decision in directory.decisions(BATCHES):
        (finding,) = decision.findings
        assert (finding.verdict == "regression") == (decision.plant.kind != "none")
        assert decision.seconds == 2
        assert decision.batch_seconds == 9
        assert (directory.path / decision.run / "run.json").is_file()


def test_the_gate_is_asked_as_a_user_would_ask_it(directory, log):
    run(directory)
    for batch, call in zip(BATCHES, calls(log), strict=True):
        assert call["-k"] == [planned.variant for planned in batch.decisions]
        assert call["--seed"] == [str(batch.seed)]
        assert call["--only-scenarios"] == ["bench.py"]
        assert call["--metric"] == (["step_time"] if batch.part == "time" else call["--metric"])
        assert ("step_time" in call["--metric"]) == (batch.part == "time")


def test_a_limit_leaves_the_rest_to_the_next_time(directory, log):
    run(directory, limit=2)
    assert set(decided(directory)) == {0, 1}
    run(directory)
    assert decided(directory) == WHOLE
    assert len(calls(log)) == len(BATCHES)


@pytest.mark.parametrize("trouble", ["end with 2", "end with 70", "babble", "forget one"])
def test_a_gate_without_a_verdict_is_told_and_decides_nothing(directory, log, monkeypatch, trouble):
    monkeypatch.setenv("FAKE_GATE", trouble)
    monkeypatch.setenv("FAKE_GATE_AT", "1")
    failures, notes = run(directory)
    assert failures == 1
    assert decided(directory) == Counter({n: count for n, count in WHOLE.items() if n != 1})
    told = [note for note in notes if "decided nothing" in note]
    assert len(told) == 1
    if "end" in trouble:
        assert "something went wrong" in told[0]
        assert trouble.rpartition(" ")[2] in told[0]
    monkeypatch.setenv("FAKE_GATE", "")
    assert run(directory)[0] == 0
    assert decided(directory) == WHOLE


@pytest.mark.parametrize("code", [1, 3, 4, 5])
def test_a_verdict_is_one_whatever_the_exit_code(directory, log, monkeypatch, code):
    fake = Path(FAKE[1]).read_text().replace("sys.exit(1 if plants else 0)", f"sys.exit({code})")
    path = log.parent / "fake.py"
    path.write_text(fake)
    run_batches(BATCHES, directory, Notes(), limit=1, command=(sys.executable, str(path)))
    assert set(decided(directory)) == {0}


def test_it_gives_up_where_every_gate_fails(directory, log, monkeypatch):
    monkeypatch.setenv("FAKE_GATE", "end with 2")
    monkeypatch.setenv("FAKE_GATE_AT", "1,2,3,4")
    with pytest.raises(GateFailedError, match="something went wrong"):
        run(directory)
    assert len(calls(log)) == 4
    assert set(decided(directory)) == {0}


def appears(path):
    for _ in range(200):
        if path.exists():
            return True
        time.sleep(0.05)
    return False


SCRIPT = """
import pathlib, sys
from benchsuite.gate.self_test.decisions import SelfTestDirectory
from benchsuite.gate.self_test.runner import run_batches
class Quiet:
    def note(self, text): pass
kept = SelfTestDirectory(pathlib.Path(sys.argv[1]))
run_batches(kept.header().batches, kept, Quiet(), command=sys.argv[2:])
"""


@pytest.mark.parametrize(("trouble", "code"), [("kill the self-test", -9), ("interrupt the self-test", -2)])
def test_what_was_decided_survives_and_nothing_is_decided_twice(directory, log, monkeypatch, trouble, code):
    monkeypatch.setenv("FAKE_GATE", trouble)
    monkeypatch.setenv("FAKE_GATE_AT", "2")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(directory.path), *FAKE],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == code, done.stderr
    assert decided(directory) == Counter({0: WHOLE[0], 1: WHOLE[1]})
    # The gate was told, and had the time to end its workers and to remove its worktree.
    assert appears(log.parent / "cleaned up")
    run(directory)
    assert decided(directory) == WHOLE
    assert len(calls(log)) == len(BATCHES) + 1
    lines = (directory.path / DECISIONS_FILE).read_text().splitlines()
    assert len(lines) == sum(WHOLE.values())


def test_a_torn_batch_is_decided_again(directory, log):
    run(directory, limit=2)
    path = directory.path / DECISIONS_FILE
    path.write_bytes(path.read_bytes()[:-40])
    assert set(decided(directory)) == {0}
    run(directory)
    assert decided(directory) == WHOLE
    variants = Counter((d.batch, d.variant) for d in directory.decisions(BATCHES))
    assert set(variants.values()) == {1}


def test_a_damaged_line_is_told_with_its_number(directory, log):
    run(directory, limit=1)
    path = directory.path / DECISIONS_FILE
    path.write_text("{}\n" + path.read_text())
    with pytest.raises(UsageError, match="line 1: not a decision"):
        directory.decisions(BATCHES)
