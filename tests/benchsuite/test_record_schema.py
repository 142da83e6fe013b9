from __future__ import annotations

import pytest

from benchsuite.record import SCHEMA
from benchsuite.record_schema import read_info, read_record

LEAST = {
    "schema": SCHEMA, "variant": "a", "scenario": "a", "settings": {}, "context": {}, "baseline": True, "pass": "timing",
    "repetition": 0, "group": "a()/timing/0", "outcome": "completed", "started": "2026-01-01T00:00:00Z",
}  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("step_ns", [1, "x"], "step_ns: "),
        ("step_ns", [2**63], "step_ns: "),
        ("step_ns", 3, "step_ns: it should be a list"),
        ("turns", [[0, 2, 50], [1, "two", 50]], "turns.1.steps: input should be a valid integer"),
        ("turns", 5, "turns: "),
        ("metrics", {"peak_heap": "much"}, "metrics.peak_heap: input should be a valid number"),
        ("outcome", "lost", "outcome: input should be 'completed', 'skipped' or 'failed'"),
        ("settings", None, "settings: "),
        ("items_per_step", 0, "items_per_step: it should be a whole number from 1 to"),
        ("items_per_step", -5, "items_per_step: "),
        ("items_per_step", 10**400, "items_per_step: "),
    ],
)
def test_a_value_of_another_type_is_refused_with_its_place(key, value, said):
    with pytest.raises(ValueError, match=said):
        read_record(LEAST | {key: value})


@pytest.mark.parametrize(
    ("scenarios", "said"),
    [
        ([{"question": "Which?"}], "0.name: field required"),
        ([{"name": "a", "variants": [{"id": "a", "settings": 3}]}], "0.variants.0.settings: "),
        ([{"name": "a", "variants": {}}], "0.variants: "),
    ],
)
def test_a_scenario_that_reports_cannot_read_is_refused_with_its_place(scenarios, said):
    with pytest.raises(ValueError, match=f"scenarios.{said}"):
        read_info({"schema": SCHEMA, "command": [], "started": "", "task": "t", "scenarios": scenarios})
