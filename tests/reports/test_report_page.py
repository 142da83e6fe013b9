from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import reports
from reports.plots import scenario_plots

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchsuite.store import Run

THREE_MEGABYTES = 3 * 2**20


def test_the_page_is_one_file_without_handlers_styles_or_addresses(sample: Path) -> None:
    page = reports.build(sample).read_text(encoding="utf-8")
    assert len(page) < THREE_MEGABYTES
    assert not re.search(r"<[^>]+\son\w+=", page)
    assert not re.search(r"<[^>]+\sstyle=", page)
    assert not re.search(r"""(?:src|href)=["'](?!#)""", page)
    assert "default-src &#39;none&#39;" in page
    assert sorted(sample.glob(".report*")) == []


def test_the_page_is_the_same_when_it_is_built_again(sample: Path) -> None:
    assert reports.build(sample).read_bytes() == reports.build(sample).read_bytes()


def test_ids_of_the_page_are_unique(sample: Path) -> None:
    ids = re.findall(r'\sid="([^"]+)"', reports.build(sample).read_text(encoding="utf-8"))
    assert len(ids) == len(set(ids))


def test_what_the_page_says_first(sample: Path) -> None:
    page = reports.build(sample).read_text(encoding="utf-8")
    for text in (
        "compile was not measured at more than 2 threads.",
        "The machine itself moved",
        "timings were taken under contention",
        "batch_size[batch_size=2048] failed",
        "no CUDA device",
        "python -m benchsuite run compile",
        "Intel(R) Xeon(R) Platinum 8481C",
        "OMP_NUM_THREADS",
    ):
        assert text in page


def test_plots_are_chosen_for_the_question(sample: Path) -> None:
    titles = [
        [plot.title for plot in scenario_plots(result, "p")] for result in reports.load(sample).scenarios
    ]
    assert titles == [
        ["Validation accuracy over time", "Loss", "Recall for each class"],
        ["Throughput over batch size", "Peak memory over batch size"],
        [
            "Speed against the baseline",
            "When compiling has paid, training",
            "Step times, training",
            "Step times, inference",
        ],
        [],
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
