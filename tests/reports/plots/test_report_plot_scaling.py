from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_plots import HOSTILE, plots_result
from sample_run import trial

from benchsuite.statistics import Interval
from reports.plots.figure import drawing
from reports.plots.scaling import Curve, Point, scaling, scaling_plot


def scaled(make_run, times, *, answer="best", **changes):
    """Make a scenario of which each variant has as many threads as its name says, unless told otherwise."""
    own = {
        mode: {"threads": mode if isinstance(mode, int) else 2} | changes.get(str(mode), {}) for mode in times
    }
    return plots_result(make_run, times, changes=own, answer=answer)


def plot(result):
    with drawing():
        return scaling_plot(result, "p")


def test_speed_is_told_against_the_least_threads_and_the_ideal(make_run):
    what, (curve,) = scaling(scaled(make_run, {1: [8.0] * 3, 2: [4.0] * 3, 4: [4.0] * 3}))
    assert what == "threads"
    assert [(p.size, round(p.speedup.value, 6), p.ideal, round(p.efficiency, 6)) for p in curve.points] == [
        (1, 1.0, 1.0, 1.0), (2, 2.0, 2.0, 1.0), (4, 2.0, 4.0, 0.5),
    ]  # fmt: skip


def test_the_baseline_may_have_the_most(make_run):
    result = scaled(make_run, {"plain": [2.0] * 3, "a": [8.0] * 3}, plain={"threads": 4}, a={"threads": 1})
    _what, (curve,) = scaling(result)
    assert [p.label for p in curve.points] == ["a", "plain"]
    assert curve.points[1].speedup.value == pytest.approx(4)
    assert curve.points[1].speedup.low <= 4 <= curve.points[1].speedup.high


def test_without_more_of_anything_there_is_no_plot(make_run):
    assert plot(scaled(make_run, {"plain": [4.0] * 3, "packed": [3.0] * 3})) is None
    assert plot(scaled(make_run, {1: [4.0] * 3})) is None
    assert plot(plots_result(make_run, {})) is None


def test_a_combination_of_changes_is_no_scaling(make_run):
    result = scaled(make_run, {1: [8.0] * 3, 2: [4.0] * 3})
    assert scaling(replace(result, combines=True)) == ("", ())


def test_ranks_count_together_with_their_threads(make_run):
    result = scaled(make_run, {1: [8.0] * 3, 2: [4.0] * 3})
    (context,) = result.contexts
    variants = tuple(
        replace(v, ranks=2, trials=tuple(replace(t, threads=1) for t in v.trials))
        if v.label.endswith("2")
        else v
        for v in context.variants
    )
    what, (curve,) = scaling(replace(result, contexts=(replace(context, variants=variants),)))
    assert what == "ranks"
    assert [p.size for p in curve.points] == [1, 2]


def test_on_gpus_ranks_count_and_a_gpu_is_not_scaled_against_a_cpu(make_run):
    on_gpu = {"device_ns": (1,), "threads": 2}
    result = scaled(make_run, {1: [8.0] * 3, 2: [4.0] * 3}, **{"1": on_gpu, "2": on_gpu})
    (context,) = result.contexts
    variants = tuple(replace(v, ranks=2 if v.label.endswith("2") else 1) for v in context.variants)
    what, (curve,) = scaling(replace(result, contexts=(replace(context, variants=variants),)))
    assert what == "GPUs"
    assert [p.size for p in curve.points] == [1, 2]
    assert plot(scaled(make_run, {1: [8.0] * 3, 2: [4.0] * 3}, **{"2": on_gpu})) is None


def test_a_knee_is_scaled_along_its_axis(make_run):
    result = scaled(make_run, {1: [8.0] * 3, 16: [9.0] * 3}, answer="knee")
    assert scaling(result)[0] == "mode"
    assert plot(result).title == "Scaling with mode"


def test_what_was_wrong_has_no_point(make_run):
    failed = {"checks": tuple(replace(c, ok=False) for c in trial("a", 1, 0, 1.0).checks)}
    result = scaled(make_run, {1: [8.0] * 3, 2: [4.0] * 3, 4: [2.0] * 3}, **{"4": failed})
    assert [p.size for p in scaling(result)[1][0].points] == [1, 2]


def test_the_table_has_the_efficiency_and_the_text_alternative_tells_it(make_run):
    found = plot(scaled(make_run, {1: [8.0] * 3, 2: [5.0] * 3}))
    assert found.data.titles[-1] == "Efficiency"
    assert found.data.texts[-1][-1] == "80.0 %"
    assert "80.0 % of the ideal" in found.svg
    assert ">ideal</text>" in found.svg
    assert "Hollow" not in found.reading


def test_a_single_round_has_no_interval_and_a_plot(make_run):
    found = plot(scaled(make_run, {1: [8.0], 2: [5.0]}))
    last = dict(zip(found.data.titles, found.data.texts[-1], strict=True))
    assert (last["Speed"], last["95 % interval"]) == ("1.60", "—")
    assert "Context" not in last


def test_many_variants_with_hostile_names_are_drawn_small(make_run):
    times = {1: [8.0] * 2} | {f"{HOSTILE}{n}": [8.0 / n] * 2 for n in range(2, 26)}
    changes = {f"{HOSTILE}{n}": {"threads": n} for n in range(2, 26)}
    found = plot(scaled(make_run, times, **changes))
    assert len(found.data.rows) == 25
    assert len(found.svg) < 20 * 1024
    assert "<script" not in found.svg


@given(st.lists(st.tuples(st.integers(1, 4), st.floats(0.1, 9)), min_size=1))
def test_the_best_of_each_size_are_the_fastest(members):
    points = tuple(Point("a", n, Interval(s, s, s, 3), 1.0) for n, s in sorted(members))
    best = Curve("", points).best
    assert [p.size for p in best] == sorted({n for n, _s in members})
    assert all(p.speedup.value == max(s for n, s in members if n == p.size) for p in best)
