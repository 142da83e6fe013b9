"""The index in a real PostgreSQL server, which is started here with a password of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from pathlib import Path

import pytest
from sample_history import STEADY, timing, write_day, write_history
from sqlalchemy import create_engine, text

from benchsuite.errors import NotComparableError, UsageError
from benchsuite.history.database import read_history
from benchsuite.history.schema import VERSION

pytestmark = pytest.mark.slow
PASSWORD = "open-sesame"


def programs():
    """Return the folder of PostgreSQL's programs; Debian keeps them off the path."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    installed = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max(installed, key=lambda path: int(path.parts[4]), default=Path()).parent


def owner():
    """Return whom the server runs as: it refuses to be root. None: nobody else is there."""
    if os.geteuid():
        return pwd.getpwuid(os.geteuid()).pw_name
    return next((entry.pw_name for entry in pwd.getpwall() if entry.pw_name == "postgres"), None)


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@pytest.fixture(scope="module")
def server():
    """The URL of the databases of a running server, without a database's name."""
    if not (programs() / "initdb").is_file():
        pytest.skip("needs PostgreSQL's programs: apt-get install postgresql")
    if (user := owner()) is None:
        pytest.skip("needs a user called postgres: PostgreSQL does not run as root")
    # Not below pytest's folder, which nobody but its owner may enter.
    folder = Path(tempfile.mkdtemp(prefix="postgres-of-a-test-"))
    (folder / "password").write_text(PASSWORD)
    port = free_port()

    def ask(program, *arguments):
        subprocess.run(
            [programs() / program, "--pgdata", folder / "data", *arguments], check=True, user=user, cwd=folder,
            stdout=subprocess.DEVNULL, extra_groups=[] if os.geteuid() == 0 else None,
        )  # fmt: skip

    try:
        for path in (folder, folder / "password"):
            shutil.chown(path, user)
        ask(
            "initdb", "--username", "tester", "--pwfile", folder / "password", "--auth", "scram-sha-256",
            "--encoding", "UTF8", "--no-locale", "--no-sync",
        )  # fmt: skip
        options = (
            f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c fsync=off"
        )
        ask("pg_ctl", "start", "--wait", "--log", folder / "log", "--options", options)
        try:
            yield f"postgresql://tester:{PASSWORD}@127.0.0.1:{port}"
        finally:
            ask("pg_ctl", "stop", "--wait", "--mode", "immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def engine(server):
    """The maintenance database, where others have tables."""
    engine = create_engine(f"{server.replace('postgresql', 'postgresql+psycopg')}/postgres")
    yield engine
    engine.dispose()


@pytest.fixture
def database(server, engine):
    """The URL of an empty database."""
    name = f"history_{uuid.uuid4().hex}"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    return f"{server}/{name}"


@pytest.fixture
def root(tmp_path):
    """A folder with runs of three days."""
    write_history(tmp_path / "runs", 3)
    return tmp_path / "runs"


def change(database, statement):
    engine = create_engine(database.replace("postgresql", "postgresql+psycopg", 1))
    with engine.begin() as connection:
        found = connection.execute(text(statement))
        rows = found.fetchall() if found.returns_rows else []
    engine.dispose()
    return rows


def test_a_history_is_the_same_as_from_a_file(database, root):
    by_file = read_history([root], "step_time", None, print)
    first = read_history([root], "step_time", database, print)
    again = read_history([root], "step_time", database, print)
    assert first == again == by_file
    assert len(first.runs) == 3


def test_new_and_removed_runs_are_noticed(database, root):
    read_history([root], "step_time", database, print)
    write_day(root, 7, [[timing(STEADY, 9e6)]])
    shutil.rmtree(next(path for path in sorted(root.iterdir()) if path.is_dir()))
    ledger = read_history([root], "step_time", database, print)
    assert [run.name for run in ledger.runs] == sorted(path.name for path in root.iterdir() if path.is_dir())
    assert ledger == read_history([root], "step_time", None, print)


def test_several_folders_share_a_database_and_forget_only_their_own(database, root, tmp_path):
    more = tmp_path / "more"
    write_history(more, 2, seed=4)
    assert len(read_history([root, more], "step_time", database, print).runs) == 5
    shutil.rmtree(more)
    more.mkdir()
    assert len(read_history([root, more], "step_time", database, print).runs) == 3


def test_names_that_no_database_takes_are_kept_apart(database, root):
    variants = [
        f"compile[{odd}\x00'; DROP TABLE benchsuite_history_runs; --]" for odd in ("\ud800", "\ud801")
    ]
    write_day(
        root, 9, [[timing(variant, 9e6) for variant in variants]], commit="\ud800\x00", task_name="\x00"
    )
    read_history([root], "step_time", database, print)
    ledger = read_history([root], "step_time", database, print)
    assert len([reading for reading in ledger.readings if "DROP TABLE" in reading.variant]) == 2
    assert len(ledger.runs) == 4


def test_older_tables_are_made_anew_and_those_of_others_are_left_alone(database, root):
    change(database, "CREATE TABLE mine AS SELECT 42 AS x")
    before = read_history([root], "step_time", database, print)
    change(database, "UPDATE benchsuite_history_version SET version = version - 1")
    assert read_history([root], "step_time", database, print) == before
    assert change(database, "SELECT x FROM mine") == [(42,)]
    assert change(database, "SELECT version FROM benchsuite_history_version") == [(VERSION,)]


def test_newer_tables_are_refused(database, root):
    read_history([root], "step_time", database, print)
    change(database, "UPDATE benchsuite_history_version SET version = version + 1")
    with pytest.raises(NotComparableError, match="a newer benchsuite"):
        read_history([root], "step_time", database, print)


def test_damaged_tables_are_told_and_kept(database, root):
    read_history([root], "step_time", database, print)
    change(database, "ALTER TABLE benchsuite_history_cells DROP COLUMN variant")
    with pytest.raises(UsageError, match="variant") as caught:
        read_history([root], "step_time", database, print)
    assert "\n" not in str(caught.value)
    assert len(change(database, "SELECT * FROM benchsuite_history_runs")) == 3


@pytest.mark.parametrize(
    ("wrong", "said"), [(("open-sesame", "close-sesame"), "password authentication"), (("/history", "/none"), "does not exist")]
)  # fmt: skip
def test_a_server_that_refuses_is_told_in_one_line_without_the_password(database, root, wrong, said):
    with pytest.raises(UsageError, match=said) as caught:
        read_history([root], "step_time", database.replace(*wrong), print)
    assert "sesame" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_processes_at_once_do_not_disturb_each_other(database, tmp_path, read_at_once):
    write_history(tmp_path / "runs", 30)
    counted, _said = read_at_once(tmp_path / "runs", database)
    assert set(counted) == {"30 120\n"}
