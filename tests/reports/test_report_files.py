from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from sample_run import trial

import reports
from reports.files import files_of
from reports.page import render

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchsuite.store import Run

PLAIN = "layout[mode=plain]"
FOLDER = "artifacts/layout-mode=plain,phase=train/memory-0"


@pytest.fixture
def run(make_run: Callable[..., Run]) -> Callable[..., Run]:
    """Return a run of one variant whose passes have left these files."""

    def make(**artifacts: Mapping[str, str]) -> Run:
        records = [
            trial(
                PLAIN, "plain", 0, 1e6, pass_=pass_, group=pass_, turns=(), first_step_ns=None, checks=(), artifacts=kept
            )
            for pass_, kept in artifacts.items()
        ]  # fmt: skip
        return make_run({"plain": [2, 2, 2]}, extra=records)

    return make


def addresses(page: str) -> list[str]:
    return [unquote(found) for found in re.findall(r'href="([^"#][^"]*)"', page)]


def test_what_the_passes_left_is_linked_from_the_page(run: Callable[..., Run]) -> None:
    kept = {
        "flamegraph": f"{FOLDER}/flamegraph.html",
        "cuda_snapshot": f"{FOLDER}/cuda_snapshot.pickle",
    }
    trace = {"trace": "artifacts/layout-mode=plain/operators-0/trace.json.gz"}
    page = render(reports.load(run(memory=kept, operators=trace)))
    assert addresses(page) == [*trace.values(), *kept.values()]
    assert "to be opened in pytorch.org/memory_viz" in page


def test_a_run_that_kept_no_files_links_none(run: Callable[..., Run]) -> None:
    assert addresses(render(reports.load(run(memory={}, operators={})))) == []


@pytest.mark.parametrize("path", ["/etc/passwd", "../../other/trace.json.gz"])
def test_what_leads_out_of_the_run_is_not_linked(run: Callable[..., Run], path: str) -> None:
    variant = reports.load(run(operators={"trace": path})).scenarios[0].variants[0]
    assert files_of(variant, "operators") == ()


def test_an_address_is_a_path_and_nothing_else(run: Callable[..., Run]) -> None:
    path = 'javascript:alert("1")?#\ud800'
    variant = reports.load(run(operators={"trace": path})).scenarios[0].variants[0]
    (file,) = files_of(variant, "operators")
    assert re.fullmatch(r"[\w%.()-]+", file.address)
    assert f'href="{file.address}"' in render(reports.load(run(operators={"trace": path})))
