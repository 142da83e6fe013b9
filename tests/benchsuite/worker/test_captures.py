"""The adapter to memray, on captures of this process."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

captures = pytest.importorskip("benchsuite.worker.captures")
from benchsuite.stacks import holder  # noqa: E402 - memray is asked for first

MIB = 2**20


@pytest.fixture
def captured(tmp_path):
    def run(work, **options):
        path = tmp_path / "capture.bin"
        path.unlink(missing_ok=True)
        with captures.track(path, **options):
            kept = work()
        found = captures.Capture(path)
        del kept
        return found

    return run


def line_of(held):
    return {holder(stack).partition(":")[0] for stack in held}


def test_what_lives_at_the_peak_is_found_with_its_line(captured):
    def work():
        torch.empty(2 * MIB, dtype=torch.uint8)
        return torch.empty(5 * MIB, dtype=torch.uint8)

    capture = captured(work)
    (site, *_) = captures.largest("peak", capture.high_water_mark(), 3)
    # The tensor's own small blocks lie on the same line.
    assert site.kind == "peak"
    assert 5 * MIB <= site.size_bytes <= 5 * MIB + 1024
    assert site.stack[0].startswith("work (tests/benchsuite/worker/test_captures.py:")
    assert 5 * MIB <= capture.peak_bytes < 6 * MIB


def test_native_code_stands_in_the_stack_where_that_is_asked_for(captured):
    def work():
        return torch.empty(5 * MIB, dtype=torch.uint8)

    def stack(**options):
        (site, *_) = captures.largest("peak", captured(work, **options).high_water_mark(), 1)
        return site.stack

    assert all(".py:" in frame for frame in stack())
    native = stack(native_traces=True)
    assert ".py:" not in native[0]
    assert holder(native) == holder(stack())


def test_only_what_is_freed_before_anything_else_is_allocated_is_temporary(captured):
    def freed_at_once():
        for _ in range(7):
            torch.empty(MIB, dtype=torch.uint8)

    def freed_later():
        kept = [torch.empty(MIB, dtype=torch.uint8) for _ in range(7)]
        kept.clear()

    captured(freed_at_once)
    found = sum(held.size_bytes for held in captured(freed_at_once).temporary().values())
    assert 7 * MIB <= found <= 7 * MIB + 7 * 1024
    assert sum(held.size_bytes for held in captured(freed_later).temporary().values()) <= MIB + 7 * 1024


def total(held):
    return sum(one.size_bytes for one in held.values())


def test_what_is_alive_at_each_mark_is_told(captured):
    kept = []

    def work():
        kept.append(torch.empty(3 * MIB, dtype=torch.uint8))
        torch.empty(9 * MIB, dtype=torch.uint8)
        captures.mark()
        kept.append(torch.empty(MIB, dtype=torch.uint8))
        captures.mark()
        kept.clear()
        captures.mark()

    sizes = [total(held) for held in captured(work).alive_at_marks(3)]
    assert sizes == [pytest.approx(wanted, abs=4096) for wanted in (3 * MIB, 4 * MIB, 0)]


def test_a_mark_that_is_missing_is_named(captured):
    with pytest.raises(captures.CaptureError, match=r"capture\.bin has 1 marks, not 2"):
        captured(captures.mark).alive_at_marks(2)


def test_python_objects_count_for_themselves_where_they_are_asked_for(captured):
    def work():
        kept = [object() for _ in range(10)]
        captures.mark()
        return kept

    (held,) = captured(work, python_objects=True).alive_at_marks(1)
    assert sum(one.blocks for one in held.values()) >= 10
    (held,) = captured(work).alive_at_marks(1)
    assert sum(one.blocks for one in held.values()) <= 1


def test_the_curve_of_the_heap_begins_at_zero_and_reaches_the_peak(captured):
    def work():
        block = torch.zeros(8 * MIB, dtype=torch.uint8)
        for _ in range(400):
            block.add_(1)

    points = captured(work).heap_over_time()
    assert points[0][0] == 0
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert max(y for _, y in points) >= 8 * MIB


@pytest.mark.parametrize("content", [b"", b"no capture", b"memray"])
def test_a_file_that_is_no_capture_is_named(tmp_path, content):
    path = tmp_path / "broken.bin"
    path.write_bytes(content)
    with pytest.raises(captures.CaptureError, match=r"broken\.bin"):
        captures.Capture(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95, 0.999])
def test_a_capture_that_was_cut_off_is_named(captured, tmp_path, share):
    captured(lambda: [bytearray(1000 + number) for number in range(20_000)])
    path = tmp_path / "capture.bin"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(captures.CaptureError, match=r"capture\.bin"):
        captures.Capture(path)


def test_a_capture_that_is_missing_is_named(tmp_path):
    with pytest.raises(captures.CaptureError, match=r"none\.bin"):
        captures.Capture(tmp_path / "none.bin")


points = st.lists(st.tuples(st.floats(0, 1e9), st.floats(0, 1e12)), max_size=300).map(sorted)


@given(points, st.integers(1, 60))
def test_a_thinned_curve_keeps_its_order_and_its_peak(curve, most):
    kept = captures.thinned(curve, most)
    assert len(kept) == min(most, len(curve))
    assert set(kept) <= set(curve)
    assert [x for x, _ in kept] == sorted(x for x, _ in kept)
    assert max((y for _, y in kept), default=0) == max((y for _, y in curve), default=0)
