from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

WIDTHS = (375, 768, 1600)


def open_report(page: Page, report: Path) -> None:
    page.goto(report.as_uri())


def column(page: Page, scenario: str, title: str) -> list[str]:
    return page.evaluate(
        """([scenario, title]) => {
            const table = document.querySelector(`#scenario-${scenario} table[data-sortable]`);
            const index = [...table.tHead.rows[0].cells].findIndex((cell) => cell.textContent === title);
            return [...table.tBodies[0].rows].map((row) => row.cells[index].textContent);
        }""",
        [scenario, title],
    )


def overflow(page: Page) -> int:
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def test_the_answers_come_first_and_lead_to_their_cards(page: Page, report: Path) -> None:
    open_report(page, report)
    assert page.locator("main > *").nth(1).get_attribute("id") == "answers"
    link = page.locator("#answers").get_by_role("link", name="Does torch.compile pay?")
    link.click()
    assert page.url.endswith("#scenario-compile")
    assert page.locator("#scenario-compile h2").inner_text() == "Does torch.compile pay?"


def test_what_pays_stands_behind_the_answers(page: Page, report: Path) -> None:
    open_report(page, report)
    section = page.locator("main > *").nth(2)
    assert section.get_attribute("id") == "ranking"
    rows = section.locator("table").first.locator("tbody tr")
    assert rows.first.get_attribute("data-tone") == "same step"
    assert rows.last.get_attribute("data-tone") == "combined"
    weights = [
        row.locator("td").first.evaluate("cell => getComputedStyle(cell).fontWeight") for row in rows.all()
    ]
    assert weights[-1] == "600"
    assert set(weights[:-1]) == {"400"}


def test_a_table_sorts_by_value_up_and_down_and_empty_cells_stay_last(page: Page, report: Path) -> None:
    open_report(page, report)
    card = page.locator("#scenario-batch_size")
    sorter = card.get_by_role("button", name="Throughput", exact=True)
    sorter.click()
    up = column(page, "batch_size", "Throughput")
    assert up[0] == "876 items/s"
    assert up[-1] == "—"
    assert card.locator("th[aria-sort=ascending]").count() == 1
    sorter.press("Enter")
    down = column(page, "batch_size", "Throughput")
    assert down[:-1] == up[-2::-1]
    assert down[-1] == "—"
    card.get_by_role("button", name="Batch size", exact=True).click()
    assert column(page, "batch_size", "Batch size")[::2] == ["1", "8", "32", "100", "512", "2048"]


def test_the_theme_follows_the_system_until_it_is_chosen(page: Page, report: Path) -> None:
    open_report(page, report)

    def paper() -> str:
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    light = paper()
    page.emulate_media(color_scheme="dark")
    dark = paper()
    assert light != dark
    button = page.locator("#theme")
    button.click()
    assert button.inner_text() == "Theme: light"
    assert paper() == light
    page.reload()
    assert paper() == light
    button.press("Space")
    assert paper() == dark


def test_plots_take_the_colours_of_the_theme(page: Page, report: Path) -> None:
    open_report(page, report)
    ink = "getComputedStyle(document.querySelector('svg.plot text')).fill"
    light = page.evaluate(ink)
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(ink) != light


def test_every_plot_has_a_name_and_a_table(page: Page, report: Path) -> None:
    open_report(page, report)
    figures = page.locator("figure").count()
    assert figures > 0
    assert page.locator("figure svg[role=img][aria-labelledby]").count() == figures
    assert page.locator("figure details table").count() == figures


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_sticks_out(page: Page, report: Path, hostile_report: Path, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    for path in (report, hostile_report):
        open_report(page, path)
        assert overflow(page) == 0
        page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        assert overflow(page) == 0


def test_hostile_names_are_text(page: Page, hostile_report: Path) -> None:
    open_report(page, hostile_report)
    assert page.title() != "taken"
    assert page.locator("script").count() == 1
    assert page.locator("img").count() == 0
    text = page.locator("body").inner_text()
    assert "<script>document.title" in text
    assert "{{7*7}}" in text
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert hostile_report.stat().st_size < 3 * 2**20


def test_everything_can_be_reached_by_keyboard(page: Page, report: Path) -> None:
    open_report(page, report)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.tagName"))
    assert {"A", "BUTTON", "SUMMARY"} <= reached


def test_it_reads_without_the_script(browser, report: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    open_report(page, report)
    assert page.locator("#theme").is_hidden()
    assert page.get_by_role("heading", name="Answers").is_visible()
    context.close()


def test_the_ranking_fits_a_usual_window_without_scrolling(page: Page, report: Path) -> None:
    open_report(page, report)
    hidden = "parts => parts.map((part) => part.scrollWidth - part.clientWidth)"
    assert set(page.locator("#ranking .scroll").evaluate_all(hidden)) <= {0}


def test_a_wide_window_keeps_the_contents_in_sight(page: Page, report: Path) -> None:
    page.set_viewport_size({"width": 1600, "height": 900})
    open_report(page, report)
    page.emulate_media(reduced_motion="reduce")
    page.locator("#contents").get_by_role("link", name="stack").click()
    assert page.url.endswith("#scenario-stack")
    assert page.locator("#scenario-stack h2").is_visible()
    assert page.locator("#contents a").first.evaluate("link => link.getBoundingClientRect().top") > 0
    assert page.evaluate("scrollY") > 2000
    page.set_viewport_size({"width": 1280, "height": 900})
    assert page.locator("#scenario-stack .up").is_visible()
    page.locator("#scenario-stack .up").press("Enter")
    assert page.url.endswith("#contents")
