from __future__ import annotations

import pytest

from benchsuite.history.change_points import Change
from benchsuite.history.ledger import RunEntry
from benchsuite.history.readings import Figure
from benchsuite.history.series import Line, Point, Step
from benchsuite.statistics import Interval
from reports.history.words import (
    change_words,
    commit,
    day,
    spell_pair,
    tell,
    tell_point,
    tell_unlike,
    tone,
    too_few,
    unit,
)

VARIANT = "compile[mode=eager,phase=infer]"


def run(number, **more):
    values = {
        "root": "runs", "name": f"2026030{number}T090000Z-aaaaaa", "started": f"2026-03-0{number}T09:00:00Z",
        "finished": True, "commit": f"{number}" * 40, "task": "MNIST CNN", "problem": "",
    }  # fmt: skip
    return RunEntry(**{**values, **more})


def make(old, new, factor, *, runs=None, disturbed="", variant=VARIANT, **more):
    """Make a line of two runs with one step between them."""
    points = tuple(
        Point(one, Figure("step_time", value), "measured", "", disturbed, {})
        for one, value in zip(runs or (run(1), run(2)), (old, new), strict=True)
    )
    step = Step(
        Change(0, 1, old, new, factor, 0.001, 1), more.get("software", {}), more.get("machine_factor")
    )
    return Line("compile", variant, "c1", {}, points, (), (step,), more.get("unlike", {})), step


def test_a_change_is_told_with_its_size_its_interval_and_its_place():
    line, step = make(9.31e6, 9.87e6, Interval(1.06, 1.0512, 1.0688, 5))
    assert tell("step_time", line, step) == (
        f"Step time of {VARIANT} rose by 6.0 % (5.1 to 6.9 %), from 9.31 ms to 9.87 ms, between 111111111111 "
        "(1 Mar 2026) and 222222222222 (2 Mar 2026)."
    )
    assert change_words("step_time", step) == "+6.0 % (+5.1 to +6.9 %)"
    assert tone("step_time", step) == "worse"
    assert tone("throughput", step) == "better"
    assert tone("profiler_overhead", step) == "changed"


@pytest.mark.parametrize(
    ("factor", "said"),
    [
        (Interval(0.9, 0.88, 0.92, 5), "fell by 10.0 % (8.0 to 12.0 %), from"),
        (Interval(1.02, 0.99, 1.05, 5), "rose by 2.0 % (-1.0 to +5.0 %), from"),
        (Interval(4.0, 3.9, 4.1, 5), "rose to 4.00 times (3.90 to 4.10), from"),
        (Interval(0.2, 0.19, 0.21, 5), "fell to 0.20 times (0.19 to 0.21), from"),
        (Interval(1.016, 1.016, 1.016, 5), "rose by 1.6 %, from"),
        (Interval(5.0, 0.1, float("inf"), 5), "rose to 5.00 times, from"),
        (None, "rose, from"),
    ],
)
def test_factors_are_told_in_percent_or_in_times(factor, said):
    falls = factor is not None and factor.value < 1
    line, step = make(2e6 if falls else 1e6, 1e6 if falls else 2e6, factor)
    assert said in tell("step_time", line, step)
    assert change_words("step_time", step)


def test_what_else_changed_is_told():
    line, step = make(
        1e6, 2e6, Interval(2.0, 1.9, 2.1, 5), disturbed="1 of 3 timings were disturbed",
        software={"torch": ("2.11.0", "2.12.0")}, machine_factor=1.2,
    )  # fmt: skip
    said = tell("step_time", line, step)
    assert "In between, torch changed from 2.11.0 to 2.12.0." in said
    assert "The canary moved too, by +20.0 %: the machine may be behind it." in said
    assert said.endswith("Of 1 run since, 1 was disturbed.")


def test_two_runs_of_a_day_are_told_by_the_hour_and_one_commit_is_named():
    runs = run(1), run(1, started="2026-03-01T10:30:00Z")
    line, step = make(1e6, 2e6, None, runs=runs)
    said = tell("step_time", line, step)
    assert "(1 Mar 2026, 09:00) and 111111111111 (1 Mar 2026, 10:30), at the same commit." in said


def test_a_count_that_one_run_has_shown_says_so():
    line, step = make(187.0, 190.0, Interval(190 / 187, 190 / 187, 190 / 187, 1))
    said = tell("operators", line, step)
    assert said.startswith(f"Operators a step of {VARIANT} rose by 1.6 %, from 187 to 190, between")
    assert said.endswith("One run has shown it so far.")


def test_two_values_that_differ_are_never_spelt_alike():
    assert spell_pair("operators", 1e6, 1e6 + 1) == ("1,000,000", "1,000,001")
    assert spell_pair("operators", 187, 190) == ("187", "190")


def test_a_commit_is_short_and_without_one_the_run_is_named():
    assert commit(run(1, commit="abc0123456789abcdef-dirty")) == "abc012345678-dirty"
    assert commit(run(1, commit="v1.2-3-gabc0123")) == "v1.2-3-gabc0123"
    assert commit(run(1, commit="")) == "20260301T090000Z-aaaaaa"
    assert len(commit(run(1, commit="<" * 9999))) <= 40


@pytest.mark.parametrize(
    ("started", "said"),
    [
        ("2026-03-01T09:00:00Z", "1 Mar 2026"),
        ("nonsense", "1 Mar 2026"),
        ("2026-03-01T23:30:00-02:00", "2 Mar 2026"),
    ],
)
def test_days_are_utc_and_come_from_the_name_where_the_header_says_none(started, said):
    assert day(run(1, started=started)) == said


def test_a_day_that_nobody_knows_says_so():
    assert day(run(1, started="", name="mine")) == "date not known"


def test_a_point_says_what_takes_weight_from_it():
    figure = Figure("step_time", 9.31e6, 9.2e6, 9.4e6, 3)
    point = Point(run(1, finished=False), figure, "measured", "", "1 of 3 timings were disturbed", {})
    assert tell_point("step_time", point) == (
        "111111111111 · 1 Mar 2026, 09:00 · 9.31 ms (9.20 to 9.40 ms) · 1 of 3 timings were disturbed · run not finished"
    )
    failed = Point(run(1), None, "failed", "out of memory\nlast words", "", {})
    assert tell_point("step_time", failed) == "111111111111 · 1 Mar 2026, 09:00 · failed: out of memory"


def test_another_machine_is_told():
    line, _step = make(
        1e6, 2e6, None, unlike={"machine.cpu_model": ("new one", "old one"), "task": (None, "")}
    )
    assert (
        tell_unlike(line)
        == "A line of its own: cpu model is old one instead of new one and task is empty instead of not known."
    )


def test_units_of_metrics():
    names = ("step_time", "throughput", "peak_heap", "operators", "energy", "time_to_90_s", "accuracy")
    assert [unit(name) for name in names] == ["ns", "items/s", "B", "", "J", "s", ""]


def test_too_few_runs_say_why_nothing_is_shown():
    assert too_few(1, "step_time") == "One run shows no change."
    assert too_few(4, "step_time").startswith("4 runs are too few")
    assert too_few(4, "operators") == too_few(10, "step_time") == ""
