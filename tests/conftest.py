from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says more about the machine than about the code.
settings.register_profile("benchsuite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("benchsuite")

# A shell lets what it starts in the background ignore Ctrl-C, and with it every process that the tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

WORKLOADS = Path(__file__).parent / "workloads.py"


@pytest.fixture(scope="session")
def workloads():
    """Return the file of scenarios that behave and of those that do not."""
    return WORKLOADS
