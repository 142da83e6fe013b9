from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path += [str(Path(__file__).parent), str(ROOT / "tests" / "reports"), str(ROOT / "benchmarks")]


@pytest.fixture(scope="session")
def sample(tmp_path_factory):
    """Return a run's directory, of a machine without a GPU, and what it holds."""
    from sample_run import write_run

    import reports

    path = write_run(tmp_path_factory.mktemp("runs"))
    return path, reports.load(path)
