"""What is read out of a trace: on made-up traces of a GPU, and by properties."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchsuite.worker.trace import MAX_POINTS, TraceSummary, covered, share_covered, summarize, thinned

STEP = "a step"
INTERVALS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)).map(lambda p: (p[0], p[0] + p[1])))


def event(category, name, start, length=0, **arguments):
    return {"ph": "X", "cat": category, "name": name, "ts": start, "dur": length, "pid": 1, "args": arguments}


def step(start, length):
    return event("user_annotation", STEP, start, length)


def kernel(start, length, device=0):
    return event("kernel", "gemm", start, length, device=device)


def call(name, start, length=1, category="cuda_runtime"):
    return event(category, name, start, length)


def copy(direction, size, start=0, length=1):
    return event(
        "gpu_memcpy", f"Memcpy {direction} (Pageable -> Device)", start, length, bytes=size, device=0
    )


def held(total, when, device_type=0, device_id=-1):
    arguments = {"Total Allocated": total, "Device Type": device_type, "Device Id": device_id}
    return {"ph": "i", "cat": "cpu_instant_event", "name": "[memory]", "ts": when, "args": arguments}


def found(*events, steps=1):
    return summarize(events, STEP).metrics(steps)


@given(INTERVALS)
def test_the_union_counts_each_moment_once(intervals):
    assert covered(intervals) == len({moment for start, end in intervals for moment in range(start, end)})


@given(INTERVALS, st.randoms())
def test_the_union_does_not_depend_on_order_or_repetition(intervals, random):
    shuffled = intervals * 2
    random.shuffle(shuffled)
    assert covered(shuffled) == covered(intervals)


@given(INTERVALS, st.integers(0, 60), st.integers(1, 30))
def test_a_share_is_that_of_the_moments_within(intervals, first, length):
    moments = {moment for start, end in intervals for moment in range(start, end)}
    inside = moments & set(range(first, first + length))
    assert share_covered(intervals, (first, first + length)) == pytest.approx(len(inside) / length)


def test_a_span_without_length_has_no_share():
    assert share_covered([(0.0, 1.0)], (0.5, 0.5)) == 0.0


@given(st.lists(st.tuples(st.integers(), st.integers())).map(sorted), st.integers(1, 20))
def test_thinning_keeps_the_order_and_the_peak(points, limit):
    kept = thinned(points, limit)
    assert len(kept) == min(len(points), limit)
    assert list(kept) == sorted(kept)
    assert set(kept) <= set(points)
    if points:
        assert max(y for _x, y in kept) == max(y for _x, y in points)


def test_kernels_launches_and_graphs_are_counted_by_the_step():
    metrics = found(
        step(0, 10), step(10, 10), kernel(1, 2), kernel(3, 2), kernel(12, 1), kernel(14, 1),
        call("cudaLaunchKernel", 1), call("cuLaunchKernelEx", 2, category="cuda_driver"), call("cudaGraphLaunch", 11),
        call("cudaMalloc", 5), event("gpu_memset", "Memset (Device)", 5, 1, device=0), steps=2,
    )  # fmt: skip
    assert metrics["kernels"] == 2
    assert metrics["launches"] == 1.5


def test_a_device_is_idle_where_no_stream_of_it_works():
    # 0 to 4 and 2 to 6 on two streams, then 8 to 10: 8 of 20 us.
    metrics = found(step(0, 20), kernel(0, 4), kernel(2, 4), copy("HtoD", 8, start=8, length=2))
    assert metrics["device_idle_share"] == pytest.approx(0.6)


def test_work_that_outlasts_the_steps_belongs_to_them():
    assert found(step(0, 10), kernel(0, 40))["device_idle_share"] == 0.0
    assert found(step(0, 10), kernel(20, 20))["device_idle_share"] == pytest.approx(0.5)


def test_the_idle_share_is_the_mean_over_devices():
    assert found(step(0, 10), kernel(0, 10, device=0), kernel(0, 5, device=1))["device_idle_share"] == 0.25


def test_waiting_counts_within_the_steps_alone():
    metrics = found(
        call("cudaDeviceSynchronize", 0, 5), step(10, 10), step(20, 10), kernel(10, 30),
        call("cudaStreamSynchronize", 12, 3), call("cudaEventSynchronize", 25, 3), call("cudaMemcpy", 16, 2),
        call("cudaMemcpyAsync", 18, 1), call("cudaDeviceSynchronize", 30, 10), steps=2,
    )  # fmt: skip
    assert metrics["synchronisations"] == 1.5
    assert metrics["host_wait_share"] == pytest.approx(8 / 30)


def test_asking_a_tensor_on_the_device_is_one_synchronisation_and_not_two():
    metrics = found(
        step(0, 10), kernel(0, 1), event("cpu_op", "aten::_local_scalar_dense", 2, 5),
        call("cudaStreamSynchronize", 3, 3), copy("DtoH", 4, start=3),
    )  # fmt: skip
    assert metrics["synchronisations"] == 1
    assert metrics["device_to_host_copies"] == 1


def test_without_a_device_asking_for_a_number_is_all_that_synchronises():
    metrics = found(
        step(0, 10), step(10, 10), event("cpu_op", "aten::_local_scalar_dense", 2, 1),
        event("cpu_op", "aten::copy_", 3, 1), event("cpu_op", "aten::item", 2, 2), steps=2,
    )  # fmt: skip
    assert metrics == {"synchronisations": 0.5}


def test_copies_between_host_and_device_are_told_apart():
    metrics = found(step(0, 10), copy("HtoD", 100), copy("HtoD", 20), copy("DtoH", 3), copy("DtoD", 1000))
    assert metrics["host_to_device_copies"] == 2
    assert metrics["device_to_host_copies"] == 1
    assert metrics["copied_bytes"] == 123
    assert metrics["kernels"] == 0


def test_without_annotations_the_steps_reach_from_the_first_call_to_the_last():
    metrics = found(call("cudaLaunchKernel", 0), kernel(1, 4), call("cudaStreamSynchronize", 5, 5))
    assert metrics["device_idle_share"] == pytest.approx(0.6)
    assert metrics["host_wait_share"] == pytest.approx(0.5)


def test_memory_is_that_of_the_devices_where_there_are_any():
    events = [
        step(1000, 9000),
        held(7, 2000),
        held(100, 3000, 1, 0),
        held(50, 4000, 1, 1),
        held(0, 5000, 1, 0),
    ]
    assert summarize(events, STEP).memory == ((2.0, 100.0), (3.0, 150.0), (4.0, 50.0))
    assert summarize(events[:2], STEP).memory == ((1.0, 7.0),)


def test_a_long_memory_curve_is_thinned_and_keeps_its_peak():
    events = [step(0, 10_000), *(held(1 if n != 777 else 99, n) for n in range(5000))]
    memory = summarize(events, STEP).memory
    assert len(memory) == MAX_POINTS
    assert (0.777, 99.0) in memory


def test_nothing_says_nothing():
    assert summarize([], STEP) == TraceSummary()
    assert found() == {}


@given(
    st.lists(
        st.one_of(
            st.none(), st.integers(), st.text(),
            st.dictionaries(st.sampled_from(["ts", "dur", "cat", "name", "args"]), st.none() | st.text() | st.integers()),
        )
    )
)  # fmt: skip
def test_what_is_no_event_is_passed_over(events):
    planted = [step(0, 10), event("cpu_op", "aten::_local_scalar_dense", 2, 1)]
    assert summarize([*events, *planted], STEP).metrics(1)["synchronisations"] >= 1
