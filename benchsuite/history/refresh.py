"""Brings the index up to date with the run directories that are on the disk."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, func, insert, select

from benchsuite.history.readings import read_run
from benchsuite.history.schema import (
    METADATA,
    VERSION,
    cell_table,
    description_table,
    figure_table,
    run_table,
    version_table,
)
from benchsuite.store import INFO_FILE, RECORDS_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from sqlalchemy import Connection

    from benchsuite.history.readings import Cell, RunReading

LONGEST_TEXT: Final = 4000
KEY_DIGITS: Final = 16
MANY_RUNS: Final = 20
"""From so many new runs on it is told that they are read."""


class NewerIndexError(Exception):
    """A newer version of this program has made the tables."""


def prepare(connection: Connection) -> None:
    """Make the tables where they are missing or of an older version.

    Raises:
        NewerIndexError: a newer version made them.
    """
    version_table.create(connection, checkfirst=True)
    found = connection.scalar(select(func.max(version_table.c.version)))
    if found is not None and found > VERSION:
        raise NewerIndexError
    if found != VERSION:
        METADATA.drop_all(connection)
    METADATA.create_all(connection)
    if found != VERSION:
        connection.execute(insert(version_table).values(version=VERSION))


def refresh(connection: Connection, root: Path, key: str, on_note: Callable[[str], None]) -> None:
    """Read the run directories that are new or have changed, and forget those that are gone.

    Args:
        connection: within a transaction.
        root: the runs folder.
        key: what the folder is called in the index.
        on_note: is told before many runs are read.
    """
    known = {
        row.name: (row.id, row.signature)
        for row in connection.execute(select(run_table).where(run_table.c.root == key))
    }
    present = {clean(path.parent.name): path.parent for path in sorted(root.glob(f"*/{INFO_FILE}"))}
    # Taken before a run is read: what is appended meanwhile is noticed the next time.
    signatures = {name: _signature(path) for name, path in present.items()}
    for name, (number, signature) in known.items():
        if signatures.get(name) != signature:
            _forget(connection, number)
    new = [name for name in present if known.get(name, (0, ""))[1] != signatures[name]]
    if len(new) >= MANY_RUNS:
        on_note(f"Reading {len(new)} runs of {root} that are new or have changed.")
    described = set(connection.scalars(select(description_table.c.key)))
    for name in new:
        reading = read_run(present[name])
        number = _add_run(connection, key, name, signatures[name], reading)
        _add_cells(connection, number, reading.cells, described)


def clean(text: str) -> str:
    """Return a text that every database can hold: half characters and zero bytes become escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\x00", "\\x00")


def _signature(path: Path) -> str:
    """Return what changes when a run does: sizes and times of its two files."""
    found = []
    for name in (INFO_FILE, RECORDS_FILE):
        try:
            stat = (path / name).stat()
        except OSError:
            found.append("missing")
        else:
            found.append(f"{stat.st_size}:{stat.st_mtime_ns}")
    return " ".join(found)


def _forget(connection: Connection, number: int) -> None:
    connection.execute(delete(figure_table).where(figure_table.c.run_id == number))
    connection.execute(delete(cell_table).where(cell_table.c.run_id == number))
    connection.execute(delete(run_table).where(run_table.c.id == number))


def _add_run(connection: Connection, key: str, name: str, signature: str, reading: RunReading) -> int:
    values = {
        "root": key,
        "name": name,
        "signature": signature,
        "kind": reading.kind,
        "started": clean(reading.started)[:LONGEST_TEXT],
        "finished": reading.finished,
        "commit_name": clean(reading.commit)[:LONGEST_TEXT],
        "task": clean(reading.task)[:LONGEST_TEXT],
        "problem": clean(reading.problem)[:LONGEST_TEXT],
    }
    inserted = connection.execute(insert(run_table).values(values)).inserted_primary_key
    if inserted is None:
        raise RuntimeError("the database has given a run no number")
    return int(inserted[0])


def _add_cells(connection: Connection, number: int, cells: tuple[Cell, ...], described: set[str]) -> None:
    rows, figures, descriptions = [], [], {}
    for place, cell in enumerate(cells):
        keys = {}
        for what, content in (("conditions", cell.facts), ("software", cell.software)):
            text = clean(json.dumps(content, sort_keys=True))
            keys[what] = hashlib.sha256(text.encode()).hexdigest()[:KEY_DIGITS]
            descriptions[keys[what]] = text
        rows.append({
            "run_id": number,
            "place": place,
            "scenario": clean(cell.scenario),
            "variant": clean(cell.variant),
            "pass_name": clean(cell.pass_),
            "outcome": cell.outcome,
            "reason": clean(cell.reason)[:LONGEST_TEXT],
            "disturbed": clean(cell.disturbed)[:LONGEST_TEXT],
            **keys,
        })  # fmt: skip
        figures += [
            {
                "run_id": number, "place": place, "metric": clean(f.metric), "value": f.value, "low": f.low,
                "high": f.high, "trials": f.count,
            }
            for f in cell.figures
        ]  # fmt: skip
    _insert_descriptions(connection, descriptions, described)
    if rows:
        connection.execute(insert(cell_table), rows)
    if figures:
        connection.execute(insert(figure_table), figures)


def _insert_descriptions(
    connection: Connection, descriptions: Mapping[str, str], described: set[str]
) -> None:
    new = [{"key": key, "content": text} for key, text in descriptions.items() if key not in described]
    if new:
        connection.execute(insert(description_table), new)
        described.update(row["key"] for row in new)
