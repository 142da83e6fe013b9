from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sample_run import make_info, write_run
from sample_verdict import make_verdict

import reports
from benchsuite.view.site import Shelved
from reports.view.index import index_page

if TYPE_CHECKING:
    from pathlib import Path

PICKED = re.compile(r'name="(a|b)" value="([^"]*)" required checked')
OFFERED = re.compile(r'name="a" value="([^"]*)"')


def shelve(root: Path, name: str, **changes) -> Shelved:
    """Write a run of this name and return it with addresses."""
    run = write_run(root / "made", make_info(**changes), []).rename(root / name)
    return Shelved(run, f"{name}/report", f"{name}/", f"{name}/records", form_value=name)


def test_the_newest_two_runs_are_proposed_the_older_as_a(tmp_path: Path) -> None:
    shelved = [
        shelve(tmp_path, f"2026010{day}T000000Z-x", started=f"2026-01-0{day}T00:00:00Z") for day in (1, 3, 2)
    ]
    page = index_page(tmp_path, shelved)
    assert dict(PICKED.findall(page.html)) == {"a": "20260102T000000Z-x", "b": "20260103T000000Z-x"}
    assert len(OFFERED.findall(page.html)) == 3
    assert "form-action 'self'" in page.policy


def test_gates_and_broken_runs_are_not_offered(tmp_path: Path) -> None:
    gate = shelve(tmp_path, "gate", kind="gate")
    reports.write_verdict(make_verdict(), gate.path)
    broken, empty = shelve(tmp_path, "broken"), shelve(tmp_path, "empty")
    (broken.path / "run.json").write_text("{", encoding="utf-8")
    (empty.path / "records.jsonl").unlink()
    others = [gate, broken, empty, shelve(tmp_path, "one")]
    alone = index_page(tmp_path, others)
    assert OFFERED.findall(alone.html) == []
    assert "<form" not in alone.html
    page = index_page(tmp_path, [*others, shelve(tmp_path, "two")])
    assert sorted(OFFERED.findall(page.html)) == ["one", "two"]
