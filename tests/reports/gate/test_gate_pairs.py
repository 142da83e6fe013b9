from __future__ import annotations

import dataclasses
import math

from hypothesis import given, settings
from hypothesis import strategies as st
from sample_verdict import ALIKE, SCREENED, SLOWER, make_verdict, sides, time_finding

from reports.gate.page import render_verdict
from reports.gate.plot import ratio_plot
from reports.gate.rows import cleared_table
from reports.gate.sides import tell_environments
from reports.gate.suspects import cleared_by, tell_cleared_suspects
from reports.plots.figure import drawing
from reports.plots.ratio_axis import RatioRow, ratio_figure
from reports.plots.svg import BLUE

STORED = {"pairs": 0, "advisory": True, "disturbed_pairs": 0, "seconds": 0.0, "p": None}


def plain(page: str) -> str:
    return page.replace("\N{NO-BREAK SPACE}", " ")


def test_every_pair_is_a_mark_of_the_plot_and_a_number_of_its_table() -> None:
    plot = ratio_plot([time_finding("v", screening_ratios=SCREENED, confirmation_ratios=SLOWER)], "gate")
    assert plot is not None
    assert "single pairs" in plot.reading
    columns = dict(zip(plot.data.titles, plot.data.texts[0], strict=True))
    assert columns["Screening pairs"] == "+3.1 %, -0.6 %, +1.8 %, +0.9 %"
    assert columns["Confirmation pairs"].count("%") == len(SLOWER)
    bare = ratio_plot([time_finding("v")], "gate")
    assert bare is not None
    assert plot.svg.count("<use") - bare.svg.count("<use") == len(SCREENED) + len(SLOWER)


def test_a_gate_without_single_pairs_has_no_columns_for_them() -> None:
    plot = ratio_plot([time_finding("v")], "gate")
    assert plot is not None
    assert "single pairs" not in plot.reading
    assert not {"Screening pairs", "Confirmation pairs"} & set(plot.data.titles)


ratios = st.floats(min_value=1e-3, max_value=1e3)


@settings(max_examples=25)
@given(ratio=ratios, pairs=st.lists(ratios, max_size=5), ends=st.none() | st.tuples(ratios, ratios))
def test_whatever_pairs_said_the_estimate_is_on_the_axis(ratio, pairs, ends) -> None:
    row = RatioRow(
        label="v", ratio=ratio, interval=ends, mark=1.01, colour=BLUE, filled=True, early=tuple(pairs),
        beside=(1 / ratio, ends),
    )  # fmt: skip
    with drawing():
        (axes,) = ratio_figure([row], "change").axes
        low, high = axes.get_xlim()
    assert low < ratio - 1 < high
    assert low < 1 / ratio - 1 < high
    marked = [line for line in axes.lines if line.get_marker() in {"o", "<", ">"}]
    assert sum(len(line.get_xdata()) for line in marked) == len(pairs) + 1
    assert all(low <= x <= high for line in marked for x in line.get_xdata())


def test_a_cleared_suspect_is_told_with_what_raised_and_what_dispelled_the_doubt() -> None:
    suspect = time_finding(
        "v", ratio=0.998, interval=(0.984, 1.012), pairs=12, smallest_detectable=0.019,
        screening_ratios=SCREENED, confirmation_ratios=ALIKE,
    )  # fmt: skip
    quiet = time_finding("w", p=None, interval=None)
    assert (cleared_by(suspect), cleared_by(quiet)) == ("new pairs", "screening")
    (row, _other) = cleared_table([suspect, quiet]).texts
    assert "12 (1 disturbed)" in row
    (told,) = tell_cleared_suspects([suspect, quiet])
    assert told == (
        "v: 4 pairs of the screening said +1.3 % (-0.6 to +3.1 %), a doubt; 12 new pairs then said -0.2 % (-1.6 to +1.2 %). "
        "That shows nothing beyond the limit of 1.0 %, and a change of 1.9 % would have shown in nine of ten cases."
    )
    assert told in plain(render_verdict(make_verdict((suspect, quiet))))


def test_an_older_gates_suspect_is_told_without_its_screening() -> None:
    (told,) = tell_cleared_suspects([time_finding("v", pairs=12, smallest_detectable=math.inf)])
    assert told.startswith("v: the screening left a doubt, and 12 new pairs then said +0.3 %")
    assert told.endswith("beyond the limit of 1.0 %.")


def test_a_stored_run_has_no_number_of_pairs_anywhere() -> None:
    verdict = make_verdict((time_finding("v", **STORED),), warnings=())
    page = plain(render_verdict(verdict))
    assert "0 pairs" not in page
    assert "The base is a stored run" in page
    assert "A pair gives one ratio" not in page
    (row,) = cleared_table(verdict.findings).rows
    texts = dict(zip(cleared_table(()).titles, (cell.text for cell in row.cells), strict=True))
    assert (texts["Pairs"], texts["Decided in"]) == ("—", "—")
    assert texts["Cleared by"] == "stored run"
    plot = ratio_plot(verdict.findings, "gate")
    assert plot is not None
    assert "deciding pairs" not in plot.reading
    assert dict(zip(plot.data.titles, plot.data.texts[0], strict=True))["Pairs"] == "—"


def test_environments_that_differ_are_told_before_everything_else() -> None:
    base, head = sides()
    said = tell_environments(make_verdict())
    assert said.startswith("The sides did not run in the same environment: ")
    assert f"torch is {head.environment['torch']} instead of {base.environment['torch']}" in said
    page = plain(render_verdict(make_verdict()))
    assert page.index("did not run in the same environment") < page.index("2 of 60 pairs were disturbed")
    same = make_verdict(base=dataclasses.replace(base, environment=head.environment))
    assert tell_environments(same) == ""
    assert tell_environments(make_verdict(base=dataclasses.replace(base, environment={}))) == ""
