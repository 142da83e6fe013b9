from __future__ import annotations

import math
import random

import pytest

from benchsuite.launcher import WorkerError
from benchsuite.plan import start_order
from benchsuite.turns import ROUNDS, Launch, Length, run_group

STEP_NS = 2_000_000


class FakeWorker:
    """Answers as a worker would, and writes down what it was asked."""

    def __init__(
        self, name, log, *, num_steps=None, min_steps=20, step_ns=STEP_NS, fails_at=None, first=None,
        waited_ns=0,
    ):  # fmt: skip
        self.name, self.log = name, log
        self.first = first or {
            "event": "ready",
            "step_ns": step_ns,
            "num_steps": num_steps,
            "min_steps": min_steps,
        }
        self.step_ns, self.fails_at, self.waited_ns = step_ns, fails_at, waited_ns
        self.answers, self.turns, self.ended = [self.first], 0, False

    def send(self, message):
        self.log.append((self.name, message["do"], message.get("steps"), message.get("counts")))
        if message["do"] == "finish":
            self.answers.append({"event": "result", "items_per_step": 1})
            return
        self.turns += 1
        if self.turns == self.fails_at:
            raise WorkerError("planted: gone")
        elapsed_ns = message["steps"] * self.step_ns
        self.answers.append({"event": "turn", "elapsed_ns": elapsed_ns, "waited_ns": self.waited_ns})

    def receive(self, timeout_s):
        assert timeout_s > 0
        return self.answers.pop(0)

    def end(self):
        self.ended = True


def group(*workers, repetition=0, **options):
    return take_turns([lambda w=w: w for w in workers], repetition, **options)


def take_turns(starts, repetition=0, **options):
    starting = start_order(len(starts), repetition, "seed")
    rng = random.Random(f"seed/{repetition}")
    return run_group([Launch(start) for start in starts], starting, rng, timeout_s=9, **options)


def test_every_member_takes_as_many_turns_of_about_twenty_milliseconds():
    log = []
    outcomes = group(FakeWorker("a", log), FakeWorker("b", log, step_ns=40 * STEP_NS))
    assert [len(outcome.turns) for outcome in outcomes] == [ROUNDS, ROUNDS]
    assert {turn.steps for turn in outcomes[0].turns} == {10}
    assert {turn.steps for turn in outcomes[1].turns} == {1}
    assert outcomes[0].turns[0].elapsed_ns == 10 * STEP_NS


def test_what_a_turn_waited_is_kept():
    first, second = group(FakeWorker("a", [], waited_ns=700), FakeWorker("b", []))
    assert {turn.waited_ns for turn in first.turns} == {700}
    assert {turn.waited_ns for turn in second.turns} == {0}


@pytest.mark.parametrize(
    ("longest_ns", "rounds"),
    [
        (math.inf, 30),
        # Two members with turns of 20 ms: 40 ms a round.
        (30 * 40_000_000, 30),
        (17 * 40_000_000, 17),
        (17.9 * 40_000_000, 17),
        (40_000_000, 10),
        (0, 10),
    ],
)
def test_long_turns_are_taken_less_often_but_so_often_at_least(longest_ns, rounds):
    outcomes = group(FakeWorker("a", []), FakeWorker("b", []), length=Length(30, 10, longest_ns))
    assert [len(outcome.turns) for outcome in outcomes] == [rounds, rounds]


def test_only_members_that_take_turns_make_them_long():
    gone = FakeWorker("a", [], first={"event": "skipped", "reason": "not here"})
    outcomes = group(gone, FakeWorker("b", []), length=Length(30, 10, 25 * 20_000_000))
    assert len(outcomes[1].turns) == 25


def test_rounds_are_not_cut_where_nothing_says_so():
    (outcome,) = group(FakeWorker("a", [], step_ns=10_000_000_000))
    assert len(outcome.turns) == ROUNDS


def test_steps_for_percentiles_are_left_to_who_reports_them():
    (outcome,) = group(FakeWorker("a", [], min_steps=1000), length=Length(for_percentiles=False))
    assert {turn.steps for turn in outcome.turns} == {10}


def test_members_that_are_alike_take_equally_many_steps():
    workers = [
        FakeWorker("a", [], step_ns=STEP_NS),
        FakeWorker("b", [], step_ns=2 * STEP_NS),
        FakeWorker("canary", [], step_ns=4 * STEP_NS),
    ]
    outcomes = group(*workers, length=Length(alike=2))
    steps = [{turn.steps for turn in outcome.turns} for outcome in outcomes]
    assert steps == [{10}, {10}, {2}]


def test_who_has_left_does_not_say_how_many_steps_the_other_takes():
    gone = FakeWorker("a", [], first={"event": "failed", "reason": "planted"})
    outcomes = group(gone, FakeWorker("b", []), length=Length(alike=2))
    assert {turn.steps for turn in outcomes[1].turns} == {10}


def test_work_of_fixed_length_stays_as_long_beside_work_that_is_alike():
    fixed = FakeWorker("a", [], num_steps=4)
    outcomes = group(fixed, FakeWorker("b", []), length=Length(alike=2))
    assert [turn.steps for turn in outcomes[0].turns] == [1, 1, 1, 1]


def test_turns_are_ordered_over_all_members_and_alternate():
    outcomes = group(FakeWorker("a", []), FakeWorker("b", []))
    orders = sorted(turn.order for outcome in outcomes for turn in outcome.turns)
    assert orders == list(range(2 * ROUNDS))
    for a, b in zip(outcomes[0].turns, outcomes[1].turns, strict=True):
        assert a.order // 2 == b.order // 2
    first = [a.order < b.order for a, b in zip(outcomes[0].turns, outcomes[1].turns, strict=True)]
    assert sum(first) == ROUNDS / 2


def test_one_turn_warms_the_caches_and_does_not_count():
    log = []
    group(FakeWorker("a", log), FakeWorker("b", log))
    assert [entry for entry in log if entry[3] is False] == [
        ("a", "turn", 10, False),
        ("b", "turn", 10, False),
    ]
    assert [entry[3] for entry in log[:2]] == [False, False]


def test_more_steps_are_taken_where_percentiles_need_them():
    (outcome,) = group(FakeWorker("a", [], min_steps=1000))
    assert sum(turn.steps for turn in outcome.turns) >= 1000


def test_work_of_fixed_length_is_done_step_by_step_and_once():
    log = []
    outcome, canary = group(FakeWorker("a", log, num_steps=4, step_ns=0), FakeWorker("canary", log))
    assert [turn.steps for turn in outcome.turns] == [1, 1, 1, 1]
    assert len(canary.turns) == 4
    assert all(entry[3] is not False for entry in log)


@pytest.mark.parametrize("fails_at", [1, 2, ROUNDS])
def test_a_member_that_fails_leaves_and_the_others_go_on(fails_at):
    failing = FakeWorker("a", [], fails_at=fails_at)
    outcomes = group(failing, FakeWorker("b", []))
    assert outcomes[0].message == {"event": "failed", "reason": "planted: gone"}
    assert failing.ended
    assert outcomes[1].message["event"] == "result"
    assert len(outcomes[1].turns) == ROUNDS


def test_a_member_that_skips_or_fails_to_start_takes_no_turns():
    def broken():
        raise WorkerError("planted: no start")

    skipping = FakeWorker("a", [], first={"event": "skipped", "reason": "not here"})
    outcomes = take_turns([lambda: skipping, broken])
    assert outcomes[0].message["event"] == "skipped"
    assert outcomes[1].message == {"event": "failed", "reason": "planted: no start"}
    assert not outcomes[0].turns
    assert not outcomes[1].turns


def test_a_member_over_the_longest_step_is_left_out_with_its_reason():
    outcomes = group(
        FakeWorker("a", []), FakeWorker("b", [], step_ns=200_000_000), longest_step_ns=100_000_000
    )
    assert outcomes[0].message["event"] == "result"
    assert outcomes[1].message["event"] == "skipped"
    assert "200 ms" in outcomes[1].message["reason"]


def test_interrupting_ends_all_workers():
    class Interrupted(FakeWorker):
        def receive(self, timeout_s):
            if self.turns == 3:
                raise KeyboardInterrupt
            return super().receive(timeout_s)

    workers = [FakeWorker("a", []), Interrupted("b", [])]
    with pytest.raises(KeyboardInterrupt):
        group(*workers)
    assert all(worker.ended for worker in workers)


def test_over_the_rounds_every_member_is_started_in_every_place():
    places = {name: set() for name in "abc"}
    for repetition in range(3):
        started = []
        workers = [FakeWorker(name, []) for name in "abc"]

        def launch(worker, started=started):
            started.append(worker.name)
            return worker

        take_turns([lambda w=w: launch(w) for w in workers], repetition)
        for place, name in enumerate(started):
            places[name].add(place)
    assert all(found == {0, 1, 2} for found in places.values())
