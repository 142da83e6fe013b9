from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchsuite.binomial import binomial_interval
from benchsuite.gate.self_test.decisions import Decision
from benchsuite.gate.self_test.plan import NONE, Plant
from benchsuite.gate.self_test.tally import GATE, Rate, is_called, tally
from benchsuite.gate.verdict import Finding

SLOW = Plant("slowdown", 0.05)


def finding(verdict="unchanged", metric="step_time", **values):
    return Finding(scenario="train", variant="train[copy=0]", metric=metric, verdict=verdict, **values)


def decision(plant=NONE, *findings, part="time", load=0, batch=0, rivals=None, batch_seconds=16.0):
    return Decision(
        batch=batch, part=part, load=load, variant="train[copy=0]", plant=plant,
        findings=findings or (finding(),), rivals=rivals or {}, batch_seconds=batch_seconds, run="runs/1",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("plant", "verdict", "metric", "called"),
    [
        (NONE, "regression", "step_time", True),
        (NONE, "regression", "allocations", True),
        (NONE, "improvement", "step_time", False),
        (NONE, "inconclusive", "step_time", False),
        (NONE, "failed", "", False),
        (SLOW, "regression", "step_time", True),
        (SLOW, "inconclusive", "step_time", False),
        (SLOW, "improvement", "step_time", False),
        (Plant("memory"), "regression", "peak_heap", True),
        (Plant("memory"), "regression", "allocations", False),
        (Plant("leak"), "regression", "leak", True),
        (Plant("leak"), "regression", "peak_heap", False),
        (Plant("operator"), "regression", "operators", True),
        (Plant("operator"), "unchanged", "operators", False),
        (Plant("check"), "failed", "", True),
        (Plant("check"), "regression", "step_time", False),
    ],
)  # fmt: skip
def test_a_plant_is_caught_by_its_own_metric(plant, verdict, metric, called):
    assert is_called(decision(plant, finding(verdict, metric))) == called


@pytest.mark.parametrize(
    ("more_bytes", "metric", "called"),
    [
        (2**20, "cuda_peak_allocated", True),
        (2**20 + 512, "cuda_peak_allocated", False),
        (2**20, "peak_heap", False),
    ],
)
def test_memory_on_a_gpu_is_found_to_the_byte_or_not_at_all(more_bytes, metric, called):
    found = finding("regression", metric, base=5e6, head=5e6 + more_bytes)
    assert is_called(decision(Plant("cuda_memory"), found)) == called


def test_a_finding_without_amounts_is_not_the_planted_memory():
    assert not is_called(decision(Plant("cuda_memory"), finding("regression", "cuda_peak_allocated")))


VERDICTS = ("regression", "improvement", "unchanged", "inconclusive", "failed")
DECISIONS = st.lists(
    st.builds(
        lambda plant, verdict, load: decision(plant, finding(verdict), load=load),
        st.sampled_from([NONE, SLOW, Plant("slowdown", 0.03)]),
        st.sampled_from(VERDICTS),
        st.integers(0, 2),
    ),
    max_size=30,
)


@given(DECISIONS)
def test_every_decision_counts_once_in_its_load_and_once_in_all(decisions):
    found = tally(decisions)
    loads = {made.load for made in decisions}
    for plant in {made.plant for made in decisions}:
        own = [row for row in found.rows if row.plant == plant]
        for row in own:
            counted = [d for d in decisions if d.plant == plant and row.load in {None, d.load}]
            verdicts = [d.findings[0].verdict for d in counted]
            assert row.called == Rate(verdicts.count("regression"), len(counted))
            assert row.improvements == verdicts.count("improvement")
            assert row.inconclusive == verdicts.count("inconclusive")
            assert row.failed == verdicts.count("failed")
        separate = [row for row in own if row.load is not None]
        assert sum(row.called.trials for row in separate) == sum(d.plant == plant for d in decisions)
        assert (len(own) > len(separate)) == (len(loads) > 1)


def test_several_metrics_of_one_variant_are_one_decision():
    found = tally(
        [decision(NONE, finding("regression", "leak"), finding("regression", "operators"), part="exact")]
    )
    (row,) = found.rows
    assert row.called == Rate(1, 1)


def test_times_and_exact_metrics_of_identical_code_are_told_apart():
    found = tally([decision(), decision(NONE, finding(metric="operators"), part="exact")])
    assert [(row.part, row.called.trials) for row in found.rows] == [("time", 1), ("exact", 1)]


def test_a_rate_has_the_exact_interval():
    assert Rate(3, 300).interval == binomial_interval(3, 300)
    assert Rate(0, 0).interval == (0.0, 1.0)


def test_seconds_are_told_apart_by_what_decided():
    found = tally([
        decision(NONE, finding(seconds=8.0), batch_seconds=30.0),
        decision(NONE, finding(seconds=10.0), batch_seconds=30.0),
        decision(SLOW, finding("regression", p=0.001, seconds=40.0), batch_seconds=30.0),
        decision(NONE, finding(metric="leak", seconds=5.0), part="exact", batch=1, batch_seconds=6.0),
    ])  # fmt: skip
    (pace,) = found.paces
    assert (pace.cleared.count, pace.cleared.median, pace.cleared.longest) == (2, 9.0, 10.0)
    assert (pace.confirmed.count, pace.confirmed.longest) == (1, 40.0)
    assert (pace.exact.count, pace.exact.median) == (1, 5.0)
    assert pace.whole.count == 2
    assert pace.whole.longest == 10.0


def test_rival_rules_stand_beside_the_gate_on_the_same_decisions():
    found = tally([
        decision(NONE, finding("unchanged"), rivals={"mean": "slower"}),
        decision(NONE, finding("improvement"), rivals={"mean": "faster"}),
        decision(SLOW, finding("regression"), rivals={"mean": "same"}),
        decision(NONE, finding("regression", "leak"), part="exact"),
    ])  # fmt: skip
    calls = {(row.rule, row.plant): (row.slower, row.faster) for row in found.rivals}
    assert calls == {
        ("mean", NONE): (Rate(1, 2), Rate(1, 2)),
        ("mean", SLOW): (Rate(0, 1), Rate(0, 1)),
        (GATE, NONE): (Rate(0, 2), Rate(1, 2)),
        (GATE, SLOW): (Rate(1, 1), Rate(0, 1)),
    }


def test_nothing_decided_is_nothing_told():
    found = tally([])
    assert (found.rows, found.paces, found.rivals) == ((), (), ())
