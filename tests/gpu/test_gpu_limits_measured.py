"""The two measurements of what a GPU does at most, which share no code, agree."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchsuite.worker import ceilings

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
import gpu_limits

pytestmark = pytest.mark.usefixtures("gpu")
SHARE = 0.15
"""Clocks and power are those of another moment."""


def test_limits_are_the_suites_ceilings():
    limits, found = gpu_limits.measure(), ceilings._cuda()
    for name, value in limits.flops_per_s.items():
        assert found[f"cuda_{name}_flops_per_s"] == pytest.approx(value, rel=SHARE), name
    assert found["cuda_copy_bytes_per_s"] == pytest.approx(limits.copy_bytes_per_s, rel=SHARE)
    pinned = limits.host_bytes_per_s["pinned to device"]
    assert found["cuda_host_to_device_bytes_per_s"] == pytest.approx(pinned, rel=SHARE)
    assert 0 < limits.graph_launch_ns / gpu_limits.NODES < limits.launch_ns
    assert limits.graph_node_ns > 0
