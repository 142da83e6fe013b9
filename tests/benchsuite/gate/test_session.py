"""A gate's decisions over trials whose results are written down beforehand."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from benchsuite.gate import session
from benchsuite.gate.selection import Selection
from benchsuite.gate.session import GateSession
from benchsuite.gate.settings import GateSettings, ScenarioLimits
from benchsuite.gate.trials import Pair
from benchsuite.record import Turn

STEP_NS = 1_000_000
QUIET = (0.0004, -0.0003, 0.0002, -0.0005)
"""Log ratios of identical code, over and over."""
SLOWER = tuple(0.05 + noise for noise in QUIET)
COUNTS = {"operators": 7.0}
BROKEN = {"outcome": "failed", "reason": "it broke"}


class CannedTrials:
    """Answers with what is written down for each variant, and keeps the order in which it was asked."""

    def __init__(self, make_record, clock):
        self.make_record, self.clock = make_record, clock
        self.log_ratios, self.timed, self.passed = {}, {}, {}
        self.log, self.together, self.beside_others = [], [], set()
        self.pair_s = self.pass_s = 1.0

    def renew(self):
        self.log.append(("renew", "", None))

    def lanes(self, candidate):
        return 2 if candidate.id in self.beside_others else 1

    def pairs(self, wanted):
        self.together.append([(candidate.id, number) for candidate, number in wanted])
        return [self.pair(candidate, number) for candidate, number in wanted]

    def pair(self, candidate, number):
        self.log.append(("pair", candidate.id, number))
        self.clock.now += self.pair_s
        ratios = self.log_ratios.get(candidate.id, QUIET)
        step_ns = {"base": STEP_NS, "head": round(STEP_NS * math.exp(ratios[number % len(ratios)]))}
        known = self.timed.get(candidate.id, {})
        records = [
            self.make_record(
                side, variant=candidate.id, repetition=number, turns=(Turn(0, 1, step_ns[side]),),
                **known.get((side, number), known.get(side, {})),
            )
            for side in ("base", "head")
        ]  # fmt: skip
        return Pair(*records, self.make_record(turns=(Turn(0, 1, STEP_NS),)))

    def passes(self, candidate, pass_, number):
        self.log.append((pass_, candidate.id, number))
        self.clock.now += self.pass_s
        known = self.passed.get((candidate.id, pass_), {})
        plain = {"metrics": COUNTS if pass_ == "operators" else {}}
        return {
            side: self.make_record(
                side, pass_, variant=candidate.id, repetition=number,
                **plain | known.get((side, number), known.get(side, {})),
            )
            for side in ("base", "head")
        }  # fmt: skip

    def asked(self, kind, id_=None):
        return [number for what, whom, number in self.log if what == kind and id_ in {None, whom}]


class Quietly:
    """An observer that keeps what it was told."""

    def __init__(self):
        self.notes, self.steps = [], []

    def working_on(self, what, done_s, left_s):
        self.steps.append((what, done_s, left_s))

    def note(self, text):
        self.notes.append(text)


@pytest.fixture
def trials(make_record, monkeypatch):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(session, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return CannedTrials(make_record, clock)


@pytest.fixture
def decide(trials, make_candidate, make_sides):
    """Return a function from the ids of variants to the findings by (variant, metric), and the session."""

    def run(*ids, **settings):
        candidates = tuple(make_candidate(id_) for id_ in ids)
        selection = Selection(candidates=candidates, new=(), missing=(), skipped=())
        observer = Quietly()
        decided = GateSession(
            make_sides(*candidates), selection, GateSettings(**settings), trials, 0, observer
        )
        findings = decided.decide()
        found = {(finding.variant, finding.metric): finding for finding in findings}
        assert len(found) == len(findings), "two findings about one metric"
        return SimpleNamespace(found=found, session=decided, observer=observer)

    return run


def chunks(values, size):
    return [values[start : start + size] for start in range(0, len(values), size)]


def grown(by=1.0):
    return {"head": {"metrics": {"operators": COUNTS["operators"] + by}}}


OTHER_WORK = {
    side: {"metrics": COUNTS | {"flops": flops}, "files": {"bench.py": side}}
    for side, flops in (("base", 1000.0), ("head", 50.0))
}


def test_quiet_variants_are_cleared_by_the_screening_alone(decide, trials):
    found = decide("a", "b").found
    assert set(found) == {(id_, metric) for id_ in "ab" for metric in ("step_time", "operators")}
    for id_ in "ab":
        finding = found[id_, "step_time"]
        assert (finding.verdict, finding.reason, finding.pairs) == (
            "unchanged",
            "cleared by the screening",
            4,
        )
        assert finding.ratio == pytest.approx(1, abs=0.001)
        assert (finding.base, finding.limit, finding.exact) == (STEP_NS, 0.01, False)
        assert (finding.p, finding.interval) == (None, None)
        assert (found[id_, "operators"].verdict, found[id_, "operators"].exact) == ("unchanged", True)
        assert trials.asked("pair", id_) == [0, 1, 2, 3]
        assert trials.asked("operators", id_) == trials.asked("memory", id_) == [0]
    assert trials.asked("renew") == trials.asked("calls") == []


def test_a_slower_variant_is_confirmed_in_new_processes_and_its_calls_are_looked_at(decide, trials):
    trials.log_ratios["a"] = SLOWER
    decided = decide("a", "b")
    finding = decided.found["a", "step_time"]
    assert (finding.verdict, finding.pairs) == ("regression", 12)
    assert finding.ratio == pytest.approx(math.exp(0.05), rel=0.001)
    assert 1.01 < finding.interval[0] <= finding.ratio <= finding.interval[1]
    assert finding.p < 0.01
    assert 0 < finding.smallest_detectable < 0.05
    assert trials.asked("pair", "a") == list(range(16))
    assert trials.asked("pair", "b") == [0, 1, 2, 3]
    assert trials.log.index(("renew", "", None)) == trials.log.index(("pair", "a", 4)) - 1
    assert trials.asked("calls", "a") == [0]
    assert trials.asked("calls", "b") == []
    assert decided.found["b", "step_time"].verdict == "unchanged"
    assert decided.observer.notes == ["to be confirmed on new pairs: a"]
    (case,) = [case for case in decided.session.cases if case.id == "a"]
    assert set(case.calls) == {"base", "head"}


def test_the_pairs_that_raised_the_suspicion_never_count(decide, trials):
    trials.log_ratios["a"] = [0.5] * 4 + [*SLOWER] * 3
    finding = decide("a").found["a", "step_time"]
    assert finding.verdict == "regression"
    assert finding.ratio == pytest.approx(math.exp(0.05), rel=0.001)
    assert finding.interval[1] < 1.1
    assert finding.head < 1.1 * STEP_NS


def test_a_suspicion_that_new_pairs_do_not_bear_out_is_dropped(decide, trials):
    trials.log_ratios["a"] = [0.5] * 4 + [*QUIET] * 3
    finding = decide("a").found["a", "step_time"]
    assert (finding.verdict, finding.pairs, finding.reason) == ("unchanged", 12, "")
    assert finding.ratio == pytest.approx(1, abs=0.001)
    assert trials.asked("calls") == []


def test_an_improvement_is_confirmed_too_but_its_calls_are_not_looked_at(decide, trials):
    trials.log_ratios["a"] = [-ratio for ratio in SLOWER]
    finding = decide("a").found["a", "step_time"]
    assert (finding.verdict, finding.pairs) == ("improvement", 12)
    assert finding.ratio < 0.96
    assert trials.asked("calls") == []


def test_only_what_stays_open_is_measured_further(decide, trials):
    trials.log_ratios |= {"a": [0.2, -0.19, 0.21, -0.2], "b": SLOWER}
    found = decide("a", "b").found
    assert (found["a", "step_time"].verdict, found["a", "step_time"].pairs) == ("inconclusive", 20)
    assert "could have shown" in found["a", "step_time"].reason
    assert (found["b", "step_time"].verdict, found["b", "step_time"].pairs) == ("regression", 12)
    assert trials.asked("pair", "a") == list(range(24))
    assert trials.asked("renew") == [None]
    assert decide("a", further_pairs=0).found["a", "step_time"].pairs == 12


def test_a_variants_own_limit_decides(decide, trials):
    trials.log_ratios |= dict.fromkeys(["a", "b"], SLOWER)
    found = decide("a", "b", scenario_limits=(ScenarioLimits("a", {"step_time": 0.1}),)).found
    assert (found["a", "step_time"].verdict, found["a", "step_time"].limit) == ("unchanged", 0.1)
    assert found["b", "step_time"].verdict == "regression"


def test_variants_take_their_pairs_in_turns(decide, trials):
    trials.log_ratios |= dict.fromkeys(["a", "c"], SLOWER)
    decide("a", "b", "c")
    pairs = [(whom, number) for what, whom, number in trials.log if what == "pair"]
    for taken, who in ((pairs[:12], {"a", "b", "c"}), (pairs[12:], {"a", "c"})):
        for turn in chunks(taken, len(who)):
            assert {whom for whom, _ in turn} == who
            assert len({number for _, number in turn}) == 1


def test_the_order_of_variants_is_random_and_the_seeds(trials, make_candidate, make_sides):
    candidates = tuple(make_candidate(id_) for id_ in "abcdef")
    selection = Selection(candidates=candidates, new=(), missing=(), skipped=())

    def order(seed):
        made = GateSession(make_sides(*candidates), selection, GateSettings(), trials, seed, Quietly())
        return [case.id for case in made.cases]

    assert order(1) == order(1)
    assert len({tuple(order(seed)) for seed in range(9)}) > 1
    assert sorted(order(3)) == list("abcdef")


@pytest.mark.parametrize(
    ("timed", "said", "pairs"),
    [
        ({"head": BROKEN}, ("failed", "on the head: it broke"), 1),
        ({("base", 2): BROKEN}, ("failed", "on the base: it broke"), 3),
        ({"head": {"items_per_step": 3}}, ("not comparable", "a step handles 3 items instead of 1"), 1),
    ],
)
def test_a_variant_that_cannot_be_compared_is_one_finding_and_the_others_go_on(
    decide, trials, timed, said, pairs
):
    trials.timed["a"] = timed
    found = decide("a", "b").found
    assert set(found) == {("a", ""), ("b", "step_time"), ("b", "operators")}
    assert (found["a", ""].verdict, found["a", ""].reason) == said
    assert trials.asked("pair", "a") == list(range(pairs))
    assert trials.asked("pair", "b") == [0, 1, 2, 3]


def test_a_suspect_that_fails_while_it_is_confirmed(decide, trials):
    trials.log_ratios |= dict.fromkeys(["a", "b"], SLOWER)
    trials.timed["a"] = {("head", 9): BROKEN}
    found = decide("a", "b").found
    assert set(found) == {("a", ""), ("b", "step_time"), ("b", "operators")}
    assert found["b", "step_time"].verdict == "regression"
    assert trials.asked("pair", "a") == list(range(10))
    assert trials.asked("calls") == [0]


def test_code_of_the_other_side_is_found_by_the_first_pass(decide, trials):
    trials.passed["a", "operators"] = {"base": {"foreign": ("model from /head/model.py",)}}
    found = decide("a").found
    assert set(found) == {("a", "")}
    assert found["a", ""].verdict == "not comparable"
    assert trials.asked("pair") == []


def test_what_both_sides_skip_is_said_and_no_finding(decide, trials):
    skipped = {"outcome": "skipped", "reason": "the task has no images"}
    trials.timed["a"] = {"base": skipped, "head": skipped}
    decided = decide("a", "b")
    assert {variant for variant, _ in decided.found} == {"b"}
    assert decided.session.warnings == ["a was not gated: the task has no images."]


def test_a_pass_that_fails_is_said(decide, trials):
    trials.passed["a", "operators"] = {"head": BROKEN | {"metrics": {}}}
    decided = decide("a")
    assert decided.session.warnings == ["a: its operators pass failed on the head: it broke"]
    assert decided.found["a", "operators"].verdict == "not comparable"
    assert decided.found["a", "step_time"].verdict == "unchanged"


def test_an_exact_change_is_claimed_once_it_has_repeated(decide, trials):
    trials.passed["a", "operators"] = grown()
    finding = decide("a", "b").found["a", "operators"]
    assert (finding.verdict, finding.base, finding.head, finding.exact) == ("regression", 7, 8, True)
    assert trials.asked("operators", "a") == trials.asked("memory", "a") == [0, 1]
    assert trials.asked("operators", "b") == [0]
    assert trials.asked("calls", "a") == [0]


def test_fewer_operators_are_an_improvement_without_a_look_at_calls(decide, trials):
    trials.passed["a", "operators"] = grown(-1)
    assert decide("a").found["a", "operators"].verdict == "improvement"
    assert trials.asked("calls") == []


def test_an_exact_change_that_does_not_repeat_is_not_claimed(decide, trials):
    trials.passed["a", "operators"] = {("head", 0): {"metrics": {"operators": 8.0}}}
    finding = decide("a").found["a", "operators"]
    assert finding.verdict == "inconclusive"
    assert "does not repeat exactly: base had 7, 7, head 8, 7" in finding.reason
    assert trials.asked("calls") == []


def test_an_exact_change_whose_repetition_fails_is_not_claimed(decide, trials):
    trials.passed["a", "operators"] = grown() | {("head", 1): BROKEN | {"metrics": {}}}
    finding = decide("a").found["a", "operators"]
    assert finding.verdict == "inconclusive"
    assert "seen in 1 of 2" in finding.reason


def test_what_pairs_count_must_repeat_as_well(decide, trials):
    trials.timed["a"] = {"head": {"metrics": {"graph_breaks": 1.0}}}
    finding = decide("a").found["a", "graph_breaks"]
    assert (finding.verdict, finding.base, finding.head) == ("regression", 0, 1)
    trials.log.clear()
    found = decide("a", "b", metrics=("graph_breaks",)).found
    assert set(found) == {("a", "graph_breaks")}
    assert found["a", "graph_breaks"].verdict == "regression"
    assert (trials.asked("pair", "a"), trials.asked("pair", "b")) == ([0, 1], [0])


def test_time_alone_needs_no_passes(decide, trials):
    trials.log_ratios["a"] = SLOWER
    found = decide("a", metrics=("step_time",)).found
    assert {key: finding.verdict for key, finding in found.items()} == {("a", "step_time"): "regression"}
    assert trials.asked("operators") == trials.asked("memory") == []


def test_counts_alone_need_one_pair_whose_time_is_not_judged(decide, trials):
    trials.log_ratios["a"] = [0.5]
    found = decide("a", metrics=("operators",)).found
    assert {key: finding.verdict for key, finding in found.items()} == {("a", "operators"): "unchanged"}
    assert trials.asked("pair", "a") == [0]


def test_other_work_is_not_compared_in_time(decide, trials):
    trials.log_ratios["a"] = [0.5]
    trials.passed["a", "operators"] = OTHER_WORK
    found = decide("a").found
    assert set(found) == {("a", "")}, "neither time nor counts"
    assert found["a", ""].verdict == "not comparable"
    assert "bench.py" in found["a", ""].reason
    assert trials.asked("pair", "a") == [0, 1, 2, 3], "nothing is confirmed"


def test_other_work_is_found_where_only_times_are_asked_for(decide, trials):
    trials.timed["a"] = {side: {"files": {"bench.py": side}} for side in ("base", "head")}
    trials.passed["a", "operators"] = OTHER_WORK
    found = decide("a", metrics=("step_time",)).found
    assert found["a", ""].verdict == "not comparable"
    assert trials.asked("memory") == []


def test_a_changed_benchmark_whose_work_is_not_known_is_warned_of(decide, trials):
    trials.timed["a"] = {side: {"files": {"bench.py": side}} for side in ("base", "head")}
    decided = decide("a")
    assert decided.found["a", "step_time"].verdict == "unchanged"
    assert any("bench.py" in text and "not known" in text for text in decided.session.warnings)


def test_without_any_time_nothing_is_measured_and_all_is_inconclusive(decide, trials):
    found = decide("a", "b", budget_s=0.0).found
    assert trials.log == []
    assert {finding.verdict for finding in found.values()} == {"inconclusive"}
    assert {variant for variant, _ in found} == {"a", "b"}
    assert "the budget ended before its operators and memory" in found["a", ""].reason
    assert found["a", "step_time"].reason == "the budget ended after 0 of 4 pairs"
    assert (found["a", "step_time"].ratio, found["a", "step_time"].base) == (None, None)
    found = decide("a", budget_s=0.0, metrics=("operators",)).found
    assert {key: finding.verdict for key, finding in found.items()} == {("a", ""): "inconclusive"}


def test_a_budget_that_ends_within_the_passes_says_whose_are_missing(decide, trials):
    trials.pass_s = 10.0
    found = decide("a", "b", "c", budget_s=60.0).found
    looked_at = {whom for what, whom, _ in trials.log if what == "operators"}
    assert len(looked_at) == 2
    assert {variant for variant, metric in found if metric == "operators"} == looked_at
    (left,) = [variant for variant, metric in found if not metric]
    assert found[left, ""].verdict == "inconclusive"
    assert left not in looked_at


def test_a_budget_that_ends_after_the_passes_of_other_work(decide, trials):
    trials.passed["a", "operators"] = OTHER_WORK
    trials.pass_s = 10.0
    assert decide("a", budget_s=20.0).found["a", ""].verdict == "not comparable"
    assert trials.asked("pair") == []


def test_a_budget_that_ends_within_the_screening_clears_nobody(decide, trials):
    # Passes take 4 s, the first pair is guessed to take 3 s, and each takes 10 s.
    trials.pair_s = 10.0
    found = decide("a", "b", budget_s=60.0).found
    pairs = {id_: len(trials.asked("pair", id_)) for id_ in "ab"}
    assert sum(pairs.values()) == 5
    for id_, taken in pairs.items():
        finding = found[id_, "step_time"]
        assert (finding.verdict, finding.pairs) == ("inconclusive", taken)
        assert finding.reason == f"the budget ended after {taken} of 4 pairs"
        assert finding.base == STEP_NS


def test_a_budget_that_ends_within_the_confirmation_says_so(decide, trials):
    trials.log_ratios["a"] = SLOWER
    trials.pair_s = 10.0
    finding = decide("a", budget_s=2 + 7 * 10.0 + 5).found["a", "step_time"]
    assert (finding.verdict, finding.pairs) == ("inconclusive", 3)
    assert finding.reason.startswith("the budget ended; 3 pairs cannot decide at this level")
    assert trials.asked("pair", "a") == list(range(7))


def test_a_budget_that_ends_before_the_confirmation_leaves_the_screening_out_of_the_finding(decide, trials):
    trials.log_ratios["a"] = SLOWER
    trials.pair_s = 10.0
    finding = decide("a", budget_s=2 + 4 * 10.0 + 5).found["a", "step_time"]
    assert (finding.verdict, finding.pairs, finding.ratio) == ("inconclusive", 0, None)
    assert finding.reason == "the budget ended; no pair was measured"


def test_no_calls_are_looked_at_beyond_the_budget(decide, trials):
    trials.passed["a", "operators"] = grown()
    trials.pass_s = 10.0
    assert decide("a", budget_s=40.0).found["a", "operators"].verdict == "regression"
    assert trials.asked("calls") == []


def test_what_is_left_is_told_while_it_goes_on(decide):
    steps = decide("a", "b").observer.steps
    done = [done_s for _, done_s, _ in steps]
    assert done == sorted(done)
    assert steps[0][0].endswith(": operators and memory")
    assert steps[-1][0].endswith(": screening, pair 8 of 8")
    left = [left_s for what, _, left_s in steps if "pair" in what]
    assert left[1:] == sorted(left[1:], reverse=True)
    assert left[-1] == pytest.approx(1.0)


def test_what_a_variant_took_is_kept(decide, trials):
    trials.pair_s, trials.pass_s = 3.0, 2.0
    (case,) = decide("a").session.cases
    assert case.seconds == pytest.approx(4 * 3.0 + 2 * 2.0)


def test_a_pair_that_waited_for_its_core_is_counted(decide, trials):
    trials.timed["a"] = {("head", 1): {"contention": {"wait_share": 0.9}}}
    assert decide("a").found["a", "step_time"].disturbed_pairs == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interruption_goes_through(decide, trials, error, monkeypatch):
    def pair(candidate, number):
        raise error

    monkeypatch.setattr(trials, "pair", pair)
    with pytest.raises(error):
        decide("a")


def test_pairs_that_need_one_core_each_are_taken_side_by_side(decide, trials):
    trials.beside_others = {"a", "b"}
    decide("a", "b", "c")
    assert [len(chunk) for chunk in trials.together if ("c", 0) not in chunk].count(2) >= 4
    assert all(len(chunk) == 1 for chunk in trials.together if chunk[0][0] == "c")
    for id_ in "abc":
        assert sorted(trials.asked("pair", id_)) == list(range(4))


def test_a_lone_variant_has_two_pairs_at_once_and_none_twice(decide, trials):
    trials.beside_others = {"a"}
    decide("a")
    assert trials.together == [[("a", 0), ("a", 1)], [("a", 2), ("a", 3)]]


def test_findings_hold_what_each_pair_said(decide, trials):
    trials.log_ratios["b"] = SLOWER
    found = decide("a", "b").found
    quiet, slower = found["a", "step_time"], found["b", "step_time"]
    assert [round(math.log(ratio), 4) for ratio in quiet.screening_ratios] == list(QUIET)
    assert quiet.confirmation_ratios == ()
    assert [round(math.log(ratio), 4) for ratio in slower.screening_ratios] == list(SLOWER)
    assert len(slower.confirmation_ratios) == slower.pairs > len(QUIET)
    assert found["b", "operators"].screening_ratios == ()
