from __future__ import annotations

import json
import subprocess
import sys
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from sample_run import write_run
from sample_verdict import VARIANTS, exact_finding, hostile_verdict, make_verdict, quiet_verdict, time_finding

import reports
from benchsuite.errors import NotComparableError, UsageError
from reports.gate.page import MOST_TOLD, render_verdict
from reports.gate.plot import MOST_ROWS, ratio_plot

if TYPE_CHECKING:
    from pathlib import Path

FILES = ["junit.xml", "report.html", "summary.md", "verdict.json"]


def test_a_verdict_is_written_for_everyone_and_read_back(tmp_path: Path) -> None:
    page = reports.write_verdict(make_verdict(), tmp_path)
    assert page == tmp_path / "report.html"
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
    assert reports.load_verdict(tmp_path) == make_verdict()


def test_a_gates_directory_is_reported_like_a_runs(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    assert "Answers" in reports.build(run).read_text(encoding="utf-8")
    written = reports.write_verdict(make_verdict(), run).read_text(encoding="utf-8")
    assert reports.build(run).read_text(encoding="utf-8") == written
    assert "Answers" not in written


def test_a_damaged_or_newer_verdict_is_refused_and_named(tmp_path: Path) -> None:
    path = tmp_path / "verdict.json"
    for text in ("{", "[]", "{}", '{"schema": 1, "findings": 3}'):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(UsageError, match=r"verdict\.json"):
            reports.build(tmp_path)
    path.write_text(json.dumps(make_verdict().to_json() | {"schema": 99}), encoding="utf-8")
    with pytest.raises(NotComparableError, match=r"verdict\.json"):
        reports.build(tmp_path)


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="gone"):
        reports.write_verdict(make_verdict(), tmp_path / "gone")


class Tags(HTMLParser):
    """Collects the tags of a page with their attributes, as a browser would see them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("verdict", [make_verdict(), hostile_verdict()], ids=["sample", "hostile"])
def test_the_page_is_one_file_without_handlers_styles_or_addresses(verdict) -> None:
    page = render_verdict(verdict)
    tags = Tags()
    tags.feed(page)
    names = [tag for tag, _ in tags.found]
    assert names.count("script") == 1
    assert not {"img", "iframe", "link", "object"} & set(names)
    for _, attributes in tags.found:
        assert not [name for name in attributes if name.startswith("on") or name in {"style", "src"}]
        assert (attributes.get("href") or "#").startswith("#")
    ids = [attributes["id"] for _, attributes in tags.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert "default-src &#39;none&#39;" in page


def test_the_verdict_comes_first_and_everything_is_told() -> None:
    page = render_verdict(make_verdict()).replace("\N{NO-BREAK SPACE}", " ")
    sections = ("verdict", "caveats", "findings", "evidence", "cleared", "sides", "again", "environment")
    places = [page.index(f'id="{name}"') for name in sections]
    assert places == sorted(places)
    for text in (
        "aten::clamp_min_ is called 4 times",
        "python -m benchsuite gate --against main -k &#39;device[device=cpu,phase=train]&#39;",
        "2 of 60 pairs were disturbed",
        'data-tone="differs"',
        "Hodges-Lehmann",
        "free the core, or allow more time",
    ):
        assert text in page


def test_a_traceback_is_shown_as_it_was_written() -> None:
    reason = "Traceback:\n  File model.py\nImportError: no <torch>"
    page = render_verdict(make_verdict((time_finding("v", metric="", verdict="failed", reason=reason),)))
    assert "<pre>Traceback:\n  File model.py\nImportError: no &lt;torch&gt;</pre>" in page


def test_a_quiet_gate_has_no_findings_to_look_at() -> None:
    page = render_verdict(quiet_verdict())
    assert 'id="findings"' not in page
    assert "Nothing but unchanged figures was found." in page
    assert "Nothing was decided" in render_verdict(make_verdict(()))


def test_many_findings_keep_the_page_readable() -> None:
    findings = tuple(time_finding(f"v[n={n}]", verdict="regression", ratio=1.1) for n in range(100))
    page = render_verdict(make_verdict(findings))
    assert page.count('class="found"') == MOST_TOLD
    assert f"{100 - MOST_TOLD} more findings" in page
    assert f"{100 - MOST_ROWS} more times are in the tables" in page


def test_the_plot_shows_every_time_on_one_axis() -> None:
    plot = ratio_plot(make_verdict().findings, "gate")
    assert plot is not None
    assert len(plot.data.rows) == 5
    assert "+5.1 % (+4.2 to +6.3 %), regression" in plot.svg
    assert "var(--vermillion)" in plot.svg
    assert ratio_plot([exact_finding(VARIANTS[0], "operators", 1, 2)], "gate") is None


def test_wild_and_open_intervals_can_be_drawn() -> None:
    for ratio, interval in (
        (1.02, (0.0, float("inf"))),
        (50.0, (0.01, 900.0)),
        (1.0, (1.0, 1.0)),
        (0.001, None),
    ):
        assert ratio_plot([time_finding("v", ratio=ratio, interval=interval)], "gate") is not None


def test_neither_torch_nor_a_scenario_is_imported(tmp_path: Path) -> None:
    reports.write_verdict(make_verdict(), tmp_path)
    code = (
        "import sys, pathlib, reports; reports.build(pathlib.Path(sys.argv[1]));"
        "assert not {'torch', 'scenarios'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
