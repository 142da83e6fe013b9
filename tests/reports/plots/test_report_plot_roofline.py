from __future__ import annotations

import re

from sample_plots import CEILINGS, HOSTILE, plots_result
from sample_run import trial

from reports.plots.figure import drawing
from reports.plots.roofline import dots_of, roofline_plots


def seen(mode, flops, moved_bytes):
    amounts = {"flops": flops, "moved_bytes": moved_bytes}
    return trial(f"layout[mode={mode}]", mode, 0, 1e6, pass_="operators", turns=(), metrics=amounts)


def result(make_run, amounts, ceilings=CEILINGS, **threads):
    """Make a scenario with steps of 1 ms; amounts are FLOPs and bytes."""
    changes = {mode: {"threads": threads.get(mode, 2)} for mode in amounts}
    extra = [seen(mode, *each) for mode, each in amounts.items()]
    return plots_result(make_run, {mode: [1.0] * 3 for mode in amounts}, extra, ceilings, changes=changes)


def plots(found):
    with drawing():
        return [plot for plot in roofline_plots(found, "p") if plot is not None]


def test_each_variant_is_a_labelled_dot_below_the_roof(make_run):
    (plot,) = plots(result(make_run, {"plain": (45e6, 3e6), "packed": (8e6, 6e6)}))
    assert ">plain</text>" in plot.svg
    assert ">packed</text>" in plot.svg
    assert ">a copy: 17.7 GiB/s</text>" in plot.svg
    assert ">products: 118 GFLOP/s</text>" in plot.svg
    assert plot.data.texts[0][1:] == ("plain", "15.0", "45.0 GFLOP/s", "118 GFLOP/s", "38.1 %", "arithmetic")
    assert "Hollow" not in plot.reading
    assert "no name" not in plot.reading


def test_without_ceilings_bytes_or_products_there_is_none(make_run):
    assert plots(result(make_run, {"plain": (45e6, 3e6)}, ceilings={})) == []
    assert plots(result(make_run, {"plain": (45e6, 0.0)})) == []
    assert plots(result(make_run, {"plain": (0.0, 3e6)})) == []
    assert plots(plots_result(make_run, {})) == []


def test_where_caches_serve_all_variants_there_is_none(make_run):
    assert plots(result(make_run, {"plain": (20e6, 60e6)})) == []


def test_where_caches_serve_one_of_them_its_dot_is_hollow(make_run):
    (plot,) = plots(result(make_run, {"plain": (20e6, 60e6), "packed": (45e6, 3e6)}))
    assert "Hollow" in plot.reading
    assert plot.data.texts[0][5] == "served by caches"
    assert 'fill="none"' in plot.svg


def test_each_number_of_threads_has_a_roofline_of_its_own(make_run):
    found = plots(result(make_run, {"plain": (45e6, 3e6), "single": (30e6, 3e6)}, single=1))
    assert [[row[1] for row in plot.data.texts] for plot in found] == [["plain"], ["single"]]
    assert [plot.title for plot in found] == ["Roofline, 2 threads", "Roofline, 1 thread"]
    ids = [set(re.findall(r'\sid="([^"]+)"', plot.svg)) for plot in found]
    assert not ids[0] & ids[1]


def test_one_variant_can_be_drawn(make_run):
    assert len(plots(result(make_run, {"plain": (45e6, 3e6)}))) == 1


def test_many_variants_with_hostile_names_are_named_where_there_is_room(make_run):
    amounts = {"plain": (45e6, 3e6)} | {f"{n}{HOSTILE}": (45e6 + 1e5 * n, 3e6) for n in range(24)}
    found = result(make_run, amounts)
    assert len(dots_of(found)) == 25
    (plot,) = plots(found)
    assert len(plot.data.rows) == 25
    assert len(plot.svg) < 20 * 1024
    assert re.search(r"\d+ dots have no name", plot.reading)
    assert "<script" not in plot.svg
