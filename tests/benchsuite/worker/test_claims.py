from __future__ import annotations

import json
import math

import pytest
import torch

from benchsuite import Check, Workload
from benchsuite.worker import claims


def workload(found):
    return Workload(lambda: None, lambda: found)


def test_checks_become_what_a_record_holds():
    found = [Check("error", torch.tensor(0.5), 1, "<="), Check("loss", math.nan, 1, "<=")]
    assert json.loads(json.dumps(claims.checks(workload(found)))) == [
        {"name": "error", "value": 0.5, "limit": 1.0, "direction": "<=", "ok": True},
        {"name": "loss", "value": None, "limit": 1.0, "direction": "<=", "ok": False},
    ]


@pytest.mark.parametrize("found", [[], [True], [None]])
def test_what_is_no_check_proves_nothing(found):
    with pytest.raises(TypeError, match=r"returned no benchsuite\.Check"):
        claims.checks(workload(found))


def test_metrics_and_curves_are_finite_numbers():
    found = claims.metrics({"a": 1, "b": math.inf, "c": torch.tensor(2.0)})
    assert found == {"a": 1.0, "c": 2.0}
    assert {type(value) for value in found.values()} == {float}
    assert claims.series({"loss": [(0, 1), [1, torch.tensor(2.0)], (2, math.nan)]}) == {
        "loss": [(0.0, 1.0), (1.0, 2.0)]
    }


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ({5: 1.0}, "a metric's name is 5: a string is needed"),
        ({"a": "five"}, "metric 'a' is 'five': a number is needed"),
        ({"a": [1]}, r"metric 'a' is \[1\]: a number is needed"),
        ({"a": 10**400}, "metric 'a' is too large for a float"),
        ({"a": torch.ones(2)}, r"metric 'a' is tensor\(\[1., 1.\]\): one number is needed"),
    ],
)
def test_a_metric_that_is_none_is_named(metrics, said):
    with pytest.raises((TypeError, ValueError), match=said):
        claims.metrics(metrics)


@pytest.mark.parametrize(
    ("series", "said"),
    [
        ({"s": [1, 2]}, r"curve 's' has the point 1: a pair \(x, y\) is needed"),
        ({"s": [(1, "two")]}, "curve 's': a coordinate is 'two': a number is needed"),
        ({5: []}, "a curve's name is 5"),
    ],
)
def test_a_curve_that_is_none_is_named(series, said):
    with pytest.raises(TypeError, match=said):
        claims.series(series)
