from __future__ import annotations

from pathlib import Path

import pytest

WORKLOADS = Path(__file__).parent / "workloads.py"


@pytest.fixture(scope="session")
def workloads():
    """Return the file of scenarios that behave and of those that do not."""
    return WORKLOADS
