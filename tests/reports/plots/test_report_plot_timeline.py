from __future__ import annotations

import re

import pytest
from sample_plots import HOSTILE, plots_result, timeline
from sample_run import trial

from benchsuite.record import Span
from reports.plots.figure import drawing
from reports.plots.label_places import text_width
from reports.plots.timeline import (
    COLOURS,
    LABEL_SIZE,
    MOST_ROWS,
    MOST_SPANS,
    label_for,
    steps_of,
    timeline_plot,
)

FAST = {"plain": [2.0] * 3, "packed": [1.0] * 3}


def seen(mode, spans, **metrics):
    name = f"layout[mode={mode}]"
    return trial(name, mode, 0, 1e6, pass_="operators", turns=(), timeline=tuple(spans), metrics=metrics)


def context(make_run, shown, times=FAST, **metrics):
    extra = [seen(mode, spans, **metrics) for mode, spans in shown.items()]
    return plots_result(make_run, times, extra).contexts[0]


def plot(found):
    with drawing():
        return timeline_plot(found, "p")


def test_the_baseline_and_the_fastest_are_shown_with_one_scale(make_run):
    found = context(make_run, {"plain": timeline(2e6), "packed": timeline(1e6)})
    assert [step.variant.label for step in steps_of(found)] == ["plain", "packed"]
    drawn = plot(found)
    assert drawn.title == "Timeline of a step"
    assert ">backward</text>" in drawn.svg
    assert "scale of its own" not in drawn.reading
    assert "Kernels" not in drawn.reading


def test_steps_of_very_different_lengths_have_a_scale_each(make_run):
    found = context(make_run, {"plain": timeline(2e7), "packed": timeline(1e6)})
    assert "Each step has a scale of its own." in plot(found).reading


def test_another_variant_stands_in_where_the_baseline_has_none(make_run):
    found = context(make_run, {"packed": timeline(1e6)}, {"plain": [2.0] * 3, "packed": [2.0] * 3})
    assert [step.variant.label for step in steps_of(found)] == ["packed"]


def test_without_a_timeline_there_is_no_plot(make_run):
    assert plot(context(make_run, {})) is None
    assert plot(context(make_run, {"plain": [Span("later lane", "a", 0, 5)]})) is None


@pytest.mark.parametrize(
    "broken", [Span("operators", "a", -1, 5), Span("operators", "a", 1, 0), Span("operators", "a", 1, 10**30),
               Span("operators", "a", "1", 5), Span("operators", 7, 1, 5), Span("operators", "a", float("nan"), 5)]
)  # fmt: skip
def test_what_is_no_span_is_left_out(make_run, broken):
    whole = Span("operators", "whole", 1, 5)
    assert [step.spans for step in steps_of(context(make_run, {"plain": [broken, whole]}))] == [(whole,)]


def test_a_single_span_can_be_drawn(make_run):
    drawn = plot(context(make_run, {"plain": [Span("operators", "aten::mm", 0, 5000)]}))
    assert (
        drawn.data.texts == (("plain", "aten::mm", "operators", "1", "0 ns", "5 µs"),)
        or len(drawn.data.rows) == 1
    )
    assert ">mm</text>" in drawn.svg


def test_lanes_of_a_gpu_are_shown_in_a_fixed_order_and_colour(make_run):
    drawn = plot(context(make_run, {"plain": timeline(2e6, gpu=True)}))
    lanes = [text for text in re.findall(r">([a-z]+)</text>", drawn.svg) if text in COLOURS]
    assert lanes == list(COLOURS)
    assert {"var(--green)", "var(--vermillion)", "var(--orange)"} <= set(
        re.findall(r"var\(--\w+\)", drawn.svg)
    )
    assert "Kernels and copies belong to the step that has launched them" in drawn.reading


def test_the_table_adds_up_to_the_lanes(make_run):
    spans = timeline(2e6)
    drawn = plot(context(make_run, {"plain": spans}))
    assert sum(int(row[3]) for row in drawn.data.texts) == len(spans)
    assert len(drawn.data.rows) <= 1 + MOST_ROWS
    assert re.search(r"plain: operators [\d.]+ µs, backward [\d.]+ ms, optimizer [\d.]+ µs", drawn.svg)


def test_many_spans_with_hostile_names_stay_small_and_say_what_is_left_out(make_run):
    spans = [Span("operators", f"{HOSTILE}{n}", 1000 * n, 500 + n) for n in range(5000)]
    drawn = plot(context(make_run, {"plain": spans, "packed": spans}, timeline_spans_dropped=3.0))
    assert len(drawn.svg) < 20 * 1024
    assert f"{2 * (5000 - MOST_SPANS + 3):d} shorter spans are not drawn." in drawn.reading
    assert "<script" not in drawn.svg
    assert all(len(text) <= 80 for row in drawn.data.texts for text in row)


def test_a_label_fits_into_its_span_or_is_left_out():
    kernel = "void at::native::vectorized_elementwise_kernel<4, at::native::AddFunctor<float>>(int)"
    assert label_for("aten::conv2d", 80) == "conv2d"
    assert label_for(kernel, 200) == "vectorized_elementwise_kernel"
    assert label_for(kernel, 50) == ""
    assert label_for("<>", 2) == ""
    assert all(text_width(label_for(kernel, room), LABEL_SIZE) <= room for room in range(0, 600, 7))


def test_spans_that_overlap_have_no_label(make_run):
    spans = [
        Span("kernels", "one", 0, 900),
        Span("kernels", "two", 300, 900),
        Span("kernels", "three", 1300, 900),
    ]
    svg = plot(context(make_run, {"plain": spans})).svg
    assert ">three</text>" in svg
    assert ">one</text>" not in svg
    assert ">two</text>" not in svg
