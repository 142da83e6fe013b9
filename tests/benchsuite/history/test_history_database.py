from __future__ import annotations

import os
import shutil
import sqlite3

import pytest
from sample_history import SLOWER, STEADY, timing, write_day, write_history
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import make_url
from sqlalchemy.schema import CreateTable

from benchsuite.errors import NotComparableError, UsageError
from benchsuite.history import refresh
from benchsuite.history.database import INDEX_FILE, _reason, display_name, read_history
from benchsuite.history.schema import METADATA, VERSION

SECRET = "open-sesame"


@pytest.fixture
def root(tmp_path):
    """A folder with runs of three days."""
    write_history(tmp_path / "runs", 3)
    return tmp_path / "runs"


@pytest.fixture
def said():
    return []


@pytest.fixture
def look(root, said):
    """Read the history of the folder by its own index, and count the runs that were read anew."""

    def look(database=None):
        seen = []
        plain = refresh.read_run
        refresh.read_run = lambda path: seen.append(path.name) or plain(path)
        try:
            return read_history([root], "step_time", database, said.append), len(seen)
        finally:
            refresh.read_run = plain

    return look


def test_a_run_is_read_once(look, root):
    first, read = look()
    assert (len(first.runs), read) == (3, 3)
    again, read = look()
    assert read == 0
    assert again == first
    assert (root / INDEX_FILE).is_file()
    assert [run.started for run in first.runs] == sorted(run.started for run in first.runs)


def test_new_changed_and_removed_runs_are_noticed(look, root):
    look()
    write_day(root, 7, [[timing(STEADY, 9e6)]])
    assert look()[1] == 1
    changed = next(path for path in sorted(root.iterdir()) if path.is_dir())
    with (changed / "records.jsonl").open("a") as file:
        file.write('{"torn')
    ledger, read = look()
    assert read == 1
    assert ledger.runs[0].problem.startswith("records.jsonl, line")
    shutil.rmtree(changed)
    ledger, read = look()
    assert (len(ledger.runs), read) == (3, 0)
    assert {reading.run.name for reading in ledger.readings} <= {run.name for run in ledger.runs}


def test_deleting_the_index_loses_nothing(look, root):
    before, _read = look()
    (root / INDEX_FILE).unlink()
    after, read = look()
    assert read == 3
    assert after == before


def spoil_text(path):
    path.write_bytes(b"this is no database\n" * 500)


def spoil_pages(path):
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(content)


def spoil_tables(path):
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE benchsuite_history_cells")
        connection.execute("CREATE TABLE benchsuite_history_cells (other TEXT)")


def spoil_values(path):
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE benchsuite_history_descriptions SET content = 'no JSON'")
        connection.execute("UPDATE benchsuite_history_figures SET value = 'no number'")


def make_newer(path):
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE benchsuite_history_version SET version = version + 1")


@pytest.mark.parametrize("spoil", [spoil_text, spoil_pages, spoil_tables, spoil_values, make_newer])
def test_an_index_that_cannot_be_read_is_made_anew(look, root, said, spoil):
    before, _read = look()
    spoil(root / INDEX_FILE)
    after, read = look()
    assert after == before
    assert read == 3
    assert [text for text in said if "made anew" in text]
    assert look()[1] == 0


def test_an_older_index_is_made_anew(look, root):
    look()
    with sqlite3.connect(root / INDEX_FILE) as connection:
        connection.execute("UPDATE benchsuite_history_version SET version = 0")
    assert look()[1] == 3
    assert look()[1] == 0


def test_an_index_that_cannot_be_written_is_kept_in_memory(look, root, said):
    (root / INDEX_FILE).mkdir()
    ledger, read = look()
    assert (len(ledger.runs), read) == (3, 3)
    assert any("read anew" in text for text in said)


def test_a_locked_index_is_left_alone(look, root, said, monkeypatch):
    monkeypatch.setattr("benchsuite.history.database.CONNECT_S", 0.1)
    look()
    with sqlite3.connect(root / INDEX_FILE) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        ledger, read = look()
        connection.rollback()
    assert (len(ledger.runs), read) == (3, 3)
    assert any("in use" in text for text in said)
    assert look()[1] == 0


def test_names_that_no_database_takes_are_kept_apart(look, root):
    hostile = "compile[\ud800\x00'; DROP TABLE benchsuite_history_runs; --]"
    other = "compile[\ud801\x00'; DROP TABLE benchsuite_history_runs; --]"
    write_day(root, 9, [[timing(hostile, 9e6), timing(other, 8e6)]], commit="\ud800\x00", task_name="\x00")
    ledger, _read = look()
    assert len([reading for reading in ledger.readings if "DROP TABLE" in reading.variant]) == 2
    assert look()[1] == 0


def test_gates_are_counted_and_left_out(look, root):
    write_day(root, 9, [[timing(STEADY, 9e6)]], kind="gate")
    ledger, _read = look()
    assert (len(ledger.runs), ledger.gates) == (3, 1)


def test_metrics_are_counted_and_the_canary_is_none_of_them(look):
    ledger, _read = look()
    assert ledger.metrics["step_time"] == 12
    assert len(ledger.canaries) == 3


def test_a_folder_that_is_not_there_has_no_runs(tmp_path):
    ledger = read_history([tmp_path / "none"], "step_time", None, print)
    assert ledger.runs == ()
    assert not (tmp_path / "none").exists()


def test_several_folders_share_a_database_and_forget_only_their_own(tmp_path, root):
    write_history(tmp_path / "more", 2, seed=4)
    database = f"sqlite:///{tmp_path / 'shared.db'}"
    both = read_history([root, tmp_path / "more"], "step_time", database, print)
    assert len(both.runs) == 5
    assert len(read_history([root], "step_time", database, print).runs) == 3
    shutil.rmtree(tmp_path / "more")
    (tmp_path / "more").mkdir()
    assert len(read_history([root, tmp_path / "more"], "step_time", database, print).runs) == 3


@pytest.mark.parametrize(
    ("url", "said_of_it"),
    [
        (
            f"postgresql://me:{SECRET}@127.0.0.1:1/runs?password={SECRET}",
            "postgresql+psycopg://127.0.0.1:1/runs",
        ),
        (f"mysql://me:{SECRET}@host/runs", "SQLite and PostgreSQL are known"),
        (f"://me:{SECRET}@host", "not a database's URL"),
        (f"postgresql://me:{SECRET}@host:port/runs", "not a database's URL"),
        ("sqlite:////none/index.db", "unable to open database file"),
        (f"sqlite:///a?b={SECRET}", "does not know all that stands behind the `?`"),
    ],
)
def test_a_database_that_cannot_be_used_is_told_without_its_password(root, url, said_of_it):
    with pytest.raises(UsageError) as caught:
        read_history([root], "step_time", url, print)
    assert said_of_it in str(caught.value)
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_database_that_the_user_names_is_never_removed(tmp_path, root):
    path = tmp_path / "mine.db"
    path.write_bytes(b"my own file\n" * 100)
    with pytest.raises(UsageError, match="not a database"):
        read_history([root], "step_time", f"sqlite:///{path}", print)
    assert path.read_bytes().startswith(b"my own file")


def test_a_newer_database_is_refused(tmp_path, root):
    database = f"sqlite:///{tmp_path / 'shared.db'}"
    read_history([root], "step_time", database, print)
    make_newer(tmp_path / "shared.db")
    with pytest.raises(NotComparableError, match="a newer benchsuite"):
        read_history([root], "step_time", database, print)


def test_tables_of_others_are_left_alone(tmp_path, root):
    path = tmp_path / "shared.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE mine (x)")
    read_history([root], "step_time", f"sqlite:///{path}", print)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE benchsuite_history_version SET version = ?", (VERSION - 1,))
    read_history([root], "step_time", f"sqlite:///{path}", print)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM mine").fetchone() == (0,)


def test_postgresql_takes_the_tables():
    for table in METADATA.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=postgresql.dialect()))


@pytest.mark.slow
@pytest.mark.parametrize("shared", [False, True])
def test_processes_at_once_do_not_disturb_each_other(tmp_path, read_at_once, shared):
    root = tmp_path / "runs"
    write_history(root, 30)
    database = f"sqlite:///{tmp_path / 'shared.db'}" if shared else None
    if not shared:
        (root / INDEX_FILE).write_bytes(b"damaged" * 1000)
    counted, said = read_at_once(root, database)
    assert set(counted) == {"30 120\n"}
    assert sum("made anew" in text for text in said) == (0 if shared else 1)
    assert not any("in use" in text for text in said)
    assert SLOWER in {r.variant for r in read_history([root], "step_time", database, print).readings}


def test_what_a_driver_says_is_one_line_without_secrets():
    url = make_url(f"postgresql+psycopg://me:{SECRET}@host/runs?sslpassword=another-secret")
    error = OSError(f"connection failed: {SECRET} was refused,\nanother-secret as well")
    assert _reason(error, url) == "connection failed: *** was refused,"
    assert display_name(url) == "postgresql+psycopg://host/runs"
