"""The tables of the index. They hold nothing that a run directory does not hold, and can be made again at any time."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

VERSION: Final = 1
"""Of the tables and of what is put into them; an index of another version is made anew."""
METADATA: Final = MetaData()
NUMBER: Final = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself as INTEGER alone

version_table: Final = Table(
    "benchsuite_history_version", METADATA, Column("version", Integer, primary_key=True)
)
run_table: Final = Table(
    "benchsuite_history_runs",
    METADATA,
    Column("id", NUMBER, primary_key=True),
    Column("root", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("signature", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("started", Text, nullable=False),
    Column("finished", Boolean, nullable=False),
    Column("commit_name", Text, nullable=False),
    Column("task", Text, nullable=False),
    Column("problem", Text, nullable=False),
    UniqueConstraint("root", "name"),
)
description_table: Final = Table(
    "benchsuite_history_descriptions",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("content", Text, nullable=False),
)
"""Conditions and versions as JSON, each once."""
cell_table: Final = Table(
    "benchsuite_history_cells",
    METADATA,
    Column("run_id", NUMBER, primary_key=True, autoincrement=False),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("scenario", Text, nullable=False),
    Column("variant", Text, nullable=False),
    Column("pass_name", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("disturbed", Text, nullable=False),
    Column("conditions", Text, nullable=False),
    Column("software", Text, nullable=False),
)
figure_table: Final = Table(
    "benchsuite_history_figures",
    METADATA,
    Column("run_id", NUMBER, primary_key=True, autoincrement=False),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("metric", Text, primary_key=True),
    Column("value", Float(53), nullable=False),
    Column("low", Float(53)),
    Column("high", Float(53)),
    Column("trials", Integer, nullable=False),
    Index("benchsuite_history_metric", "metric"),
)
