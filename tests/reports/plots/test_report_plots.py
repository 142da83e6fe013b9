"""Which plots a scenario gets, and in which order: by its answer's kind and by what was recorded, never by its name."""

from __future__ import annotations

import pytest
from sample_plots import CEILINGS, plots_result, timeline
from sample_run import trial

from reports.plots.choice import scenario_plots

TIMES = {"plain": [2.0] * 3, "packed": [1.0] * 3}


def recorded(mode, peak, **more):
    """Make the records of both passes of a variant, with everything that can be drawn."""
    head = {"variant": f"layout[mode={mode}]", "value": mode, "repetition": 0, "step_ns": 1e6, "turns": ()}
    points = ((0.0, 1.0), (10.0, peak), (20.0, 5.0))
    amounts = {"flops": 45e6, "moved_bytes": 3e6}
    seen = trial(**head, pass_="operators", timeline=timeline(1e6), metrics=amounts, series={"memory_over_time": points}, **more)  # fmt: skip
    held = trial(
        **head, pass_="memory", metrics={"peak_heap": peak}, series={"heap_over_time": points}, **more
    )
    return [seen, held]


def titles(make_run, answer="best", peaks=(1e6, 2e6), **timing):
    extra = [record for mode, peak in zip(TIMES, peaks, strict=True) for record in recorded(mode, peak)]
    changes = {mode: {"threads": 2} | timing for mode in TIMES}
    result = plots_result(make_run, TIMES, extra, CEILINGS, answer=answer, changes=changes)
    return [plot.title for plot in scenario_plots(result, "p")]


def test_what_answers_stands_before_what_explains(make_run):
    assert titles(make_run) == [
        "Speed against the baseline", "Step times", "Roofline", "Timeline of a step", "Heap over time",
        "Tensor memory over a few steps",
    ]  # fmt: skip


def test_where_speed_is_traded_for_memory_memory_answers(make_run):
    assert titles(make_run, "trade_off")[:3] == [
        "Speed against the baseline", "Heap over time", "Tensor memory over a few steps",
    ]  # fmt: skip


def test_heaps_that_are_equal_are_not_drawn(make_run):
    assert "Heap over time" not in titles(make_run, peaks=(1e6, 1e6))


def test_on_a_gpu_its_memory_is_drawn_and_not_the_heap(make_run):
    found = titles(make_run, device_ns=(5,))
    assert "GPU memory over a few steps" in found
    assert "Heap over time" not in found


@pytest.mark.parametrize(
    "answer", ["best", "knee", "break_even", "trade_off", "stack", "reached", "a later kind"]
)
def test_no_kind_of_answer_needs_a_record(make_run, answer):
    assert scenario_plots(plots_result(make_run, {}, answer=answer), "p") == ()
