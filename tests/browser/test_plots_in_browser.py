"""The plots of a page as a browser lays them out: no text on another, in both themes, on a phone."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
from sample_plots import CEILINGS, HOSTILE, plots_info, plots_records, timeline
from sample_run import make_info, trial, write_run

import reports

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = pytest.mark.slow
MANY = 25
OVERLAPS = """figures => figures.flatMap((figure) => {
    const texts = [...figure.querySelectorAll('svg text')];
    const boxes = texts.map((text) => text.getBoundingClientRect());
    const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
        && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
    const found = [];
    boxes.forEach((one, n) => boxes.slice(n + 1).forEach((other, m) => {
        if (meet(one, other)) {
            found.push([figure.querySelector('h3').textContent, texts[n].textContent, texts[n + 1 + m].textContent]);
        }
    }));
    return found;
})"""
OUTSIDE = """figures => figures.flatMap((figure) => {
    const frame = figure.querySelector('svg').getBoundingClientRect();
    return [...figure.querySelectorAll('svg text')].filter((text) => {
        const box = text.getBoundingClientRect();
        return box.left < frame.left - 1 || box.right > frame.right + 1;
    }).map((text) => text.textContent);
})"""


@pytest.fixture(scope="module")
def plotted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of two scenarios of the sample run, with what their passes leave for plots."""
    info = plots_info()
    entries = tuple(entry for entry in info.scenarios if entry["name"] in {"batch_size", "compile"})
    names = {"canary", "batch_size", "compile"}
    records = [record for record in plots_records() if record.scenario in names]
    info = dataclasses.replace(info, scenarios=entries)
    return reports.build(write_run(tmp_path_factory.mktemp("plotted"), info, records))


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of one scenario with 25 variants of hostile names, each with everything that can be drawn."""
    names = ["plain", *(f"{number}{HOSTILE}" for number in range(1, MANY))]
    variants, records = [], []
    for number, name in enumerate(names):
        id_, step_ns = f"layout[mode={name}]", 1e6 * (1 + 0.02 * number)
        more = {"threads": 1 + number, "baseline": not number}
        records += [trial(id_, name, round_, step_ns, **more) for round_ in range(2)]
        amounts = {"flops": 20e6 + 1e6 * number, "moved_bytes": 3e6 + 1e5 * number}
        held = tuple((float(n), float(n * 2**20)) for n in range(300))
        seen = {"pass_": "operators", "metrics": amounts, "timeline": timeline(step_ns, gpu=bool(number % 2))}
        records.append(
            trial(id_, name, 0, step_ns, turns=(), series={"memory_over_time": held}, **seen, **more)
        )
        records.append(
            trial(
                id_,
                name,
                0,
                step_ns,
                turns=(),
                pass_="memory",
                series={"heap_over_time": held},
                metrics={"peak_heap": 1e8 + 1e7 * number},
                **more,
            )
        )
        variants.append({"id": id_, "settings": {"mode": name}, "context": {}, "baseline": not number, "available": True})  # fmt: skip
    entry = {
        "name": "layout",
        "question": "Does it pay?",
        "compare": "mode",
        "answer": "best",
        "variants": variants,
    }
    ceilings = CEILINGS | {"cpu_threads": 25.0}
    info = dataclasses.replace(make_info(), scenarios=(entry,), ceilings=ceilings)
    return reports.build(write_run(tmp_path_factory.mktemp("crowded"), info, records))


def open_all(page: Page, report: Path) -> None:
    page.goto(report.as_uri())
    page.locator("details.further").evaluate_all("parts => parts.forEach((part) => { part.open = true; })")


def test_no_text_of_a_plot_lies_on_another_or_is_cut_off(page: Page, plotted: Path) -> None:
    open_all(page, plotted)
    shown = page.locator(":is(#scenario-batch_size, #scenario-compile) figure")
    assert shown.count() == 19
    assert shown.evaluate_all(OVERLAPS) == []
    assert shown.evaluate_all(OUTSIDE) == []


def test_nor_with_many_variants_of_hostile_names(page: Page, crowded: Path) -> None:
    open_all(page, crowded)
    kinds = {title.partition(", ")[0] for title in page.locator("figure h3").all_inner_texts()}
    assert {"Scaling with threads", "Roofline", "Timeline of a step", "Heap over time"} <= kinds
    assert page.locator("figure").evaluate_all(OVERLAPS) == []
    assert page.locator("figure").evaluate_all(OUTSIDE) == []
    assert page.title() != "taken"


def test_three_plots_of_a_card_stand_open_and_the_others_fold(page: Page, plotted: Path) -> None:
    page.goto(plotted.as_uri())
    card = page.locator("#scenario-compile")
    assert card.locator("figure:visible").count() == 3
    summary = card.locator("details.further > summary")
    assert summary.inner_text() == (
        "6 more plots: Step times, Roofline, Timeline of a step, Tensor memory over a few steps"
    )
    summary.press("Enter")
    assert card.locator("figure:visible").count() == 9


def test_timelines_follow_the_theme(page: Page, plotted: Path) -> None:
    open_all(page, plotted)
    fill = """() => [...document.querySelectorAll('figure svg')].flatMap((svg) =>
        [...svg.querySelectorAll('path[fill="var(--purple)"]')]).slice(0, 1).map((path) => getComputedStyle(path).fill)"""
    light = page.evaluate(fill)
    page.emulate_media(color_scheme="dark")
    assert len(light) == 1
    assert page.evaluate(fill) != light


def test_on_a_phone_a_plot_scrolls_in_its_own_box_and_its_text_stays_legible(
    page: Page, plotted: Path
) -> None:
    page.set_viewport_size({"width": 375, "height": 800})
    open_all(page, plotted)
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    figure = page.locator("#scenario-batch_size figure").first
    assert figure.evaluate("part => part.scrollWidth - part.clientWidth") > 0
    assert figure.locator("svg text").first.evaluate("text => text.getBoundingClientRect().height") > 9
