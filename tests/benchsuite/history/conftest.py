from __future__ import annotations

import subprocess
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


READER = """
import sys
from pathlib import Path
from benchsuite.history.database import read_history
ledger = read_history([Path(sys.argv[1])], "step_time", sys.argv[2] or None, lambda text: print(text, file=sys.stderr))
print(len(ledger.runs), len(ledger.readings))
"""


@pytest.fixture
def read_at_once():
    """Have four processes read a folder's history at once; return what each counted and what each said."""

    def read_at_once(root, database=None):
        readers = [
            subprocess.Popen(
                [sys.executable, "-c", READER, str(root), database or ""],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )
            for _ in range(4)
        ]  # fmt: skip
        ended = [reader.communicate(timeout=240) for reader in readers]
        assert [reader.returncode for reader in readers] == [0] * 4, ended
        return [out for out, _err in ended], [err for _out, err in ended]

    return read_at_once
