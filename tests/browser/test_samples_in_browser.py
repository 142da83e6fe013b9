from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sample_run import make_info, trial, write_run

import reports
from benchsuite.store import load_run

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from benchsuite.record import Record

COLUMNS = ["variant", "pass", "repetition", "phase", "step", "step_ns", "cpu_ns", "device_ns"]


def download(page: Page, button: str) -> tuple[str, str]:
    with page.expect_download() as found:
        page.get_by_role("button", name=button, exact=True).click()
    return found.value.suggested_filename, found.value.path().read_bytes().decode("utf-8")


def rows_of(record: Record) -> list[list[Any]]:
    """The rows that one trial should become."""
    head = [record.variant, record.pass_, record.repetition]
    first = [] if record.first_step_ns is None else [record.first_step_ns]
    rows = [[*head, "first", step, ns, None, None] for step, ns in enumerate(first)]
    rows += [[*head, "warm-up", step, ns, None, None] for step, ns in enumerate(record.warmup_ns)]
    timed = (record.step_ns, record.cpu_ns, record.device_ns)
    rows += [
        [*head, "timed", step, *(series[step] if step < len(series) else None for series in timed)]
        for step in range(max(map(len, timed)))
    ]
    return rows


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run with samples of every kind, large and small, under a hostile name."""
    hostile = '=cmd()"</template><script>alert(1)</script>\u202e'
    series = {
        "first_step_ns": 41_800_000_000,
        "warmup_ns": (3_000_000, 2_000_001),
        "step_ns": (1_999_999, 2_000_000, 2**52 + 1),
        "cpu_ns": (0, 7, 255),
        "device_ns": (256, 65_536),
    }
    records = [replace(trial(hostile, "plain", number, 2e6), **series) for number in range(2)]
    records += [replace(trial("layout[mode=b]", "b", 0, 3e6), step_ns=(5,) * 300, first_step_ns=None)]
    return reports.build(write_run(tmp_path_factory.mktemp("sampled"), make_info(scenarios=()), records))


def test_a_card_hands_out_its_raw_samples(page: Page, sampled: Path) -> None:
    page.goto(sampled.as_uri())
    wanted = [row for record in load_run(sampled.parent).records for row in rows_of(record)]
    name, text = download(page, "Save Raw samples of layout as JSON")
    document = json.loads(text)
    assert name == "20260302T091407Z-5ca1ab-Raw-samples-of-layout.json"
    assert document["columns"] == COLUMNS
    assert document["rows"] == wanted
    name, text = download(page, "Save Raw samples of layout as CSV")
    assert name.endswith("-Raw-samples-of-layout.csv")
    titles, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert titles == COLUMNS
    assert [row[3:] for row in rows] == [["" if v is None else str(v) for v in row[3:]] for row in wanted]
    assert {row[0] for row in rows} == {f"'{wanted[0][0]}", "layout[mode=b]"}
    assert page.locator("script").count() == 1


def test_every_card_of_a_usual_run_hands_out_its_samples(page: Page, report: Path) -> None:
    page.goto(report.as_uri())
    assert page.get_by_text("not in this page").count() == 0
    _, text = download(page, "Save Raw samples of compile as JSON")
    records = [r for r in load_run(report.parent).records if r.scenario == "compile"]
    wanted = [row for record in records for row in rows_of(record)]
    assert sorted(map(str, json.loads(text)["rows"])) == sorted(map(str, wanted))


def test_where_samples_cannot_be_unpacked_the_page_says_so(page: Page, sampled: Path) -> None:
    page.add_init_script("delete globalThis.DecompressionStream")
    page.goto(sampled.as_uri())
    page.get_by_role("button", name="Save Raw samples of layout as CSV").click()
    page.get_by_text("This browser cannot unpack them").wait_for()


@pytest.mark.slow
def test_samples_beyond_the_budget_are_told_of(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.embedded_samples.embedded_samples.__defaults__", (100,))
    page.goto(reports.build(write_run(tmp_path)).as_uri())
    assert page.locator(".samples").count() == 0
    assert (
        "export runs/20260302T091407Z-5ca1ab --format csv" in page.locator("#scenario-compile").inner_text()
    )
