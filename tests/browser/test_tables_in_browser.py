from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest
from sample_verdict import hostile_verdict, make_verdict

import reports

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Download, Locator, Page

CARD = "#scenario-batch_size"
RESULTS = "Results of batch_size"
SHOWN = f"{CARD} table[data-sortable] >> nth=0"
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d")


def saved(page: Page, button: str) -> tuple[str, str]:
    """Press a button that saves a file; return the file's name and its text as it is, line ends included."""
    with page.expect_download() as found:
        page.get_by_role("button", name=button, exact=True).click()
    download: Download = found.value
    return download.suggested_filename, download.path().read_bytes().decode("utf-8")


def parsed(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def shown_rows(page: Page) -> Locator:
    return page.locator(SHOWN).locator("tbody tr:visible")


def expected(report: Path) -> dict[str, dict[str, float | None]]:
    """What the page of the sample run should hand out of one scenario, by the variants' ids."""
    data = reports.load(report.parent)
    scenario = next(found for found in data.scenarios if found.name == "batch_size")
    return {
        variant.id: {
            "Batch size": float(variant.settings["batch_size"]),
            "Step time (ns)": variant.step_time and variant.step_time.value,
            "95 % interval, low (ns)": variant.step_time and variant.step_time.low,
            "Throughput (items/s)": variant.throughput and variant.throughput.value,
            "Speed against baseline, high (times)": variant.comparison and variant.comparison.speedup.high,
            "Peak heap (B)": variant.metric("peak_heap"),
        }
        for variant in scenario.variants
    }


def test_a_table_is_saved_as_csv_with_values_in_full(page: Page, report: Path) -> None:
    page.goto(report.as_uri())
    name, text = saved(page, f"Save {RESULTS} as CSV")
    assert name == "20260302T091407Z-5ca1ab-Results-of-batch_size.csv"
    assert text.count("\n") == text.count("\r\n") == 13
    found = parsed(text)
    wanted = expected(report)
    assert [row["Id"] for row in found] == list(wanted)
    for row in found:
        for title, value in wanted[row["Id"]].items():
            assert (float(row[title]) if row[title] else None) == value, (row["Id"], title)
    assert {row["Verdict"] for row in found} == {"slower", "baseline", "faster", "failed"}


def test_a_table_is_saved_as_json_with_values_in_full(page: Page, report: Path) -> None:
    page.goto(report.as_uri())
    name, text = saved(page, f"Save {RESULTS} as JSON")
    assert name.endswith("-Results-of-batch_size.json")
    document = json.loads(text)
    assert {key: document[key] for key in ("schema", "run", "table")} == {
        "schema": 1,
        "run": "20260302T091407Z-5ca1ab",
        "table": RESULTS,
    }
    for row in document["rows"]:
        by_title = dict(zip(document["columns"], row, strict=True))
        for title, value in expected(report)[by_title["Id"]].items():
            assert by_title[title] == value


def test_a_table_is_copied_with_tabs(page: Page, report: Path) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(report.as_uri())
    page.get_by_role("button", name=f"Copy {RESULTS}").click()
    page.locator(CARD).get_by_text("Copied 12 rows").wait_for()
    lines = page.evaluate("navigator.clipboard.readText()").splitlines()
    titles = lines[0].split("\t")
    wanted = expected(report)
    assert len(lines) == 13
    for line in lines[1:]:
        row = dict(zip(titles, line.split("\t"), strict=True))
        time_ns = wanted[row["Id"]]["Step time (ns)"]
        assert (float(row["Step time (ns)"]) if row["Step time (ns)"] else None) == time_ns


@pytest.mark.parametrize("clipboard", ["undefined", "{ writeText: () => Promise.reject(new Error('no')) }"])
def test_where_the_clipboard_is_closed_the_table_is_selected(
    page: Page, report: Path, clipboard: str
) -> None:
    page.add_init_script(f"Object.defineProperty(navigator, 'clipboard', {{ value: {clipboard} }})")
    page.goto(report.as_uri())
    page.get_by_role("button", name=f"Copy {RESULTS}").click()
    page.locator(CARD).get_by_text("The table is selected").wait_for()
    assert "876 items/s" in page.evaluate("getSelection().toString()")


def test_a_filter_leaves_the_rows_that_have_all_of_its_words(page: Page, report: Path) -> None:
    page.goto(report.as_uri())
    field = page.get_by_label(f"Filter {RESULTS}")
    tools = page.locator(CARD).locator(".tools").first
    field.press_sequentially("INFER slower")
    assert tools.locator("output").inner_text() == "4 of 12 rows"
    assert shown_rows(page).count() == 4
    _, text = saved(page, f"Save {RESULTS} as CSV")
    assert {row["Verdict"] for row in parsed(text)} == {"slower"}
    field.press("Escape")
    assert field.input_value() == ""
    assert shown_rows(page).count() == 12
    assert tools.locator("output").inner_text() == ""
    field.fill("no such row")
    assert tools.locator("output").inner_text() == "0 of 12 rows"


@pytest.mark.slow
def test_short_tables_have_no_filter_and_long_ones_have(page: Page, report: Path) -> None:
    page.goto(report.as_uri())
    counts = page.locator("table[data-sortable]").evaluate_all(
        "tables => tables.map((table) => [table.tBodies[0].rows.length,"
        " table.parentElement.previousElementSibling.querySelectorAll('input').length])"
    )
    assert {fields for rows, fields in counts if rows > 6} == {1}
    assert {fields for rows, fields in counts if rows <= 6} == {0}


@pytest.mark.slow
@pytest.mark.parametrize("page_of", ["report", "gate"])
def test_every_table_is_sorted_and_saved(page: Page, report: Path, gate: Path, page_of: str) -> None:
    page.goto({"report": report, "gate": gate}[page_of].as_uri())
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    tables = page.locator("main table").count()
    assert page.locator("main table[data-sortable]").count() == tables
    assert page.locator(".tools button", has_text="CSV").count() >= tables
    assert page.evaluate(
        """() => [...document.querySelectorAll("main table")].every((table) => {
            const rows = table.tBodies[0].rows.length;
            return rows < 2 || [...table.tHead.rows[0].cells].every((cell) => cell.querySelector("button"));
        })"""
    )


def test_the_numbers_of_a_plot_sort_by_their_size(page: Page, report: Path) -> None:
    page.goto(report.as_uri())
    table = page.locator(f"{CARD} figure table").nth(1)
    page.locator(f"{CARD} figure summary").nth(1).click()
    table.get_by_role("button", name="Peak memory").press("Enter")
    texts = table.locator("tbody td:last-child").all_inner_texts()
    assert texts[0] == "3.17 MiB"
    assert texts[-1] == "692 MiB"


def test_verdicts_of_a_gate_sort_by_weight_and_are_saved_as_words(page: Page, gate: Path) -> None:
    page.goto(gate.as_uri())
    evidence = page.locator("#evidence table").first
    evidence.get_by_role("button", name="Verdict", exact=True).click()
    evidence.get_by_role("button", name="Verdict", exact=True).click()
    name, text = saved(page, "Save Findings that are not unchanged as CSV")
    found = parsed(text)
    assert found[0]["Verdict"] == "improvement"
    assert found[-1]["Verdict"] == "failed"
    wanted = {(f.variant, f.ratio, f.interval) for f in make_verdict().findings if f.verdict == "improvement"}
    assert {
        (
            row["Id"],
            float(row["Change (head / base)"]),
            (float(row["Change, low (head / base)"]), float(row["Change, high (head / base)"])),
        )
        for row in found
        if row["Verdict"] == "improvement"
    } == wanted
    assert name.endswith("Findings-that-are-not-unchanged.csv")


def test_hostile_names_leave_as_text_that_no_spreadsheet_runs(
    page: Page, hostile_gate: Path, formulas: Path
) -> None:
    page.goto(hostile_gate.as_uri())
    name, text = saved(page, "Save Findings that are not unchanged as CSV")
    assert "<script>" in text
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_=,.-")
    assert len(name) < 255
    page.goto(formulas.as_uri())
    _, text = saved(page, "Save Results of layout as CSV")
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert len(rows) == 1 + len(FORMULAS)
    assert {len(row) for row in rows} == {len(rows[0])}
    texts = [field for row in rows for field in row if field and not is_number(field)]
    assert not [field for field in texts if field.startswith(FORMULAS)]
    assert len([field for field in texts if field.startswith("'")]) >= len(FORMULAS)


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def test_without_the_script_there_are_tables_and_no_tools(browser, report: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.locator(".tools").count() == 0
    assert page.locator(f"{CARD} table").first.is_visible()
    assert page.locator(f"{CARD} th button").count() == 0
    context.close()


@pytest.mark.slow
def test_print_shows_no_tools(page: Page, report: Path) -> None:
    page.goto(report.as_uri())
    page.emulate_media(media="print")
    assert page.locator(".tools button:visible, .tools input:visible").count() == 0
    assert page.locator(f"{CARD} table").first.is_visible()


@pytest.mark.slow
def test_the_tables_of_cards_fit_a_usual_window(page: Page, report: Path) -> None:
    page.goto(report.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    hidden = page.locator("article > .scroll, figure .scroll").evaluate_all(
        "parts => parts.map((part) => [part.getAttribute('aria-label'), part.scrollWidth - part.clientWidth])"
    )
    assert [part for part in hidden if part[1] > 0] == []


@pytest.mark.slow
def test_a_wide_table_scrolls_in_its_own_box_by_the_keyboard(page: Page, report: Path) -> None:
    page.set_viewport_size({"width": 375, "height": 800})
    page.emulate_media(reduced_motion="reduce")
    page.goto(report.as_uri())
    box = page.get_by_role("region", name=RESULTS)
    box.focus()
    assert box.evaluate("part => part === document.activeElement")
    page.keyboard.press("ArrowRight")
    box.evaluate(
        "part => part.scrollLeft > 0 || new Promise((done) => { part.onscroll = () => done(true); })"
    )
    assert box.evaluate("part => part.scrollLeft") > 0
    assert page.evaluate("scrollX") == 0


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reports.write_verdict(make_verdict(), tmp_path_factory.mktemp("gate"))


@pytest.fixture(scope="module")
def hostile_gate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reports.write_verdict(hostile_verdict(), tmp_path_factory.mktemp("hostile-gate"))


@pytest.fixture(scope="module")
def formulas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run whose variants are called like formulas, with quotes, commas and line breaks in them."""
    from sample_run import make_info, trial, write_run

    names = [f'{sign}1+"2", a\r\nb' for sign in FORMULAS]
    records = [
        trial(name, name, number, 1e6 * (place + 1), baseline=place == 0)
        for place, name in enumerate(names)
        for number in range(3)
    ]
    return reports.build(write_run(tmp_path_factory.mktemp("formulas"), make_info(scenarios=()), records))
