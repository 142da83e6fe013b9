from __future__ import annotations

import pytest

from benchsuite.gate.settings import DEFAULT_LIMITS
from benchsuite.history.metrics import EXACT_FLOORS, is_better


@pytest.mark.parametrize(
    ("metric", "rose"),
    [
        ("step_time", False),
        ("peak_heap", False),
        ("operators", False),
        ("throughput", True),
        ("test_accuracy", True),
    ],
)
def test_the_better_way_of_a_metric_is_known(metric, rose):
    assert is_better(metric, rose=rose) is True
    assert is_better(metric, rose=not rose) is False


@pytest.mark.parametrize("metric", ["memray_overhead", "flops", "my_own_figure"])
def test_of_other_metrics_no_way_is_better(metric):
    assert is_better(metric, rose=True) is None


def test_what_gates_compare_exactly_repeats_exactly_with_the_same_limits():
    assert {name: EXACT_FLOORS.get(name) for name in DEFAULT_LIMITS} == {**DEFAULT_LIMITS, "step_time": None}
