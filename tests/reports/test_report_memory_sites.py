from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sample_run import trial

import reports
from benchsuite.record import AllocationSite
from reports.memory_sites import MOST_ROWS, memory_table
from reports.page import render

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchsuite.store import Run

STACK = ("conv2d (torch/nn/functional.py:9)", "forward (net.py:23)", "step (train.py:88)")


@pytest.fixture
def run(make_run: Callable[..., Run]) -> Callable[..., Run]:
    """Return a run of one variant whose memory pass has found these lines."""

    def make(*sites: AllocationSite, **metrics: float) -> Run:
        record = trial(
            "layout[mode=plain]", "plain", 0, 1e6, pass_="memory", group="m", turns=(), first_step_ns=None,
            checks=(), metrics=metrics, sites=sites,
        )  # fmt: skip
        return make_run({"plain": [2, 2, 2]}, extra=[record])

    return make


def test_the_line_is_the_authors_and_the_call_the_innermost(run: Callable[..., Run]) -> None:
    variant = reports.load(run(AllocationSite("peak", 2**20, 3, STACK), memray_overhead=0.25)).scenarios[0].variants[0]  # fmt: skip
    table = memory_table(variant)
    assert [[cell.text for cell in row.cells] for row in table.rows] == [
        ["at the peak", "1 MiB", "3", "net.py:23", "conv2d (torch/nn/functional.py:9)"]
    ]
    assert table.notes == ("A step takes 1.25 times as long under memray.",)


def test_of_each_kind_the_largest_are_shown(run: Callable[..., Run]) -> None:
    sites = [AllocationSite(kind, 1000 - n, 1, STACK) for kind in MOST_ROWS for n in range(9)]
    leaking, sound = (
        reports.load(run(*sites, leak=leak)).scenarios[0].variants[0] for leak in (9000.0, 64.0)
    )
    assert len(memory_table(leaking).rows) == sum(MOST_ROWS.values())
    assert len(memory_table(sound).rows) == sum(MOST_ROWS.values()) - MOST_ROWS["leak"]


def test_the_page_shows_it_where_there_is_something(run: Callable[..., Run]) -> None:
    assert "What holds the memory" in render(reports.load(run(AllocationSite("peak", 5, 1, STACK))))
    assert "What holds the memory" not in render(reports.load(run()))
