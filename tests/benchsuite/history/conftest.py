from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "reports"))
from sample_history import write_history

from benchsuite.history.database import read_history


@pytest.fixture(scope="session")
def sample_runs(tmp_path_factory):
    """A folder with runs of forty days, only to be read: the index of it is elsewhere."""
    root = tmp_path_factory.mktemp("history") / "runs"
    write_history(root)
    return root


@pytest.fixture(scope="session")
def read(tmp_path_factory):
    """Read a folder's history by an index elsewhere, which all tests share."""
    database = f"sqlite:///{tmp_path_factory.mktemp('index') / 'elsewhere.db'}"

    def read(root, metric="step_time"):
        return read_history([root], metric, database, lambda _text: None)

    return read
