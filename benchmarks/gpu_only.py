"""A plugin of pytest that leaves only the tests that want a GPU: `pytest -p gpu_only`, with this folder on the path."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

FIXTURE = "gpu"
"""Of tests/gpu: it skips where there is none."""


def wants_gpu(item: pytest.Item) -> bool:
    """Whether a test is skipped where there is no CUDA device."""
    reasons = (str(mark.kwargs.get("reason", "")) for mark in item.iter_markers("skipif"))
    return FIXTURE in getattr(item, "fixturenames", ()) or any("CUDA" in reason for reason in reasons)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [item for item in items if not wants_gpu(item)]
    items[:] = [item for item in items if wants_gpu(item)]
    config.hook.pytest_deselected(items=left_out)
