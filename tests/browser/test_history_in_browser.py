from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
from sample_history import SLOWER, STEADY, timing, write_day, write_history
from sample_verdict import HOSTILE

from benchsuite.history.database import read_history
from benchsuite.history.series import lines
from reports.document import write_file
from reports.history.page import render_history

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = pytest.mark.slow

WIDTHS = (375, 768, 1600)


def write_page(root: Path) -> Path:
    ledger = read_history([root], "step_time", None, print)
    page = render_history("step_time", ledger, lines(ledger, "step_time"), str(root.name))
    return write_file(root.parent / "history.html", page)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the runs of forty days."""
    root = tmp_path_factory.mktemp("history") / "runs"
    write_history(root)
    return write_page(root)


@pytest.fixture(scope="module")
def hostile_history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of runs in which every name, commit and message is hostile."""
    root = tmp_path_factory.mktemp("hostile") / "runs"
    variants = f"a{HOSTILE}", f"b{HOSTILE}"
    for number in range(16):
        level = 9e6 if number < 8 else 2e7
        trials = [timing(variant, level, scenario=HOSTILE) for variant in variants]
        if number == 3:
            trials = [
                dataclasses.replace(trial, outcome="failed", reason=HOSTILE, turns=(), checks=())
                for trial in trials
            ]
        torch = HOSTILE if number > 9 else "2.11.0"
        write_day(
            root, number, [trials], commit=f"{number}{HOSTILE}", task=HOSTILE, task_name=HOSTILE,
            machine={"cpu_model": HOSTILE if number < 4 else "plain"},
            environments={"e1": {"torch": torch, HOSTILE: HOSTILE}},
            finished=None if number == 12 else "2026-03-01T09:00:00Z",
        )  # fmt: skip
    (root / next(iter(sorted(root.iterdir()))).name / "records.jsonl").open("a").write("{")
    return write_page(root)


def overflow(page: Page) -> int:
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def test_what_changed_comes_first_and_leads_to_its_plot(page: Page, history: Path) -> None:
    page.goto(history.as_uri())
    found = page.locator("#changes .found")
    assert found.count() == 2
    assert found.first.locator(".tag").inner_text() == "worse"
    assert f"Step time of {SLOWER} rose by" in found.first.inner_text().replace("\xa0", " ")
    found.first.get_by_role("link", name="Plot").click()
    assert page.evaluate("location.hash") == "#line-0"
    page.reload()
    page.keyboard.press("Tab")
    assert page.locator(".skip").count() == 1


def test_a_pointer_shows_commit_date_and_value(page: Page, history: Path) -> None:
    page.goto(history.as_uri())
    trace = page.locator("#line-0 .trace")
    said = trace.locator(".said")
    assert said.inner_text().startswith("Point at the plot")
    trace.locator("circle").nth(25).hover()
    assert said.inner_text().startswith("abc019012345 · 26 Mar 2026, 09:00 · 9.")
    assert trace.locator(".chosen").count() == 1
    page.mouse.move(1, 1)
    assert said.inner_text().startswith("Point at the plot")
    assert trace.locator(".chosen").count() == 0


def test_the_arrow_keys_go_from_run_to_run(page: Page, history: Path) -> None:
    page.goto(history.as_uri())
    trace = page.locator("#line-0 .trace")
    said = trace.locator(".said")
    trace.focus()
    assert "9 Apr 2026" in said.inner_text()
    page.keyboard.press("ArrowLeft")
    assert "8 Apr 2026" in said.inner_text()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    assert "1 Mar 2026" in said.inner_text()
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")
    assert "9 Apr 2026" in said.inner_text()
    page.keyboard.press("Tab")
    assert said.inner_text().startswith("Point at the plot")


def test_gaps_are_reached_and_tell_their_reason(page: Page, history: Path) -> None:
    page.goto(history.as_uri())
    page.locator(".steady > summary").click()
    trace = page.locator("#line-2 .trace")
    trace.focus()
    page.keyboard.press("Home")
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    assert trace.locator(".said").inner_text().endswith("failed: out of memory")


def test_without_a_script_each_dot_has_a_title_and_nothing_asks_for_one(browser, history: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto(history.as_uri())
    assert opened.locator("#line-0 circle title").count() == 40
    assert opened.locator(".said").first.is_hidden()
    assert opened.locator(".filter").is_hidden()
    context.close()


def test_the_filter_shows_variants_by_name_and_opens_what_is_folded(page: Page, history: Path) -> None:
    page.goto(history.as_uri())
    assert not page.locator("#line-3").is_visible()
    field = page.get_by_role("searchbox")
    field.fill("MODE=D")
    assert page.locator("figure.history:visible").count() == 1
    assert STEADY in page.locator("figure.history:visible h3").inner_text()
    assert page.locator(".filter [role=status]").inner_text() == "1 of 5"
    field.fill("")
    assert page.locator("figure.history:visible").count() == 5


def test_colours_follow_the_theme(page: Page, history: Path) -> None:
    page.goto(history.as_uri())
    look = """["circle", ".label.worse", ".tick"].map((part) =>
        getComputedStyle(document.querySelector(`#line-0 ${part}`)).fill)"""
    light = page.evaluate(look)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(look)
    assert all(one != other for one, other in zip(light, dark, strict=True))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out(
    page: Page, history: Path, hostile_history: Path, width: int, scheme: str
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    for path in (history, hostile_history):
        page.goto(path.as_uri())
        assert overflow(page) == 0
        page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        assert overflow(page) == 0


@pytest.mark.parametrize("width", [375, 1280])
def test_the_texts_of_a_plot_are_within_it(page: Page, history: Path, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(history.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    outside = page.evaluate("""[...document.querySelectorAll('.trace svg')].flatMap((svg) =>
        [...svg.querySelectorAll('text')].filter((text) => {
          const [inner, outer] = [text.getBoundingClientRect(), svg.getBoundingClientRect()];
          return inner.left < outer.left - 1 || inner.right > outer.right + 1 || inner.top < outer.top - 1;
        }).map((text) => text.textContent))""")
    assert outside == []


def test_hostile_names_are_text(page: Page, hostile_history: Path) -> None:
    page.goto(hostile_history.as_uri())
    assert page.title() == "History of step time · benchsuite"
    assert page.locator("script").count() == 1
    assert page.locator("img").count() == 0
    trace = page.locator(".trace").first
    trace.focus()
    page.keyboard.press("ArrowLeft")
    assert page.title() == "History of step time · benchsuite"
    text = page.locator("body").inner_text()
    assert "<script>document.title" in text
    assert "{{7*7}}" in text
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert hostile_history.stat().st_size < 3 * 2**20


def test_print_shows_plots_without_what_only_a_screen_has(page: Page, history: Path) -> None:
    page.goto(history.as_uri())
    page.emulate_media(media="print")
    assert page.locator(".said").first.is_hidden()
    assert page.locator(".filter").is_hidden()
    assert page.locator("#line-0 svg").is_visible()
