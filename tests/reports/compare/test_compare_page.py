from __future__ import annotations

import dataclasses
import math
import os
import shutil
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from sample_compare import (
    CALLER,
    COUNTED,
    FASTER,
    FLAMEGRAPH,
    HUNGRIER,
    ONLY_A,
    ONLY_B,
    OTHER_WORK,
    SLOWER,
    TRACE,
    write_hostile,
    write_two,
)

import reports
from benchsuite.statistics import Interval
from benchsuite.store import RECORDS_FILE
from reports import format as fmt
from reports.compare.figures import figures, spell_change, spell_values, step_time
from reports.compare.files import Way, way
from reports.compare.page import render_comparison
from reports.compare.plot import change_plot
from reports.compare.words import Outcome, by_weight, headline, title

if TYPE_CHECKING:
    from pathlib import Path

    from reports import ReportData, RunDifference

QUIET = "batch_size[batch_size=8]"


class Tags(HTMLParser):
    """Collects the tags of a page with their attributes, as a browser would see them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data) -> None:
        self.text += data

    def links(self) -> list[str]:
        hrefs = [attributes.get("href") or "" for tag, attributes in self.found if tag == "a"]
        return [href for href in hrefs if not href.startswith("#")]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_two(tmp_path_factory.mktemp("two"))


@pytest.fixture(scope="module")
def loaded(two: tuple[Path, Path]) -> tuple[RunDifference, ReportData, ReportData]:
    old, new = map(reports.load, two)
    return reports.compare_runs(old, new), old, new


@pytest.fixture(scope="module")
def page(loaded: tuple[RunDifference, ReportData, ReportData], two: tuple[Path, Path]) -> str:
    where = two[0].parents[1] / "compare.html"
    made = reports.write_comparison(*loaded, where, names=("nightly", str(two[1])))
    return made.read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")


def outcomes(loaded: tuple[RunDifference, ReportData, ReportData]) -> list[Outcome]:
    difference, old, new = loaded
    before, after = ({v.id: v for s in data.scenarios for v in s.variants} for data in (old, new))
    return [
        Outcome(one, figures(one, before[one.variant], after[one.variant])) for one in difference.variants
    ]


def test_what_changed_stands_first_then_what_changes_how_it_is_read(page: str) -> None:
    sections = ("verdict", "caveats", "changes", "evidence", "variant-", "unmatched", "sides", "reading")
    places = [page.index(f'id="{name}') for name in sections]
    assert places == sorted(places)
    caveats = page[page.index('id="caveats"') :]
    assert caveats.index("torch is 2.12.0+cpu instead of 2.11.0+cpu") < caveats.index("Problem")


def test_the_title_and_the_headline_count_what_became_of_the_variants(
    loaded: tuple[RunDifference, ReportData, ReportData],
) -> None:
    found = outcomes(loaded)
    assert title(found) == "1 slower, 1 hungrier, 1 faster"
    said = headline(found)
    assert "1 became slower, 1 hungrier and 1 faster; 1 did other work and 1 changed in counts alone." in said
    assert f"Step of {SLOWER} takes 40.0 % longer" in said
    assert "relative to the canary, +40.0 % (+" in said
    assert [one.difference.variant for one in by_weight(found)] == [
        SLOWER, HUNGRIER, FASTER, OTHER_WORK, COUNTED,
    ]  # fmt: skip


def test_a_comparison_without_changes_says_so(loaded: tuple[RunDifference, ReportData, ReportData]) -> None:
    quiet = [one for one in outcomes(loaded) if not one.kinds]
    assert title(quiet) == "No change of time or memory is shown"
    assert headline(quiet).endswith("none became slower, faster, hungrier or leaner.")
    assert by_weight(quiet) == ()


def test_each_change_is_told_with_its_cause(page: str) -> None:
    for text in (
        f"aten::clamp_min_ is called 5 times a step instead of 3, from `forward` ({CALLER[9:-1]})",
        f"{HUNGRIER} has 230 MiB at the peak of the heap instead of 177 MiB: +53.0 MiB (+30.0 %).",
        "`forward` (model.py:31) holds",
        "`keep` (model.py:44) leaves 49 KiB behind in each step",
        f"{OTHER_WORK}: other work: a step handles 128 items instead of 100.",
        f"{COUNTED} has 188 operators a step instead of 187.",
        "torch.clamp_min_",
    ):
        assert text in page


def test_both_values_of_every_metric_stand_side_by_side(
    loaded: tuple[RunDifference, ReportData, ReportData],
) -> None:
    (slower,) = [one for one in outcomes(loaded) if one.difference.variant == SLOWER]
    found = {figure.metric: figure for figure in slower.figures}
    assert found["step_time"].after / found["step_time"].before == pytest.approx(1.4, rel=1e-3)
    assert found["step_time"].interval is not None
    assert found["operators"].standing == "more"
    assert found["peak_heap"].standing == "same"
    assert found["first_step_time"].standing == "not judged"
    assert not found["first_step_time"].changed


def test_an_interval_that_says_nothing_is_not_spelt(
    loaded: tuple[RunDifference, ReportData, ReportData],
) -> None:
    one = loaded[0].variants[1]
    assert step_time(one).interval is not None
    wild = dataclasses.replace(one, after=Interval(one.after.value, 1e-9, 1e30, 2))
    assert wild.ratio_interval is not None
    assert spell_change(step_time(wild)) == "0.0 %"
    alone = dataclasses.replace(one, before=Interval(one.before.value, 0.0, math.inf, 1))
    assert alone.ratio_interval is None
    assert spell_values(step_time(alone))[0] == fmt.duration(one.before.value)


def test_what_one_run_alone_measured_is_listed_with_the_reason(page: str) -> None:
    part = page[page.index('id="unmatched"') : page.index('id="sides"')]
    assert part.index(ONLY_A) < part.index(ONLY_B)
    assert "failed (the worker was killed)" in part


def test_quiet_variants_are_folded_away(page: str) -> None:
    changes = page[page.index('id="changes"') : page.index('id="evidence"')]
    assert QUIET not in changes
    assert "Variants in which no change is shown (29)" in page


def test_differences_around_the_code_are_marked(page: str) -> None:
    part = page[page.index('id="sides"') :]
    first = part[part.index('data-tone="differs"') :]
    assert first.index("PyTorch (workers)") < first.index("Task")


def test_the_runs_are_named_as_the_user_did(page: str, two: tuple[Path, Path]) -> None:
    top = page[: page.index('id="verdict"')]
    assert "<bdi>nightly</bdi>" in top
    assert f"<bdi>{two[0]}</bdi>" in top
    assert "77aa04e2c1d4, with changes" in top


def test_files_are_links_where_page_and_run_stand_in_one_folder(page: str, two: tuple[Path, Path]) -> None:
    links = Tags(page).links()
    assert f"a/{two[0].name}/{TRACE.replace('=', '%3D')}" in links
    assert f"b/{two[1].name}/{FLAMEGRAPH.replace('=', '%3D')}" in links
    assert not any(link.startswith("a/") and "flamegraph" in link for link in links)  # it is gone there


def test_files_are_paths_where_links_would_break(
    loaded: tuple[RunDifference, ReportData, ReportData], two: tuple[Path, Path], tmp_path: Path
) -> None:
    beyond = tmp_path / "elsewhere.html"
    for ways in ((Way(), Way()), (way(two[0], beyond), way(two[1], beyond))):
        text = render_comparison(*loaded, names=("a", "b"), ways=ways)
        assert Tags(text).links() == []
        assert TRACE in text


def test_a_page_in_the_second_runs_directory_reaches_its_own_files(
    loaded: tuple[RunDifference, ReportData, ReportData], two: tuple[Path, Path]
) -> None:
    page = two[1] / "compare" / "a.html"
    links = Tags(
        render_comparison(*loaded, names=("a", "b"), ways=(way(two[0], page), way(two[1], page)))
    ).links()
    assert f"../{TRACE.replace('=', '%3D')}" in links
    assert not any("../../../a/" in link for link in links)


def test_a_run_whose_name_is_no_utf8_is_reached_by_its_bytes(tmp_path: Path) -> None:
    run = tmp_path / os.fsdecode(b"run-\xff")
    run.mkdir()
    assert way(run, tmp_path / "c.html") == Way("run-%FF/")
    (run / "report.html").touch()
    assert way(run, tmp_path / "c.html") == Way("run-%FF/", "run-%FF/report.html")
    assert way(run, run / "c.html").folder == "./"


def test_the_plot_shows_changes_first_with_their_numbers(
    loaded: tuple[RunDifference, ReportData, ReportData],
) -> None:
    plot = change_plot(loaded[0].variants, "compare")
    assert plot is not None
    assert {row.cells[0].value for row in plot.data.rows[:2]} == {SLOWER, FASTER}
    assert len(plot.data.rows) == len(loaded[0].variants)
    assert "var(--vermillion)" in plot.svg
    assert "var(--blue)" in plot.svg
    assert "+40.0 %" in plot.svg
    assert change_plot((), "compare") is None


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> str:
    runs = write_hostile(tmp_path_factory.mktemp("hostile"))
    old, new = map(reports.load, runs)
    where = runs[0].parents[1] / "c.html"
    names = ("<script>alert(1)</script>\u202e", "{{7*7}}\"'>")
    ways = way(runs[0], where), way(runs[1], where)
    return render_comparison(reports.compare_runs(old, new), old, new, names=names, ways=ways)


def test_the_page_is_one_file_without_handlers_styles_or_addresses(page: str, hostile: str) -> None:
    for text in (page, hostile):
        tags = Tags(text)
        names = [tag for tag, _ in tags.found]
        assert names.count("script") == 1
        assert not {"img", "iframe", "link", "object", "b-x"} & set(names)
        for _, attributes in tags.found:
            assert not [name for name in attributes if name.startswith("on") or name in {"style", "src"}]
        assert not any(":" in link.partition("/")[0] or link.startswith("/") for link in tags.links())
        ids = [attributes["id"] for _, attributes in tags.found if "id" in attributes]
        assert len(ids) == len(set(ids))
        assert "default-src &#39;none&#39;" in text


def test_hostile_runs_say_what_is_wrong_with_them(hostile: str) -> None:
    shown = Tags(hostile).text
    assert "\u202e" not in shown
    assert "\x1b" not in shown
    assert "A: The run was interrupted or is still going on" in hostile
    assert f"{RECORDS_FILE}, line" in hostile
    assert "Hungrier" in hostile


def test_runs_without_passes_canaries_or_second_rounds_have_a_page(
    two: tuple[Path, Path], tmp_path: Path
) -> None:
    poor = []
    for run in two:
        copy = tmp_path / run.parent.name
        shutil.copytree(run, copy)
        lines = (run / RECORDS_FILE).read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if '"pass":"timing"' in line and '"scenario":"canary"' not in line]
        once = [line for line in kept if '"repetition":0' in line]
        (copy / RECORDS_FILE).write_text("".join(once)[:-9], encoding="utf-8")
        poor.append(reports.load(copy))
    text = render_comparison(reports.compare_runs(*poor), *poor, names=("a", "b"))
    assert "nothing tells whether the machine itself moved" in text
    assert "no memory pass in A and B" in text
