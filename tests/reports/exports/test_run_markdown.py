from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1]))
from hostile_run import write_empty_run, write_hostile_run, write_interrupted_run

import reports
from reports.exports.markdown import MOST_BYTES
from reports.exports.run_markdown import run_markdown
from reports.selection import select


def test_answers_come_before_their_tables_and_problems_before_all(loaded) -> None:
    text = run_markdown(loaded)
    parts = (
        "# Performance report",
        "8 questions, 41 variants",
        "- Problem: batch_size",
        "- Note: Skipped: device",
        "## How large a batch is worth its memory?",
        "- Training: The smallest that reaches",
        "| Context | Batch size | Throughput |",
        "| training | 2048 | — | — | failed |",
        "timing pass failed, the worker was killed by signal 9",
        "## Does torch.compile pay?",
    )
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


@pytest.mark.parametrize("write", [write_hostile_run, write_interrupted_run, write_empty_run])
def test_no_name_is_markup_and_every_row_has_its_cells(write, tmp_path) -> None:
    text = run_markdown(reports.load(write(tmp_path)))
    text.encode("utf-8")
    for attack in ("<script", "<img", "@octocat", "https://example", "www.example", "```"):
        assert attack not in text
    tables = text.split("\n\n")
    for table in (part for part in tables if part.startswith("|")):
        assert len({line.count("|") for line in table.splitlines()}) == 1


def test_it_stays_below_its_size_and_counts_what_does_not_fit(make_run) -> None:
    wide = "\N{CJK UNIFIED IDEOGRAPH-4E00}" * 70
    run = make_run({"plain": [1.0, 1.0], **{f"{wide}{n}": [1.0, 1.1] for n in range(400)}})
    text = run_markdown(reports.load(run))
    assert len(text.encode()) < MOST_BYTES
    assert "more variants: `report.html` has them all." in text


def test_an_answer_is_told_only_with_all_of_its_variants(loaded) -> None:
    text = run_markdown(select(loaded, ["mode=eager"]))
    assert "## Does torch.compile pay?" in text
    assert "as fast as eager" not in text
    assert "max-autotune" not in text
