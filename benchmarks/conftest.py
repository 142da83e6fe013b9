"""Prints what the benchmarks found: ratios and targets, after pytest-benchmark's own table."""

from __future__ import annotations

import pytest

FOUND = []


@pytest.fixture
def found():
    """Return a function that adds a line to the summary: what, the figure, the target."""

    def add(what, figure, target):
        FOUND.append(f"{what}: {figure} (target: {target})")

    return add


def pytest_terminal_summary(terminalreporter):
    if FOUND:
        terminalreporter.section("figures and targets")
        for line in FOUND:
            terminalreporter.line(line)
