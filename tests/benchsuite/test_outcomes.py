from __future__ import annotations

import json

import pytest

from benchsuite import ProcessSpec
from benchsuite.outcomes import canary_record, record_of, skipped_record
from benchsuite.plan import Group
from benchsuite.record import CANARY, AllocationSite, CheckResult, OperatorRow, Record, Span, Turn
from benchsuite.record_schema import read_record
from benchsuite.scenario import Variant
from benchsuite.turns import Outcome
from benchsuite.worker.protocol import TrialSpec

VARIANT = Variant(
    id="layout[mode=fast]", scenario="layout", settings={"mode": "fast"}, context={"phase": "train"}, baseline=False,
    requirements=(), process=ProcessSpec(),
)  # fmt: skip
GROUP = Group("layout(phase=train)/timing/2", "layout", (), "timing", 2)
SPEC = TrialSpec(
    scenario="layout", module="m", file="m.py", settings={}, pass_="timing", task_module="t", task_file="t.py",
    task_attribute="task", seed=7, threads=2, cores=(4, 5, 6),
)  # fmt: skip
RESULT = {
    "event": "result", "items_per_step": 100, "first_step_ns": 9, "warmup_ns": [5, 4], "settled": False,
    "step_ns": [3, 3], "cpu_ns": [2, 2], "device_ns": [1, 1], "metrics": {"peak_rss": 1.0},
    "series": {"loss": [[0, 2.5], [1, 2.0]]}, "contention": {"wait_share": 0.5}, "environment": {"torch": "2"},
    "checks": [{"name": "error", "value": 0.5, "limit": 1.0, "direction": "<=", "ok": True}],
    "operators": [{"name": "mm", "calls": 2, "self_cpu_ns": 5, "total_cpu_ns": 6, "self_device_ns": 0}],
    "timeline": [["operators", "aten::mm", 10, 30]],
    "sites": [{"kind": "leak", "size_bytes": 8.0, "allocations": 1, "stack": ["keep (a.py:3)", "step (a.py:9)"]}],
    "artifacts": {"trace": "artifacts/x/trace.json.gz"},
}  # fmt: skip


def record(message, turns=()):
    outcome = Outcome(message, list(turns), started=1_800_000_000.25, duration_ns=42)
    return record_of(VARIANT, GROUP, SPEC, outcome, "abc", "empty")


def failing(value, direction="<="):
    return {"name": "error", "value": value, "limit": 1.0, "direction": direction, "ok": False}


def test_a_result_becomes_a_completed_record():
    turns = [Turn(0, 2, 6)]
    assert record(RESULT, turns) == Record(
        variant="layout[mode=fast]", scenario="layout", settings={"mode": "fast"}, context={"phase": "train"},
        baseline=False, pass_="timing", repetition=2, group="layout(phase=train)/timing/2", outcome="completed",
        started="2027-01-15T08:00:00.250+00:00", reason="", seed=7, threads=2, cores=3, environment="abc",
        compile_cache="empty",
        first_step_ns=9, warmup_ns=(5, 4), settled=False, step_ns=(3, 3), cpu_ns=(2, 2), device_ns=(1, 1),
        turns=(Turn(0, 2, 6),), items_per_step=100, metrics={"peak_rss": 1.0}, series={"loss": ((0, 2.5), (1, 2.0))},
        checks=(CheckResult("error", 0.5, 1.0, "<=", ok=True),), operators=(OperatorRow("mm", 2, 5, 6, 0),),
        timeline=(Span("operators", "aten::mm", 10, 30),),
        sites=(AllocationSite("leak", 8.0, 1, ("keep (a.py:3)", "step (a.py:9)")),), contention={"wait_share": 0.5},
        artifacts={"trace": "artifacts/x/trace.json.gz"}, duration_ns=42,
    )  # fmt: skip


def test_a_result_survives_its_file():
    made = record(RESULT, [Turn(0, 2, 6)])
    assert read_record(json.loads(json.dumps(made.to_json()))) == made


def test_a_pass_that_times_nothing():
    found = record({"event": "result", "items_per_step": 3, "metrics": {"peak_heap": 5.0}})
    assert (found.outcome, found.step_ns, found.turns, found.settled) == ("completed", (), (), True)
    assert (found.metrics, found.items_per_step) == ({"peak_heap": 5.0}, 3)


def test_what_a_pass_could_not_read_is_said_and_the_rest_counts():
    found = record({**RESULT, "problems": ["peak.bin cannot be read", "a step takes 9 s"]})
    assert (found.outcome, found.metrics) == ("completed", {"peak_rss": 1.0})
    assert found.reason == "peak.bin cannot be read; a step takes 9 s"


@pytest.mark.parametrize(
    ("event", "outcome"), [("skipped", "skipped"), ("failed", "failed"), ("turn", "failed")]
)
def test_what_gave_no_result_keeps_its_reason_and_no_samples(event, outcome):
    found = record(RESULT | {"event": event, "reason": "why"}, [Turn(0, 2, 6)])
    assert (found.outcome, found.reason) == (outcome, "why")
    assert (found.step_ns, found.turns, found.metrics, found.checks) == ((), (), {}, ())
    assert (found.variant, found.group, found.duration_ns) == (VARIANT.id, GROUP.id, 42)


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (failing(2.0), "check failed: error is 2, must be <= 1"),
        (failing(0.123456, ">="), "check failed: error is 0.1235, must be >= 1"),
        (failing(None), "check failed: error is not a finite number, must be <= 1"),
    ],
)
def test_a_check_that_did_not_hold_fails_the_trial_and_keeps_what_was_measured(check, words):
    found = record(RESULT | {"checks": [check]}, [Turn(0, 2, 6)])
    assert (found.outcome, found.reason) == ("failed", words)
    assert found.step_ns == (3, 3)
    assert not found.checks[0].ok


def test_every_broken_check_is_named():
    held = RESULT["checks"][0] | {"name": "held"}
    found = record(RESULT | {"checks": [failing(2.0), held, failing(None) | {"name": "loss"}]})
    assert (
        found.reason
        == "check failed: error is 2, must be <= 1; check failed: loss is not a finite number, must be <= 1"
    )


def test_the_canarys_record_belongs_to_the_group():
    found = canary_record(GROUP, SPEC, Outcome(RESULT, [Turn(0, 2, 6)]), "abc")
    assert (found.scenario, found.variant, found.group, found.repetition) == (CANARY, CANARY, GROUP.id, 2)
    assert (found.turns, found.outcome, found.environment) == ((Turn(0, 2, 6),), "completed", "abc")


def test_a_variant_that_cannot_run_here():
    found = skipped_record(VARIANT, "no GPU", "2027-01-15T08:00:00+00:00")
    assert (found.variant, found.settings, found.context) == (VARIANT.id, VARIANT.settings, VARIANT.context)
    assert (found.outcome, found.reason, found.baseline) == ("skipped", "no GPU", False)
