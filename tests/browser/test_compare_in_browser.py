from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sample_compare import HUNGRIER, SLOWER, write_hostile, write_two

import reports

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

WIDTHS = (375, 768, 1600)
pytestmark = pytest.mark.slow


def write_page(runs: tuple[Path, Path]) -> Path:
    old, new = map(reports.load, runs)
    where = runs[0].parents[1] / "compare.html"
    names = (runs[0].name, "<script>alert(1)</script>")
    return reports.write_comparison(reports.compare_runs(old, new), old, new, where, names=names)


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of two runs with changes of every kind."""
    return write_page(write_two(tmp_path_factory.mktemp("compared")))


@pytest.fixture(scope="module")
def hostile_compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of two runs in which every text is hostile."""
    return write_page(write_hostile(tmp_path_factory.mktemp("hostile-compared")))


def test_the_answer_comes_first_and_the_keyboard_leads_to_the_changes(page: Page, compared: Path) -> None:
    page.goto(compared.as_uri())
    assert page.locator("h1").inner_text() == "1 slower, 1 hungrier, 1 faster"
    assert page.locator("main > *").first.get_attribute("id") == "verdict"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#changes"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out(
    page: Page, compared: Path, hostile_compared: Path, width: int, scheme: str
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    for path in (compared, hostile_compared):
        page.goto(path.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wider) == 0


def test_the_changes_fit_a_usual_window_without_scrolling(page: Page, compared: Path) -> None:
    page.goto(compared.as_uri())
    hidden = "element => element.scrollWidth - element.clientWidth"
    assert page.locator("#evidence .scroll").first.evaluate(hidden) <= 0


def test_each_change_leads_to_its_evidence(page: Page, compared: Path) -> None:
    page.goto(compared.as_uri())
    page.locator("#changes .found").first.get_by_role("link", name="The evidence").click()
    card = page.locator(":target")
    assert card.locator("h2").inner_text() == SLOWER
    assert "aten::clamp_min_" in card.inner_text()
    address = card.get_by_role("link", name="trace.json.gz").first.get_attribute("href") or ""
    assert (compared.parent / address.replace("%3D", "=")).is_file()


def test_hostile_texts_are_text(page: Page, hostile_compared: Path) -> None:
    page.goto(hostile_compared.as_uri())
    assert page.title().endswith("· benchsuite")
    assert "taken" not in page.title()
    assert page.locator("script").count() == 1
    assert page.locator("img").count() == 0
    text = page.locator("body").inner_text()
    assert "<script>document.title" in text
    assert "<script>alert(1)</script>" in text
    assert "{{7*7}}" in text
    assert "\u202e" not in text
    assert "\x1b" not in text


def test_the_plot_has_a_title_and_its_numbers(page: Page, compared: Path) -> None:
    page.goto(compared.as_uri())
    plot = page.locator("#evidence figure")
    assert SLOWER in (plot.get_by_role("img").locator("title").first.text_content() or "")
    assert plot.locator("text", has_text="+40.0 %").count() > 0
    plot.locator("summary").click()
    assert plot.locator("table").is_visible()


def test_figures_sort_by_their_value(page: Page, compared: Path) -> None:
    page.goto(compared.as_uri())
    table = page.locator("#evidence table").first
    table.get_by_role("button", name="Variant", exact=True).click()
    assert table.locator("tbody tr td").first.inner_text() == HUNGRIER


def test_dark_follows_the_system_and_print_leaves_out_what_only_a_screen_can_open(
    page: Page, compared: Path
) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto(compared.as_uri())
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("#theme").is_hidden()
    assert page.locator("#changes").is_visible()
    assert page.locator("#sides").is_visible()
