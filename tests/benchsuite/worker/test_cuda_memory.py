"""The history of CUDA's allocator: replayed on events that were made up, recorded on a stand-in, and on a GPU."""

from __future__ import annotations

import pickle
import time

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchsuite.scenario import Workload
from benchsuite.worker import device, memory

cuda_memory = pytest.importorskip("benchsuite.worker.cuda_memory")
from benchsuite.stacks import holder  # noqa: E402 - memray is asked for first
from benchsuite.worker.captures import CaptureError  # noqa: E402

KIB = 1024
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA here")


def event(action, address, size, line=1):
    frames = [
        {"name": "linear", "filename": "<native>", "line": 0},
        {"name": "step", "filename": "/nowhere/train.py", "line": line},
    ]
    return {"action": action, "addr": address, "size": size, "frames": frames}


@st.composite
def histories(draw):
    """Draw a history in which addresses are used again, with what was alive after each event."""
    events, alive, moments = [], {}, [{}]
    for _ in range(draw(st.integers(0, 30))):
        address = draw(st.integers(0, 4))
        if address in alive:
            events.append(event("free_requested", address, alive.pop(address)["size"]))
            events.append(event("free_completed", address, 0))
        else:
            events.append(event("alloc", address, draw(st.integers(1, 100)), draw(st.integers(1, 9))))
            alive[address] = events[-1]
        moments.append(dict(alive))
    return events, moments


def unpickled(path):
    return pickle.loads(path.read_bytes())  # noqa: S301 - this test has written it


def total(allocations):
    return sum(one["size"] for one in allocations)


@given(histories())
def test_what_was_alive_at_the_peak_is_found(history):
    events, moments = history
    highest = max(moments, key=lambda alive: total(alive.values()))
    assert cuda_memory.alive_at_peak(events) == list(highest.values())


@given(histories())
def test_what_was_there_before_and_is_freed_lowers_no_peak(history):
    events, _moments = history
    earlier = [event("free_requested", 99, 50), event("free_completed", 99, 50)]
    assert cuda_memory.alive_at_peak(earlier + events) == cuda_memory.alive_at_peak(events)


class Allocator:
    """Stands in for CUDA's allocator: it keeps a history while it is told to."""

    def __init__(self):
        self.told = []
        self.events = []
        self.recording = False

    def record(self, enabled="all", **how):
        self.told.append((enabled, how))
        self.recording = enabled is not None
        if self.recording:
            self.events = []

    def snapshot(self):
        return {"segments": [], "device_traces": [list(self.events), []]}

    def happens(self, *arguments):
        if self.recording:
            self.events.append(event(*arguments))

    def build(self):
        """Build a workload that holds 4 KiB, and 1 KiB more within each step."""
        self.happens("alloc", 1, 4 * KIB, 10)

        def step():
            self.happens("alloc", 2, KIB, 20)
            self.happens("free_requested", 2, KIB)
            # Long enough for all that a memory pass looks at.
            time.sleep(0.001)

        return Workload(step, tuple)


@pytest.fixture
def allocator(monkeypatch):
    stand_in = Allocator()
    monkeypatch.setattr(torch.cuda.memory, "_record_memory_history", stand_in.record)
    monkeypatch.setattr(torch.cuda.memory, "_snapshot", stand_in.snapshot)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    return stand_in


def fail(*_arguments, **_named):
    raise RuntimeError("planted: not today")


def test_the_lines_behind_the_peak_are_told_and_the_snapshot_is_kept(allocator, tmp_path):
    found = cuda_memory.look(allocator.build, str(tmp_path))
    assert [(site.kind, site.size_bytes, holder(site.stack)) for site in found.sites] == [
        ("cuda_peak", 4 * KIB, "train.py:10"),
        ("cuda_peak", KIB, "train.py:20"),
    ]
    assert found.problems == ()
    assert unpickled(tmp_path / found.artifacts["cuda_snapshot"]) == allocator.snapshot()
    assert len(allocator.events) == 1 + 2 * cuda_memory.RECORDED_STEPS


def test_the_history_is_bounded_and_ends_with_the_look(allocator):
    cuda_memory.look(allocator.build, "")
    (begun, how), (ended, _how) = allocator.told
    assert (begun, ended) == ("all", None)
    assert how["max_entries"] == cuda_memory.MOST_EVENTS


def test_followers_keep_no_file(allocator, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cuda_memory.look(allocator.build, "").artifacts == {}
    assert not list(tmp_path.iterdir())


def test_a_history_that_was_cut_tells_no_peak_and_says_so(allocator, tmp_path, monkeypatch):
    monkeypatch.setattr(cuda_memory, "MOST_EVENTS", 3)
    found = cuda_memory.look(allocator.build, str(tmp_path))
    assert found.sites == ()
    assert found.artifacts
    (problem,) = found.problems
    assert "more than 3 events" in problem


@pytest.mark.parametrize("missing", ["_record_memory_history", "_snapshot"])
def test_a_call_that_torch_no_longer_has_is_named(allocator, monkeypatch, missing):
    monkeypatch.delattr(torch.cuda.memory, missing)
    with pytest.raises(CaptureError, match=f"could not be recorded .*{missing}"):
        cuda_memory.look(allocator.build, "")
    assert not allocator.recording


def test_a_changed_snapshot_is_kept_though_it_cannot_be_read(allocator, monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda.memory, "_snapshot", lambda: {"traces": []})
    found = cuda_memory.look(allocator.build, str(tmp_path))
    assert found.artifacts
    (problem,) = found.problems
    assert "could not be read (KeyError: 'device_traces')" in problem


def test_a_snapshot_that_cannot_be_written_takes_nothing_from_the_rest(allocator, monkeypatch, tmp_path):
    monkeypatch.setattr(pickle, "dump", fail)
    found = cuda_memory.look(allocator.build, str(tmp_path))
    assert len(found.sites) == 2
    assert found.artifacts == {}
    assert not list(tmp_path.iterdir())
    (problem,) = found.problems
    assert "could not be kept (RuntimeError: planted: not today" in problem


@pytest.fixture
def on_gpu(monkeypatch):
    """Have this process seem to hold memory on a GPU that answers everything with nothing."""
    monkeypatch.setattr(device, "cuda_in_use", lambda: True)


def test_the_memory_pass_looks_at_work_on_a_gpu(allocator, on_gpu, tmp_path):
    found = memory.run(allocator.build, str(tmp_path))
    assert found["artifacts"] == {"cuda_snapshot": "cuda_snapshot.pickle"}
    assert [site["kind"] for site in found["sites"]].count("cuda_peak") == 2
    assert {"peak_heap", "allocations", "leak", "cuda_leak"} <= set(found["metrics"])
    assert found["problems"] == ()


def test_the_memory_pass_goes_on_where_nothing_can_be_recorded(allocator, on_gpu, monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda.memory, "_record_memory_history", fail)
    found = memory.run(allocator.build, str(tmp_path))
    assert {"peak_heap", "allocations", "leak"} <= set(found["metrics"])
    (problem,) = found["problems"]
    assert problem.startswith(
        "the history of GPU memory could not be recorded (RuntimeError: planted: not today"
    )


def test_work_on_the_cpu_is_not_looked_at(allocator, tmp_path):
    assert memory.run(allocator.build, str(tmp_path))["artifacts"] == {}
    assert allocator.told == []


@needs_cuda
def test_on_a_gpu_the_line_that_holds_most_is_told(tmp_path):
    def build():
        held = torch.ones(256, KIB, device="cuda")
        return Workload(lambda: held.add_(1), tuple)

    build()
    device.note_use()
    found = cuda_memory.look(build, str(tmp_path))
    assert found.problems == ()
    assert found.sites[0].size_bytes >= 256 * KIB * 4
    first = build.__code__.co_firstlineno
    assert holder(found.sites[0].stack).endswith(f"test_cuda_memory.py:{first + 1}")
    assert unpickled(tmp_path / "cuda_snapshot.pickle")["segments"]
