from __future__ import annotations

import dataclasses
import json
import os
import re
from collections import namedtuple
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from benchsuite import store
from benchsuite.catalog import load_catalog
from benchsuite.errors import NotComparableError, UsageError
from benchsuite.record import SCHEMA, CheckResult, Record, RunInfo
from benchsuite.store import RunDirectory, demand_run, latest_run, load_run, safe_name

INFO = RunInfo(command=("run",), started="2026-01-01T00:00:00+00:00", task="scenarios.mnist:task")
RECORD = Record(
    variant="a[x=1]", scenario="a", settings={"x": 1}, context={}, baseline=True, pass_="timing", repetition=0,
    group="a()/timing/0", outcome="completed", started="2026-01-01T00:00:00Z", step_ns=(1, 2, 3), reason="größer",
)  # fmt: skip
RECORDS = [dataclasses.replace(RECORD, repetition=repetition) for repetition in range(3)]
Usage = namedtuple("Usage", ["total", "used", "free"])  # noqa: PYI024 - as shutil's


@pytest.fixture
def run(tmp_path):
    directory = RunDirectory.create(tmp_path / "runs")
    directory.write_info(INFO)
    for record in RECORDS:
        directory.append(record)
    return directory


def test_a_run_is_read_back(run):
    found = load_run(run.path)
    assert (found.path, found.info, list(found.records), found.problems) == (run.path, INFO, RECORDS, ())


def test_a_run_is_named_by_its_time(tmp_path):
    path = RunDirectory.create(tmp_path / "not" / "yet").path
    assert re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{6}", path.name)
    assert sorted(entry.name for entry in path.iterdir()) == ["artifacts", "records.jsonl"]


def test_each_record_is_on_the_disk_when_append_returns(run, monkeypatch):
    written = []

    def look(descriptor):
        written.append((run.path / store.RECORDS_FILE).read_bytes().count(b"\n"))
        assert os.fstat(descriptor).st_ino == (run.path / store.RECORDS_FILE).stat().st_ino

    monkeypatch.setattr("os.fsync", look)
    run.append(RECORD)
    run.append(RECORD)
    assert written == [4, 5]


def test_a_record_is_one_line(run):
    lines = (run.path / store.RECORDS_FILE).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["repetition"] for line in lines] == [0, 1, 2]


UNREADABLE = {
    "a check's direction": ({"checks": (CheckResult("x", 1.0, 2.0, "==", ok=False),)}, "checks.0.direction: "),
    "a check's name": ({"checks": (CheckResult(5, 1.0, 2.0, "<=", ok=True),)}, "checks.0.name: "),
    "no items": ({"items_per_step": 0}, "items_per_step: "),
    "a sample that is too large": ({"step_ns": (2**63,)}, "step_ns: "),
    "a metric": ({"metrics": {"a": "five"}}, "metrics.a: "),
    "an object": ({"metrics": {"a": object()}}, "not JSON serializable"),
    "a reason": ({"reason": 5}, "reason: "),
}  # fmt: skip


@pytest.mark.parametrize(("wrong", "said"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_record_that_could_not_be_read_back_is_kept_as_a_failed_one(run, wrong, said):
    kept = run.append(dataclasses.replace(RECORD, **wrong), RECORD)
    found = load_run(run.path)
    assert not found.problems
    assert found.records[-2:] == kept
    failed, untouched = kept
    assert untouched is RECORD
    assert (failed.variant, failed.group, failed.outcome) == (RECORD.variant, RECORD.group, "failed")
    assert failed.reason.startswith("what it has reported cannot be kept: ")
    assert said in failed.reason


def test_a_header_is_replaced_in_one_step(run, monkeypatch):
    def fail(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(UsageError, match="No space"):
        run.write_info(dataclasses.replace(INFO, finished="now"))
    assert load_run(run.path).info == INFO


@given(st.data())
def test_a_run_killed_while_it_wrote_loses_at_most_that_record(tmp_path_factory, data):
    directory = RunDirectory.create(tmp_path_factory.mktemp("torn"))
    directory.write_info(INFO)
    for record in RECORDS:
        directory.append(record)
    path = directory.path / store.RECORDS_FILE
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    cut = data.draw(st.integers(len(whole) - len(lines[-1]) + 1, len(whole) - 2))
    path.write_bytes(whole[:cut])
    found = load_run(directory.path)
    assert list(found.records) == RECORDS[:2]
    assert len(found.problems) == 1
    assert found.problems[0].startswith("records.jsonl, line 3, could not be read")
    directory.drop_torn_line()
    assert path.read_bytes() == b"".join(lines[:2])
    directory.append(RECORDS[2])
    assert path.read_bytes() == whole
    assert load_run(directory.path).problems == ()


def test_whole_lines_are_kept(run):
    before = (run.path / store.RECORDS_FILE).read_bytes()
    run.drop_torn_line()
    assert (run.path / store.RECORDS_FILE).read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"{"])
def test_a_run_killed_in_its_first_record(run, content):
    (run.path / store.RECORDS_FILE).write_bytes(content)
    run.drop_torn_line()
    assert (run.path / store.RECORDS_FILE).read_bytes() == b""


@pytest.mark.parametrize(
    "line",
    [
        "", "null", "5", "[]", '"text"', "{}", '{"schema": 1}', '{"schema": 99}', "\x00\x00\x00", "{'schema': 1}",
        json.dumps(RECORD.to_json() | {"turns": [[1]]}), json.dumps(RECORD.to_json() | {"series": [1]}),
        json.dumps(RECORD.to_json() | {"checks": [{"name": "x"}]}), json.dumps(RECORD.to_json() | {"step_ns": None}),
    ],
)  # fmt: skip
def test_a_damaged_line_is_named_and_the_rest_stands(run, line):
    path = run.path / store.RECORDS_FILE
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([lines[0], line, lines[2]]) + "\n", encoding="utf-8")
    found = load_run(run.path)
    assert list(found.records) == [RECORDS[0], RECORDS[2]]
    assert len(found.problems) == 1
    assert found.problems[0].startswith("records.jsonl, line 2, could not be read")


@given(st.binary(max_size=60))
def test_any_bytes_are_read_without_a_fault(tmp_path_factory, content):
    directory = RunDirectory.create(tmp_path_factory.mktemp("any"))
    directory.write_info(INFO)
    (directory.path / store.RECORDS_FILE).write_bytes(content)
    assert load_run(directory.path).records == ()
    directory.drop_torn_line()
    (directory.path / store.INFO_FILE).write_bytes(content)
    with pytest.raises((UsageError, NotComparableError)):
        load_run(directory.path)


@pytest.mark.parametrize(
    "content", ["", "{", "null", "[]", "7", "{}", '{"schema": 1}', '{"schema": 1, "command": 3}']
)
def test_a_damaged_header_is_named(run, content):
    (run.path / store.INFO_FILE).write_text(content, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_run(run.path)
    assert str(caught.value).startswith(f"{run.path / 'run.json'}: ")
    assert "damaged" in str(caught.value)


def test_a_number_that_no_float_holds_is_damage(run):
    document = INFO.to_json() | {"machine": {"memory_bytes": 10**400}}
    (run.path / store.INFO_FILE).write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(UsageError, match=r"run\.json: .*1000000000\.\.\.: a number of 401 digits"):
        load_run(run.path)


def test_a_file_that_cannot_be_written_leaves_nothing_beside_it(tmp_path):
    place = tmp_path / "taken"
    place.mkdir()
    with pytest.raises(OSError, match="taken"):
        store.write_atomically(place, "text")
    with pytest.raises(UnicodeEncodeError):
        store.write_atomically(tmp_path / "other", "\ud800")
    assert list(tmp_path.iterdir()) == [place]


def test_a_header_of_a_newer_version_is_refused(run):
    document = INFO.to_json() | {"schema": SCHEMA + 1}
    (run.path / store.INFO_FILE).write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(NotComparableError) as caught:
        load_run(run.path)
    assert str(run.path / "run.json") in str(caught.value)


def test_missing_records_are_named(run):
    (run.path / store.RECORDS_FILE).unlink()
    found = load_run(run.path)
    assert (found.info, found.records, found.problems) == (INFO, (), ("records.jsonl is missing.",))
    run.drop_torn_line()


@pytest.mark.parametrize("path", ["", "runs", "nowhere"])
def test_a_folder_without_a_run(run, path):
    with pytest.raises(UsageError, match=r"no run is there \(it has no run\.json\)"):
        load_run(run.path.parent.parent / path)


@pytest.mark.parametrize("root", ["file", "file/below"])
def test_a_folder_that_cannot_be_written(tmp_path, root):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError) as caught:
        RunDirectory.create(tmp_path / root)
    assert str(caught.value).startswith(f"--runs-dir {tmp_path / root}: cannot write there (")
    assert "name a folder you can write to" in str(caught.value)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc is here")
def test_a_file_system_that_takes_no_folders():
    with pytest.raises(UsageError, match=r"--runs-dir /proc/self/runs: cannot write there"):
        RunDirectory.create(Path("/proc/self/runs"))


def test_a_full_disk_is_refused_and_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _path: Usage(10, 0, store.NEEDED_BYTES - 1))
    with pytest.raises(UsageError, match="255 MiB are free, a run needs 256: free some room"):
        RunDirectory.create(tmp_path)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr("shutil.disk_usage", lambda _path: Usage(10, 0, store.NEEDED_BYTES))
    assert RunDirectory.create(tmp_path).path.is_dir()


def test_the_latest_run(tmp_path):
    names = ["20260101T000000Z-ffffff", "20260102T000000Z-000000", "20251231T235959Z-eeeeee"]
    for name in names:
        (tmp_path / name).mkdir()
        RunDirectory(tmp_path / name).write_info(INFO)
    (tmp_path / "20270101T000000Z-aaaaaa").mkdir()
    assert latest_run(tmp_path).name == "20260102T000000Z-000000"


def test_a_gate_is_the_latest_run_only_where_one_will_do(tmp_path):
    for name, kind in (("20260101T000000Z-aaaaaa", "run"), ("20260102T000000Z-aaaaaa", "gate")):
        (tmp_path / name).mkdir()
        RunDirectory(tmp_path / name).write_info(dataclasses.replace(INFO, kind=kind))
    assert latest_run(tmp_path).name == "20260102T000000Z-aaaaaa"
    assert latest_run(tmp_path, gates=False).name == "20260101T000000Z-aaaaaa"
    (tmp_path / "20260103T000000Z-aaaaaa").mkdir()
    (tmp_path / "20260103T000000Z-aaaaaa" / "run.json").write_text("torn")
    assert latest_run(tmp_path, gates=False).name == "20260103T000000Z-aaaaaa", "whoever reads it says so"


def test_only_a_run_with_what_it_was_asked_for_is_one(tmp_path):
    demand_run(tmp_path, dataclasses.replace(INFO, options={"all": True}))
    with pytest.raises(UsageError, match="a gate measured it"):
        demand_run(tmp_path, dataclasses.replace(INFO, options={"all": True}, kind="gate"))
    with pytest.raises(UsageError, match="does not say what the run was asked for"):
        demand_run(tmp_path, dataclasses.replace(INFO, options={}))


@pytest.mark.parametrize("folder", ["", "nowhere"])
def test_no_run_yet(tmp_path, folder):
    with pytest.raises(UsageError, match=r"no run is there; `python -m benchsuite run --all` makes one"):
        latest_run(tmp_path / folder)


def test_artifacts_have_a_folder_for_each_trial(run):
    folder = run.artifact_folder("compile[mode=max-autotune,phase=infer]", "memory", 2)
    assert folder.relative_to(run.path) == Path("artifacts/compile-mode=max-autotune,phase=infer/memory-2")
    assert folder.is_dir()
    assert run.artifact_folder("compile[mode=max-autotune,phase=infer]", "memory", 2) == folder


def test_what_a_killed_worker_left_goes_with_its_folder(tmp_path):
    run = RunDirectory.create(tmp_path)
    left, kept = run.artifact_folder("a", "memory", 0), run.artifact_folder("a", "operators", 0)
    (left / "tmpx").mkdir()
    (left / "tmpx" / "capture.bin").touch()
    (kept / "trace.json").touch()
    run.drop_artifact_folder(left)
    assert not left.exists()
    assert (kept / "trace.json").exists()
    run.drop_artifact_folder(kept)
    assert not kept.parent.exists(), "nothing is left of the variant"
    assert kept.parent.parent.exists()


@given(st.text(st.characters()))
@example("\ud800")  # what a folder's name that is no UTF-8 becomes
def test_a_safe_name_is_one_plain_folder(variant):
    name = safe_name(variant)
    assert re.fullmatch(r"[A-Za-z0-9._=,-]+", name)
    assert name.strip(".")
    assert Path("folder", name).parent == Path("folder")


def test_distinct_built_in_variants_stay_distinct():
    ids = [v.id for entry in load_catalog().values() for v in entry.scenario.described()]
    assert len(ids) > 20
    assert len({safe_name(id_).lower() for id_ in ids}) == len(ids)


def test_ids_that_differ_in_a_replaced_character_or_far_out_get_folders_of_their_own():
    ids = [
        "x[a=1+2]",
        "x[a=1/2]",
        "x[a=1:2]",
        f"x[a={'long' * 99}1]",
        f"x[a={'long' * 99}2]",
        "\ud800",
        "\ud801",
    ]
    assert len({safe_name(id_) for id_ in ids}) == len(ids)
    assert max(map(len, map(safe_name, ids))) < 200
    assert safe_name("compile[mode=max-autotune,phase=infer]") == "compile-mode=max-autotune,phase=infer"
