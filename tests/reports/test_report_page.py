from __future__ import annotations

import html
import itertools
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import reports
from reports.caveats import caveats
from reports.page import render
from reports.plots.choice import scenario_plots

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchsuite.store import Run

THREE_MEGABYTES = 3 * 2**20


@pytest.fixture(scope="module")
def page(sample: Path) -> str:
    """The page of the sample run."""
    return reports.build(sample).read_text(encoding="utf-8")


def test_the_page_is_one_file_without_handlers_styles_or_addresses(page: str, sample: Path) -> None:
    assert len(page) < THREE_MEGABYTES
    assert not re.search(r"<[^>]+\son\w+=", page)
    assert not re.search(r"<[^>]+\sstyle=", page)
    assert not re.search(r"""(?:src|href)=["'](?!#)""", page)
    assert "default-src &#39;none&#39;" in page
    assert sorted(sample.glob(".report*")) == []


def test_the_page_is_the_same_when_it_is_built_again(sample: Path) -> None:
    assert reports.build(sample).read_bytes() == reports.build(sample).read_bytes()


def test_ids_of_the_page_are_unique(page: str) -> None:
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_what_the_page_says_first(page: str) -> None:
    for text in (
        "Left out: compile at more than 2 threads.",
        "The machine itself moved",
        "timings were taken under contention",
        "batch_size[batch_size=2048] failed",
        "no CUDA device",
        "python -m benchsuite run compile",
        "Intel(R) Xeon(R) Platinum 8481C",
        "OMP_NUM_THREADS",
    ):
        assert text in page


def test_what_pays_stands_between_the_answers_and_the_cards(page: str) -> None:
    ids = ("contents", "caveats", "answers", "ranking", "scenario-training", "reading")
    places = [page.index(f'id="{name}"') for name in ids]
    assert places == sorted(places)
    section = page[places[3] : places[4]]
    assert section.index("Training, CPU") < section.index("Inference, CPU")
    assert 'data-tone="other work"' in section
    assert 'data-tone="combined"' in section


def test_a_run_in_which_nothing_pays_says_so(make_run: Callable[..., Run]) -> None:
    run = make_run({"plain": [9.0, 9.1, 9.2], "packed": [9.1, 9.0, 9.2]})
    assert "No setting was shown to be faster than its baseline." in render(reports.load(run))
    alone = render(reports.load(make_run({"plain": [9.0, 9.1, 9.2]})))
    assert "What pays on this machine" not in alone


def test_many_skipped_variants_are_told_by_their_reason(make_run: Callable[..., Run]) -> None:
    reasons = {f"gpu{n}": "no GPU" for n in range(60)} | {f"other{n}": f"reason {n}" for n in range(9)}
    data = reports.load(make_run({"plain": [9.0]}, skipped=reasons))
    (skipped,) = [caveat for caveat in caveats(data) if caveat.text.startswith("Skipped")]
    assert skipped.level == "note"
    assert skipped.text == (
        "Skipped: 60 variants (no GPU); 9 more, for 9 other reasons that stand with their scenarios."
    )
    page = render(data)
    assert page.count("no GPU") < 8
    assert "Skipped and failed (69)" in page


def test_a_reason_that_many_questions_share_is_told_once_before_the_cards(page: str) -> None:
    top = page[page.index('id="caveats"') : page.index('id="scenario-training"')]
    assert top.count("no CUDA") == 1
    assert "Not measured: every variant was skipped" not in top
    assert "Not measured: every variant was skipped (no CUDA" in page[page.index('id="scenario-stack"') :]


def test_a_question_without_an_answer_stands_apart(make_run: Callable[..., Run]) -> None:
    page = render(reports.load(make_run({}, skipped={"plain": "no GPU", "packed": "no GPU"})))
    answers = page[page.index('id="answers"') : page.index('id="scenario-layout"')]
    assert "Without an answer" in answers
    assert "no GPU" not in answers


def test_every_card_is_in_the_contents_and_leads_back_to_them(page: str) -> None:
    contents = page[page.index('<nav id="contents"') : page.index("</nav>")]
    cards = re.findall(r'<article class="card" id="([^"]+)"', page)
    assert cards[:2] == ["scenario-training", "scenario-batch_size"]
    assert re.findall(r'class="question" href="#([^"]+)"', contents) == cards
    assert page.count('href="#contents"') == len(cards)
    assert page.count('href="#reading"') == len(cards) + 1


def test_headings_leave_out_no_level(page: str) -> None:
    levels = [int(level) for level in re.findall(r"<h([1-6])", page)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_a_row_is_measured_again_by_a_command_of_its_own(page: str) -> None:
    text = html.unescape(page)
    assert "python -m benchsuite run compile -k 'compile[mode=max-autotune,phase=infer]'" in text
    assert "run device -k 'device[device=cuda]'" not in text


def test_the_top_says_what_was_asked_and_where(page: str) -> None:
    top = page[: page.index("<nav")].replace("\N{NO-BREAK SPACE}", " ")
    for text in ("8 questions, 41 variants, 37 of them measured", "in 274 s", "no GPU", "PyTorch 2.11.0+cpu"):
        assert text in top


def test_plots_are_chosen_for_the_question(sample: Path) -> None:
    titles = [
        [plot.title for plot in scenario_plots(result, "p")] for result in reports.load(sample).scenarios
    ]
    assert titles == [
        ["Validation accuracy over time", "Loss", "Recall for each class"],
        ["Throughput over batch size", "Peak memory over batch size", "Scaling with batch size"],
        [
            "Speed against the baseline",
            "When compiling has paid, training",
            "Step times, training",
            "Step times, inference",
        ],
        [],
        *[["Speed against the baseline", "Step times"]] * 3,
        ["Speed against the baseline", "Step times, CPU"],
    ]


def test_plots_keep_their_text_and_follow_the_theme(sample: Path) -> None:
    plot = scenario_plots(reports.load(sample).scenarios[2], "p")[0]
    assert ">max-autotune</text>" in plot.svg
    assert "var(--blue)" in plot.svg
    assert 'role="img"' in plot.svg
    assert "<title" in plot.svg
    assert not re.search("#[0-9a-fA-F]{6}", plot.svg)
    assert plot.data.rows


def test_a_single_variant_has_no_plot(make_run: Callable[..., Run]) -> None:
    result = reports.load(make_run({"plain": [9.0, 9.1]})).scenarios[0]
    assert scenario_plots(result, "p") == ()


def test_one_and_two_rounds_can_be_drawn(make_run: Callable[..., Run]) -> None:
    for rounds in (1, 2):
        run = make_run({"plain": [9.0] * rounds, "packed": [3.0, 7.0][:rounds]})
        assert len(scenario_plots(reports.load(run).scenarios[0], "p")) == 2


def test_neither_torch_nor_a_scenario_is_imported(sample: Path) -> None:
    code = (
        "import sys, pathlib, reports; reports.build(pathlib.Path(sys.argv[1]));"
        "assert not {'torch', 'scenarios'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(sample)], check=True)


def test_what_two_environments_share_is_shown_once() -> None:
    from reports.facts import merged

    one = {"torch": "2.11", "threads": 1, "env": {"OMP_NUM_THREADS": "1"}}
    assert merged([one, {**one, "threads": 2}]) == [
        ("PyTorch", "2.11"),
        ("Threads", "1 or 2"),
        ("Variables · OMP_NUM_THREADS", "1"),
    ]


def test_an_empty_fact_is_said_to_be_unknown() -> None:
    from reports.facts import facts

    assert facts({"governor": "", "cores": 2}) == [("Governor", "unknown"), ("Cores", "2")]


def test_a_fault_of_every_round_is_told_of_one_variant(sample: Path) -> None:
    page = render(reports.load(sample))
    assert "batch_size[batch_size=2048]: timing pass failed" in page
    assert "5 variants: timing pass failed" not in page


def test_comparisons_without_an_interval_have_a_page(make_run: Callable[..., Run]) -> None:
    known = {"plain": {"cores": 2}, "packed": {"cores": 1}}
    busy = {name: {**one, "contention": {"wait_share": 0.3}} for name, one in known.items()}
    page = render(reports.load(make_run({"plain": (9.0, 9.2, 8.9), "packed": (7.0, 7.1, 6.9)}, changes=busy)))
    assert "No difference is claimed beside the neighbours of this run" in page
    assert 'class="headline"' not in page
