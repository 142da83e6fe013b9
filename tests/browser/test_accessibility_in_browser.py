from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sample_verdict import make_verdict

import reports

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is not installed")
GRAVE = ("serious", "critical")


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a gate with findings of every kind."""
    return reports.write_verdict(make_verdict(), tmp_path_factory.mktemp("gate"))


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page_of", ["report", "gate"])
def test_axe_finds_nothing_grave(page: Page, report: Path, gate: Path, page_of: str, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto({"report": report, "gate": gate}[page_of].as_uri())
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    found = axe.Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    grave = [
        f"{one['id']} ({one['impact']}): {node['target']} {node['failureSummary']}"
        for one in found
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]
    assert grave == []
    assert axe_ran(page)


def axe_ran(page: Page) -> bool:
    return page.evaluate("typeof globalThis.axe === 'object'")
