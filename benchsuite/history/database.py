"""Where the index lives: a hidden file in the runs folder, or a database that the user names.

The file is a cache: whatever is wrong with it, it is made anew, and where that cannot be, the index is kept in memory.
A database that the user names is never removed. What is said of one holds neither password nor query.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Final

from filelock import FileLock, Timeout
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SAWarning, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from benchsuite.errors import NotComparableError, UsageError
from benchsuite.history.ledger import Ledger, ask, merge
from benchsuite.history.refresh import NewerIndexError, clean, prepare, refresh

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from sqlalchemy import URL, Connection, Engine

    Work = Callable[[Connection], Ledger]

VARIABLE: Final = "BENCHSUITE_DATABASE"
INDEX_FILE: Final = ".history.sqlite"
LOCK_FILE: Final = ".history.lock"
PATIENCE_S: Final = 60.0
"""How long another process is waited for that brings the same index up to date."""
CONNECT_S: Final = 10
ADVISORY_LOCK: Final = 0x62656E63
"""The number under which processes take turns on PostgreSQL."""
DRIVERS: Final = {
    "sqlite": "sqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
DAMAGE: Final = (SQLAlchemyError, NewerIndexError, ValueError, TypeError, KeyError, AttributeError)
"""What reading a file can raise that this version has not made, or that has been damaged."""


def read_history(
    roots: Sequence[Path], metric: str, database: str | None, on_note: Callable[[str], None]
) -> Ledger:
    """Bring the index up to date with some runs folders and return what it says about a metric.

    Args:
        roots: the runs folders.
        metric: its name.
        database: a URL as SQLAlchemy takes it, of SQLite or PostgreSQL; None: a file in each folder.
        on_note: is told, in a sentence, what may take a while or has gone wrong without harm.

    Raises:
        UsageError: the database that the URL names cannot be used; the message says why.
        NotComparableError: a newer version of benchsuite made its tables.
    """
    if database is not None:
        return _in_database(database, roots, metric, on_note)
    return merge([_in_folder(root, metric, on_note) for root in roots])


def _in_folder(root: Path, metric: str, on_note: Callable[[str], None]) -> Ledger:
    def work(connection: Connection) -> Ledger:
        prepare(connection)
        refresh(connection, root, ".", on_note)
        return ask(connection, root, ".", metric)

    if not root.is_dir():
        return Ledger((), 0, {}, (), ())
    path = root / INDEX_FILE
    try:
        with FileLock(root / LOCK_FILE, timeout=PATIENCE_S):
            try:
                return _transact(_sqlite(path), work)
            except DAMAGE as error:
                if path.exists() and "locked" not in str(error):
                    on_note(f"{path}: the index is damaged or of another version, and is made anew.")
                    path.unlink()
                    path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
                    return _transact(_sqlite(path), work)
                raise
    except (OSError, Timeout, SQLAlchemyError):
        on_note(f"{path}: the index cannot be written or is in use, so all runs are read anew.")
        return _transact(_in_memory(), work)


def _in_database(database: str, roots: Sequence[Path], metric: str, on_note: Callable[[str], None]) -> Ledger:
    url = _parse(database)
    name = display_name(url)

    def work(connection: Connection) -> Ledger:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": ADVISORY_LOCK})
        prepare(connection)
        for root in roots:
            refresh(connection, root, clean(str(root.resolve())), on_note)
        return merge([ask(connection, root, clean(str(root.resolve())), metric) for root in roots])

    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", "Query string", SAWarning)
            return _transact(_engine(url), work)
    except SAWarning:
        raise UsageError(
            f"--database {name}: SQLite's driver does not know all that stands behind the `?`: leave it out"
        ) from None
    except NewerIndexError:
        raise NotComparableError(
            f"--database {name}: a newer benchsuite made its tables: use that version, or another database"
        ) from None
    except ImportError as error:
        missing = error.name or "psycopg"
        raise UsageError(
            f"--database {name}: the Python module {missing!r} cannot be imported: pip install 'benchsuite[postgres]'"
        ) from None
    except (DBAPIError, OSError) as error:
        raise UsageError(f"--database {name}: {_reason(error, url)}") from None
    except DAMAGE as error:
        raise UsageError(
            f"--database {name}: its tables do not hold an index ({type(error).__name__}): name another database"
        ) from None


def display_name(url: URL) -> str:
    """Return what may be printed of a URL: neither user, password nor query."""
    port = f":{url.port}" if url.port else ""
    return f"{url.drivername}://{url.host or ''}{port}/{url.database or ''}"


def _parse(database: str) -> URL:
    known = "write sqlite:///FILE or postgresql://USER@HOST/DATABASE"
    try:
        url = make_url(database)
    except (ArgumentError, ValueError):
        # What was written may hold a password: it is not repeated.
        raise UsageError(f"--database (or {VARIABLE}): not a database's URL: {known}") from None
    if driver := DRIVERS.get(url.drivername):
        return url.set(drivername=driver)
    raise UsageError(
        f"--database {display_name(url)}: of databases, SQLite and PostgreSQL are known: {known}"
    )


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        return _tuned(create_engine(url, connect_args={"timeout": PATIENCE_S}, hide_parameters=True))
    return create_engine(url, connect_args={"connect_timeout": CONNECT_S}, hide_parameters=True)


def _sqlite(path: Path) -> Engine:
    from sqlalchemy import URL

    url = URL.create("sqlite", database=str(path))
    return _tuned(create_engine(url, connect_args={"timeout": CONNECT_S}, hide_parameters=True))


def _in_memory() -> Engine:
    return _tuned(create_engine("sqlite://", poolclass=StaticPool, hide_parameters=True))


def _tuned(engine: Engine) -> Engine:
    """Let a transaction lock the file when it begins: one that reads first could not be made to write later."""

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver begins none by itself

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _transact(engine: Engine, work: Work) -> Ledger:
    try:
        with engine.begin() as connection:
            return work(connection)
    finally:
        engine.dispose()


def _reason(error: Exception, url: URL) -> str:
    """Return the first line of what a driver says, without the password."""
    said = str(getattr(error, "orig", None) or error).strip().splitlines() or [type(error).__name__]
    line = " ".join(said[0].split())
    secrets = {url.password, *(value for values in url.normalized_query.values() for value in values)}
    for secret in sorted(filter(None, map(str, filter(None, secrets))), key=len, reverse=True):
        line = line.replace(secret, "***")
    return line
