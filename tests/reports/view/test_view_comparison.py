from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sample_compare import FLAMEGRAPH, TRACE, write_two
from sample_run import make_info, write_run

from benchsuite.errors import NotComparableError
from benchsuite.view.site import Shelved
from reports.view.comparison import comparison_page

if TYPE_CHECKING:
    from pathlib import Path


def shelve(run: Path, secret: str) -> Shelved:
    """Return a run with addresses under a secret of its own."""
    place = f"/{secret}/run/"
    return Shelved(run, f"{place}report.html", place, f"{place}records.jsonl", form_value=run.name)


def test_files_and_reports_of_both_are_reached_each_by_its_own_secret(tmp_path: Path) -> None:
    before, after = write_two(tmp_path)
    html = comparison_page(shelve(before, "one"), shelve(after, "two"), "/list/").html
    for secret in ("one", "two"):
        assert f'href="/{secret}/run/{TRACE.replace("=", "%3D")}"' in html
        assert f'href="/{secret}/run/report.html"' in html
    assert f'href="/two/run/{FLAMEGRAPH.replace("=", "%3D")}"' in html
    assert f'href="/one/run/{FLAMEGRAPH.replace("=", "%3D")}"' not in html
    assert 'href="/list/"' in html


def test_runs_of_different_tasks_are_refused(tmp_path: Path) -> None:
    one = shelve(write_run(tmp_path / "a", make_info(task_name="one"), []), "one")
    other = shelve(write_run(tmp_path / "b", make_info(task_name="other"), []), "two")
    with pytest.raises(NotComparableError, match="different tasks"):
        comparison_page(one, other, "/list/")
