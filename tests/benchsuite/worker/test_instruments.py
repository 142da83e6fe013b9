from __future__ import annotations

import sys
import threading
import tracemalloc

import pytest
import torch

from benchsuite.scenario import Skip
from benchsuite.worker import instruments


def test_alone_there_is_nothing_to_refuse():
    instruments.demand_none()


def test_a_profile_function_is_refused():
    sys.setprofile(lambda *_: None)
    try:
        with pytest.raises(Skip, match=r"sys\.setprofile"):
            instruments.demand_none()
    finally:
        sys.setprofile(None)


def test_a_profile_function_of_new_threads_is_refused():
    threading.setprofile(lambda *_: None)
    try:
        with pytest.raises(Skip, match=r"sys\.setprofile"):
            instruments.demand_none()
    finally:
        threading.setprofile(None)


def test_tracemalloc_is_refused():
    tracemalloc.start()
    try:
        with pytest.raises(Skip, match="tracemalloc"):
            instruments.demand_none()
    finally:
        tracemalloc.stop()


def test_another_tracker_is_refused(tmp_path):
    memray = pytest.importorskip("memray")
    with memray.Tracker(tmp_path / "other.bin"), pytest.raises(Skip, match="memray"):
        instruments.demand_none()
    instruments.demand_none()


def test_torchs_profiler_is_refused():
    with torch.autograd.profiler.profile(), pytest.raises(Skip, match=r"torch\.profiler"):
        instruments.demand_none()


@pytest.mark.skipif(not hasattr(sys, "monitoring"), reason="sys.monitoring came with Python 3.12")
def test_a_monitoring_tool_is_refused():
    sys.monitoring.use_tool_id(sys.monitoring.PROFILER_ID, "planted")
    try:
        with pytest.raises(Skip, match="planted"):
            instruments.demand_none()
    finally:
        sys.monitoring.free_tool_id(sys.monitoring.PROFILER_ID)
