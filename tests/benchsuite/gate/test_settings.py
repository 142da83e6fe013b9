from __future__ import annotations

from datetime import date

import pytest

from benchsuite.gate.settings import (
    DEFAULT_LIMITS,
    TIME_METRICS,
    GateSettings,
    Quarantine,
    ScenarioLimits,
)


def test_without_a_word_every_metric_is_gated_with_its_limit():
    settings = GateSettings()
    assert set(settings.metrics) == set(DEFAULT_LIMITS) > TIME_METRICS
    assert {metric: settings.limit("training", metric) for metric in settings.metrics} == dict(DEFAULT_LIMITS)


def test_the_change_that_must_be_seen_is_beyond_the_limit():
    assert GateSettings().detect > GateSettings().limit("training", "step_time")


def test_of_several_limits_that_match_the_last_holds():
    settings = GateSettings(
        limits={"step_time": 0.02},
        scenario_limits=(
            ScenarioLimits("training", {"step_time": 0.03, "leak": 7.0}),
            ScenarioLimits("phase=infer", {"step_time": 0.04}),
            ScenarioLimits("device", {"operators": 1.0}),
        ),
    )
    assert settings.limit("optimizer", "step_time") == 0.02
    assert settings.limit("training", "step_time") == 0.03
    assert settings.limit("training[phase=infer]", "step_time") == 0.04
    assert settings.limit("training[phase=infer,device=cuda]", "step_time") == 0.04, (
        "the last does not name it"
    )
    assert settings.limit("training[phase=infer]", "leak") == 7.0
    assert settings.limit("compile", "leak") == DEFAULT_LIMITS["leak"], "a metric that nobody has named"


def test_a_limit_of_none_at_all_holds():
    settings = GateSettings(scenario_limits=(ScenarioLimits("training", {"peak_heap": 0.0}),))
    assert settings.limit("training", "peak_heap") == 0.0
    assert settings.limit("compile", "peak_heap") > 0


def test_a_metric_of_the_users_own_may_not_grow_at_all():
    assert GateSettings().limit("training", "tokens_dropped") == 0.0


@pytest.mark.parametrize(
    ("variant", "metric", "reason"),
    [
        ("loader[workers=2]", "step_time", "one"),
        ("loader[workers=2]", "leak", "two"),
        ("loader[workers=0]", "leak", "two"),
        ("loader[workers=0]", "step_time", "two"),
        ("loader[workers=0]", "", "two"),
        ("training", "step_time", None),
    ],
)
def test_a_quarantine_holds_for_what_it_names(variant, metric, reason):
    day = date(2026, 12, 31)
    settings = GateSettings(
        quarantine=(
            Quarantine("workers=2", "one", day, metric="step_time"),
            Quarantine("loader", "two", day),
            Quarantine("loader", "never reached", day),
        )
    )
    found = settings.quarantined(variant, metric)
    assert (found and found.reason) == reason


def test_entries_that_concern_no_variant_are_told():
    day = date(2026, 12, 31)
    settings = GateSettings(
        scenario_limits=(ScenarioLimits("loader", {"leak": 1.0}), ScenarioLimits("laoder", {"leak": 1.0})),
        quarantine=(Quarantine("workers=3", "flaky", day), Quarantine("workers=2", "flaky", day)),
    )
    assert settings.idle_entries(["loader[workers=2]"]) == (
        ("scenario_limits", "laoder"),
        ("quarantine", "workers=3"),
    )
    assert len(settings.idle_entries([])) == 4
    assert GateSettings().idle_entries(["loader"]) == ()
