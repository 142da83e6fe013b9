from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sample_verdict import hostile_verdict, make_verdict

import reports

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

WIDTHS = (375, 768, 1600)


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a gate with findings of every kind."""
    return reports.write_verdict(make_verdict(), tmp_path_factory.mktemp("gate"))


@pytest.fixture(scope="module")
def hostile_gate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a gate in which every text is hostile."""
    return reports.write_verdict(hostile_verdict(), tmp_path_factory.mktemp("hostile-gate"))


def test_the_verdict_comes_first(page: Page, gate: Path) -> None:
    page.goto(gate.as_uri())
    assert page.locator("main > *").first.get_attribute("id") == "verdict"
    assert page.locator("h1").inner_text() == "Failed"
    assert page.locator("#verdict .headline").inner_text().startswith("1 of 9 variants failed")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#verdict"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out(page: Page, gate: Path, hostile_gate: Path, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    for path in (gate, hostile_gate):
        page.goto(path.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        assert (
            page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
        )


def test_the_figures_fit_a_usual_window_without_scrolling(page: Page, gate: Path) -> None:
    page.goto(gate.as_uri())
    hidden = "element => element.scrollWidth - element.clientWidth"
    for part in ("#evidence", "#cleared"):
        assert page.locator(f"{part} .scroll").first.evaluate(hidden) <= 0


def test_hostile_names_are_text(page: Page, hostile_gate: Path) -> None:
    page.goto(hostile_gate.as_uri())
    assert page.title() == "Failed · benchsuite"
    assert page.locator("script").count() == 1
    assert page.locator("img").count() == 0
    text = page.locator("body").inner_text()
    assert "<script>document.title" in text
    assert "{{7*7}}" in text
    assert "\u202e" not in text
    assert "\x1b" not in text


def test_findings_sort_by_their_weight(page: Page, gate: Path) -> None:
    page.goto(gate.as_uri())
    evidence = page.locator("#evidence table").first
    evidence.get_by_role("button", name="Verdict", exact=True).click()
    evidence.get_by_role("button", name="Verdict", exact=True).click()
    assert evidence.locator("tbody tr .tag").first.inner_text() == "improvement"


def test_print_leaves_out_what_only_a_screen_can_open(page: Page, gate: Path) -> None:
    page.goto(gate.as_uri())
    page.emulate_media(media="print")
    assert page.locator("#again").is_hidden()
    assert page.locator("#findings").is_visible()
    assert page.locator("#sides").is_visible()
