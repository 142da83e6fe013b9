from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from sample_history import FAILING, SLOWER, write_day, write_history

from benchsuite.history.database import read_history
from benchsuite.history.ledger import Ledger, Reading, RunEntry
from benchsuite.history.readings import Figure
from benchsuite.history.series import lines
from reports.history.as_json import history_document
from reports.history.page import render_history
from reports.history.plot import drawn_places, history_plot
from reports.history.table import history_table, notes, other_lines, with_trends


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    root = tmp_path_factory.mktemp("history") / "runs"
    write_history(root)
    write_day(root, 50, [], kind="gate")
    return read_history([root], "step_time", None, print)


@pytest.fixture(scope="module")
def found(ledger):
    return lines(ledger, "step_time")


class Balanced(HTMLParser):
    """Counts elements and knows which are open; cells and rows may end by themselves."""

    OPTIONAL = frozenset({"td", "tr", "meta", "input"})

    def __init__(self):
        super().__init__()
        self.open, self.counts, self.ids = [], {}, []

    def handle_starttag(self, tag, attrs):
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in self.OPTIONAL:
            self.open.append(tag)

    def handle_startendtag(self, tag, _attrs):
        self.counts[tag] = self.counts.get(tag, 0) + 1

    def handle_endtag(self, tag):
        if tag not in self.OPTIONAL:
            assert self.open.pop() == tag


def parsed(page):
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []
    assert len(parser.ids) == len(set(parser.ids))
    return parser


def test_the_page_is_one_whole_document(ledger, found):
    page = render_history("step_time", ledger, found, "runs")
    counts = parsed(page).counts
    assert counts["svg"] == counts["figure"] == len(found) == 5
    assert counts["script"] == counts["style"] == 1
    assert "default-src 'none'" in html.unescape(page)
    assert not re.search(r"\son\w+=|style=|https?://(?!www\.w3\.org)", page)


def test_changes_stand_first_and_the_rest_is_folded(ledger, found):
    page = render_history("step_time", ledger, found, "runs")
    assert page.index(f"Step time of {SLOWER} rose by") < page.index("Run after run")
    assert page.index('id="line-1"') < page.index('<details class="steady">') < page.index('id="line-2"')
    assert "Without a change (3)" in page
    assert "1 gate is left out" in page


def test_without_a_change_nothing_is_folded(ledger, found):
    page = render_history("step_time", ledger, found[2:], "runs")
    assert "No change is shown." in page
    assert '<details class="steady" open>' in page


def test_each_dot_has_a_title_and_a_row(ledger, found):
    page = render_history("step_time", ledger, found[:1], "runs")
    assert page.count("<circle ") == 40
    assert page.count("<circle ") == len(re.findall("<circle [^>]*><title>[^<]+</title></circle>", page))
    assert page.count("<tr><td>") + page.count('<tr data-tone="worse"><td>') == 40
    assert page.count('class="disturbed"') == 5


def test_a_gap_breaks_the_curve_and_says_why(found):
    line = next(line for line in found if line.variant == FAILING)
    svg = history_plot("step_time", line, range(len(line.points)), "x")
    values = re.search('class="values" d="([^"]+)"', svg)[1]
    assert values.count("M") == 2
    assert svg.count("failed: out of memory") == 2


def test_the_alternative_tells_the_values_and_the_change(found):
    svg = history_plot("step_time", found[0], (), "x")
    title = re.search('<title id="x-title">([^<]+)</title>', svg)[1]
    assert title.startswith("Step time of 40 runs from 1 Mar 2026 to 9 Apr 2026, between ")
    assert "rose by" in title


def test_all_of_a_plot_is_within_it(found):
    for line in found:
        svg = history_plot("step_time", line, range(len(line.points)), "x")
        for x, y in re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', svg):
            assert 0 < float(x) < 480
            assert 0 < float(y) < 178


@pytest.mark.parametrize("value", [0.0, -5.0, 1e-9, 1e99])
def test_any_value_can_be_drawn(found, value):
    points = tuple(replace(p, figure=Figure("loss", value)) for p in found[0].points[:3])
    svg = history_plot("loss", replace(found[0], points=points, steps=(), events=()), range(3), "x")
    assert "nan" not in svg
    assert "inf" not in svg


def test_points_beside_a_change_are_drawn_however_old(found):
    assert drawn_places(found[0], 5) == (24, 25, 35, 36, 37, 38, 39)
    assert drawn_places(found[0], 400) == tuple(range(40))


def test_the_table_has_a_row_for_each_line(found):
    table = history_table("step_time", found)
    assert [row.key for row in table.rows][:2] == [found[0].variant, found[1].variant]
    assert table.rows[0].tone == "worse"
    shown = with_trends(table, found)
    assert shown.titles == ("Variant", "Runs", "Latest", "Trend", "Last change", "With commit", "On")
    assert all(len(row.cells) == 7 for row in shown.rows)


def test_a_second_line_of_a_variant_is_numbered_and_explained(found):
    other = replace(found[0], unlike={"machine.num_cores": ("8", "2")})
    assert history_table("step_time", [other, found[0]]).texts[1][0] == SLOWER
    texts = other_lines([other, found[0]])
    assert texts == [f"{SLOWER} (2): A line of its own: num cores is 2 instead of 8."]


def test_notes_say_what_could_not_be_read(ledger, found):
    broken = replace(ledger.runs[0], problem="run.json: not a run's header", finished=False)
    open_ = replace(ledger.runs[1], finished=False)
    texts = notes(replace(ledger, runs=(broken, open_)), found, "step_time")
    assert texts == [
        "1 gate is left out: a gate measures two states of the code.",
        f"{broken.name} could not be read whole: run.json: not a run's header.",
        "1 run is not finished: what there is of it is shown.",
    ]


def test_the_document_is_json_and_its_places_are_those_of_the_points(ledger, found):
    document = json.loads(json.dumps(history_document("step_time", ledger, found), allow_nan=False))
    assert (document["metric"], document["unit"], document["gates_left_out"]) == ("step_time", "ns", 1)
    line = document["lines"][0]
    (step,) = line["change_points"]
    assert step["after"] == 25
    assert line["points"][step["after"]]["run"] == document["runs"][25]["run"]
    assert line["software_changes"] == [{"at": 25, "changed": {"torch": ["2.11.0", "2.12.0"]}}]
    assert step["interval"][0] < step["factor"] < step["interval"][1]
    failing = next(line for line in document["lines"] if line["variant"] == FAILING)
    assert failing["points"][10]["value"] is None
    assert failing["points"][10]["reason"].startswith("out of memory")


@pytest.mark.slow
def test_two_hundred_runs_of_a_hundred_variants_stay_below_three_megabytes():
    import random

    noise = random.Random(1)
    runs = [
        RunEntry(
            root="runs",
            name=f"r{n:06}",
            started=f"2026-01-01T{n // 60:02}:{n % 60:02}:00Z",
            finished=True,
            commit=f"{n:040x}",
            task="task",
            problem="",
        )
        for n in range(200)
    ]
    readings = tuple(
        Reading(
            run, "s", f"scenario[variant={v:03},phase=infer]", "measured", "",
            "2 of 3 timings were disturbed: waited 30% of its time for a core", "c", {}, {"torch": "2.11.0"},
            Figure("step_time", level, level * 0.99, level * 1.01, 3),
        )
        for n, run in enumerate(runs)
        for v in range(100)
        for level in (9e6 * (1.1 if v < 10 and n >= 100 else 1.0) * noise.gauss(1, 0.01),)
    )  # fmt: skip
    ledger = Ledger(tuple(runs), 0, {"step_time": len(readings)}, readings, ())
    found = lines(ledger, "step_time")
    assert sum(bool(line.steps) for line in found) >= 10
    page = render_history("step_time", ledger, found, "runs")
    assert parsed(page).counts["svg"] == 100
    assert len(page.encode()) < 3 * 2**20
    assert "older runs are on the curve, without a dot and a row" in page
