from __future__ import annotations

import math
import re

from hypothesis import given
from hypothesis import strategies as st
from sample_plots import HOSTILE, plots_result
from sample_run import trial

from reports.plots.figure import drawing
from reports.plots.memory import (
    HEAP,
    MOST_CURVES,
    MOST_ROWS,
    STEPS,
    curves,
    heap_plot,
    heaps_differ,
    step_memory_plot,
    thinned,
)

MIB = 2**20
POINTS = st.lists(st.tuples(st.floats(0, 1e9), st.floats(0, 1e12)), min_size=1, max_size=60)


def seen(mode, points, series=HEAP):
    pass_ = "memory" if series == HEAP else "operators"
    return trial(f"layout[mode={mode}]", mode, 0, 1e6, pass_=pass_, turns=(), series={series: tuple(points)})


def context(make_run, held, times=None, **more):
    extra = [seen(mode, points, **more) for mode, points in held.items()]
    return plots_result(make_run, times or {mode: [2.0] * 3 for mode in held}, extra).contexts[0]


def heap(found):
    with drawing():
        return heap_plot(found, "p")


def test_without_a_curve_there_is_no_plot(make_run):
    found = plots_result(make_run, {"plain": [2.0] * 3}).contexts[0]
    assert heap(found) is None
    with drawing():
        assert step_memory_plot(found, "p", on_gpu=False) is None


def test_a_single_point_can_be_drawn(make_run):
    found = heap(context(make_run, {"plain": [(0.0, 3.0 * MIB)]}))
    assert found.data.texts == (("plain", "0 ns", "3 MiB"),)


def test_points_that_are_no_numbers_or_below_zero_are_left_out(make_run):
    held = {"plain": [(0.0, math.nan), (1.0, 5.0), (-1.0, 7.0), (2.0, -3.0), (math.inf, 1.0)]}
    assert [curve.points for curve in curves(context(make_run, held), HEAP)] == [((1.0, 5.0),)]
    assert heap(context(make_run, {"plain": [(0.0, math.nan)]})) is None


def test_of_many_variants_the_telling_ones_are_drawn(make_run):
    held = {"plain": [(0, 5.0), (1, 9.0)]} | {f"v{n}": [(0, 1.0), (1, 10.0 + n)] for n in range(24)}
    times = {"plain": [2.0] * 3} | {f"v{n}": [1.0 if n == 7 else 2.0] * 3 for n in range(24)}
    found = context(make_run, held, times)
    assert [curve.variant.label for curve in curves(found, HEAP)] == ["plain", "v7", "v23"]
    assert "22 more variants are not drawn" in heap(found).reading


def test_the_text_alternative_and_the_legend_tell_the_peaks(make_run):
    found = heap(context(make_run, {"plain": [(0, 0.0), (20, 64.0 * MIB), (30, 8.0 * MIB)]}))
    assert "plain reaches 64 MiB after 20.0 ms" in found.svg
    assert ">plain: 64 MiB</text>" in found.svg
    assert "var(--blue)" in found.svg


def test_memory_is_spelt_in_round_binary_amounts(make_run):
    svg = heap(context(make_run, {"plain": [(0, 0.0), (20, 47.3 * MIB)]})).svg
    ticks = [float(text) for text in re.findall(r">([\d.]+) MiB</text>", svg)]
    assert ticks == [10, 20, 30, 40, 50]


def test_peaks_differ_where_a_curve_would_show_it(make_run):
    def differ(*peaks):
        times = {name: [2.0] * 3 for name in ("plain", "a", "b")}
        extra = [
            trial(f"layout[mode={mode}]", mode, 0, 1e6, pass_="memory", turns=(), metrics={"peak_heap": peak})
            for mode, peak in zip(times, peaks, strict=False)
        ]
        return heaps_differ(plots_result(make_run, times, extra).contexts[0])

    assert differ(100.0, 100.0, 110.0)
    assert not differ(100.0, 101.0, 100.0)
    assert not differ(100.0)
    assert not differ()


def test_steps_say_whether_tensors_or_a_gpu_held_it(make_run):
    found = context(make_run, {"plain": [(0, 0.0), (2, 5.0)]}, series=STEPS)
    with drawing():
        host, gpu = (step_memory_plot(found, "p", on_gpu=on_gpu) for on_gpu in (False, True))
    assert host.title == "Tensor memory over a few steps"
    assert gpu.title == "GPU memory over a few steps"


def test_long_curves_and_hostile_names_stay_small(make_run):
    points = [(float(n), float(n * n % 977)) for n in range(5000)]
    names = ["plain", *(f"{HOSTILE}{n}" for n in range(MOST_CURVES - 1))]
    found = heap(context(make_run, dict.fromkeys(names, points)))
    assert len(found.svg) < 20 * 1024
    assert len(found.data.rows) <= MOST_CURVES * MOST_ROWS
    assert "<script" not in found.svg


@given(POINTS, st.integers(1, 20))
def test_thinning_keeps_the_peak_and_the_order(points, most):
    kept = thinned(sorted(points), most)
    assert len(kept) == min(len(points), most)
    assert max(y for _x, y in kept) == max(y for _x, y in points)
    assert list(kept) == sorted(kept)
