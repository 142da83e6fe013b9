from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_run import make_info, make_records, write_run
from sample_verdict import make_verdict

import reports
from benchsuite.view.site import Shelved
from reports.view.index import index_page
from reports.view.standing import _count, standing

if TYPE_CHECKING:
    from pathlib import Path

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
KEYS = [field.name for field in dataclasses.fields(make_info())]


def test_a_run_is_told_in_a_few_words(sample: Path) -> None:
    found = standing(sample)
    assert (found.kind, found.outcome, found.tone) == ("run", "finished, 5 trials failed", "failed")
    assert found.started.startswith("2 March 2026")
    assert found.scenarios.endswith("more")
    assert found.duration == "274 s"
    assert not found.problem


@pytest.mark.parametrize(
    ("changes", "records", "outcome"),
    [
        ({"finished": None}, 3, "not finished"),
        ({"finished": None}, 0, "not finished, nothing measured"),
        ({}, 0, "finished, nothing measured"),
        ({}, 3, "finished"),
        ({"kind": "gate"}, 3, "no verdict"),
    ],
)
def test_how_a_run_ended(tmp_path: Path, changes, records: int, outcome: str) -> None:
    run = write_run(tmp_path, make_info(**changes), make_records(rounds=1)[:records])
    assert standing(run).outcome == outcome


def test_a_gate_is_told_by_its_verdict(tmp_path: Path) -> None:
    run = write_run(tmp_path, make_info(kind="gate", commit="a" * 40), [])
    reports.write_verdict(make_verdict(), run)
    found = standing(run)
    assert (found.kind, found.outcome, found.tone) == ("gate", "Failed", "failed")
    assert found.duration == "318 s"
    assert found.commit == "a" * 12


def test_lines_that_this_program_wrote_need_not_be_parsed(sample: Path, monkeypatch) -> None:
    monkeypatch.setattr("reports.view.standing._parsed", lambda line: pytest.fail(f"parsed: {line[:200]!r}"))
    monkeypatch.setattr("reports.view.standing._count", _count.__wrapped__)
    assert standing(sample).outcome == "finished, 5 trials failed"


def test_records_are_counted_by_what_they_say_of_themselves(tmp_path: Path) -> None:
    record = make_records(rounds=1)[0]
    trap = dataclasses.replace(
        record,
        settings={"group": "x", "outcome": "failed", "other": '","outcome":"failed"'},
        reason='"group":"x","outcome":"failed"',
    )
    run = write_run(tmp_path, make_info(), [trap])
    assert standing(run).outcome == "finished"
    spaced = json.dumps(
        json.loads((run / "records.jsonl").read_text(encoding="utf-8")) | {"outcome": "failed"}
    )
    with (run / "records.jsonl").open("a", encoding="utf-8") as file:
        file.write(f'{spaced}\nnot a record\n{{"torn')
    assert standing(run).outcome == "finished, 1 trial failed"


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("run.json", '{"schema": 9}', "run.json: it has schema 9"),
        ("run.json", "{", "run.json: not a run's header"),
        (
            "run.json",
            '{"schema": 1, "command": [1], "task": 3, "started": 5}',
            "run.json: not a run's header (command.0: input should be a valid string)",
        ),
        ("verdict.json", "[]", "verdict.json: not a gate's verdict"),
        ("verdict.json", '{"schema": 9}', "verdict.json: it has schema 9"),
    ],
)
def test_of_a_broken_run_it_is_said_what_is_wrong(
    tmp_path: Path, name: str, content: str, problem: str
) -> None:
    run = write_run(tmp_path, make_info(), [])
    (run / name).write_text(content, encoding="utf-8")
    found = standing(run)
    assert found.problem.startswith(problem)
    assert (found.outcome, found.tone) == ("broken", "failed")
    assert str(tmp_path) not in found.problem


def test_a_run_without_records_is_said(tmp_path: Path) -> None:
    run = write_run(tmp_path, make_info(), [])
    (run / "records.jsonl").unlink()
    assert standing(run).problem == "records.jsonl is missing"


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from(KEYS), JSON, min_size=1, max_size=3))
def test_whatever_a_header_holds_the_list_is_shown(tmp_path_factory: pytest.TempPathFactory, changes) -> None:
    run = tmp_path_factory.mktemp("runs") / "20260302T091407Z-5ca1ab"
    run.mkdir()
    document = make_info().to_json() | changes
    (run / "run.json").write_text(json.dumps(document), encoding="utf-8")
    page = index_page(run.parent, [Shelved(run, "report", "files", "records", "value")])
    assert "5ca1ab" in page.html


def test_runs_are_sorted_by_when_they_were_begun(tmp_path: Path) -> None:
    shelved = []
    for name, changes in (
        ("b-named-late", {"started": "2026-01-01T10:00:00+00:00"}),
        ("a-named-early", {"started": "2026-01-03T10:00:00Z"}),
        ("20260102T000000Z-x", {"started": "nonsense"}),
    ):
        run = write_run(tmp_path / "made", make_info(**changes), []).rename(tmp_path / name)
        shelved.append(Shelved(run, "report", f"files-{name}", "records", name))
    html = index_page(tmp_path, shelved).html
    places = [html.index(f"files-{name}") for name in ("a-named-early", "20260102T000000Z-x", "b-named-late")]
    assert places == sorted(places)
