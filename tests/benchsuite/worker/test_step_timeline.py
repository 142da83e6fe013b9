"""One step of a trace as spans: on made-up traces, and by properties."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchsuite.record import Span
from benchsuite.worker.step_timeline import LONGEST_NAME, MOST_SPANS, StepTimeline

STEP = "a step"
ANYTHING = st.none() | st.integers() | st.floats() | st.text(max_size=3) | st.just([])


def event(category, name, start, length=1, thread=1, **arguments):
    return {"ph": "X", "cat": category, "name": name, "ts": start, "dur": length, "tid": thread, "args": arguments}  # fmt: skip


def step(start, length):
    return event("user_annotation", STEP, start, length)


def operator(name, start, length=1, thread=1):
    return event("cpu_op", name, start, length, thread)


def launch(start, correlation):
    return event("cuda_runtime", "cudaLaunchKernel", start, correlation=correlation)


def kernel(start, length, correlation):
    return event("kernel", "gemm", start, length, thread=7, correlation=correlation)


def timeline(*events, most_noted=1000):
    seen = StepTimeline(STEP, most_noted)
    assert list(seen.watch(events)) == list(events)
    return seen.spans()


def lanes(*events):
    return [(span.lane, span.name, span.start_ns, span.duration_ns) for span in timeline(*events)[0]]


def test_what_an_operator_calls_within_itself_is_no_span():
    events = (
        step(10, 90),
        operator("aten::conv", 20, 30),
        operator("aten::mm", 25, 5),
        operator("aten::add", 50, 2),
    )
    assert lanes(*events) == [
        ("operators", "aten::conv", 10_000, 30_000),
        ("operators", "aten::add", 40_000, 2_000),
    ]


def test_another_thread_s_operators_are_not_within_those_of_the_first():
    assert len(lanes(step(0, 99), operator("a", 0, 50), operator("b", 10, 5, thread=2))) == 2


def test_the_backward_pass_and_the_optimizer_have_lanes_of_their_own():
    events = (
        step(0, 99), operator("aten::mm", 1), operator("autograd::engine::evaluate_function: MmBackward0", 5, 9),
        operator("MmBackward0", 6, 7), event("user_annotation", "Optimizer.step#SGD.step", 20, 10),
        operator("aten::add_", 22), operator("aten::add_", 31),
    )  # fmt: skip
    assert [found[:2] for found in lanes(*events)] == [
        ("operators", "aten::mm"), ("backward", "MmBackward0"), ("optimizer", "aten::add_"), ("operators", "aten::add_"),
    ]  # fmt: skip


def test_the_step_of_median_length_is_shown():
    events = (step(0, 50), step(50, 10), step(60, 20), operator("a", 2), operator("b", 52), operator("c", 62))
    assert lanes(*events) == [("operators", "c", 2000, 1000)]


def test_work_on_a_device_belongs_to_the_step_that_has_launched_it():
    events = (step(0, 10), step(10, 12), launch(1, 4), kernel(12, 5, 4), launch(11, 5), kernel(30, 5, 5))
    # The first step is the shorter one; its kernel runs when it is over.
    assert lanes(*events) == [("kernels", "gemm", 12_000, 5_000)]


def test_without_correlations_work_on_a_device_belongs_to_the_step_in_which_it_begins():
    events = (step(0, 10), step(20, 12), kernel(12, 5, None), kernel(25, 5, None))
    assert lanes(*events) == [("kernels", "gemm", 12_000, 5_000)]


def test_waits_and_copies_have_lanes_and_launches_have_none():
    events = (
        step(0, 99), launch(1, 4), event("cuda_runtime", "cudaStreamSynchronize", 5, 4),
        event("cuda_runtime", "cudaMemcpyAsync", 3, correlation=9),
        event("gpu_memcpy", "Memcpy HtoD (Pinned -> Device)", 4, 2, correlation=9),
    )  # fmt: skip
    assert [found[0] for found in lanes(*events)] == ["copies", "waits"]


def test_the_longest_spans_are_kept_in_order_and_the_others_counted():
    events = [operator(f"o{n}", n, 1 if n % 2 else 0.5) for n in range(2 * MOST_SPANS)]
    spans, dropped = timeline(step(0, 1e6), *events)
    assert (len(spans), dropped) == (MOST_SPANS, MOST_SPANS)
    assert {span.duration_ns for span in spans} == {1000}
    assert [span.start_ns for span in spans] == sorted(span.start_ns for span in spans)


def test_a_trace_with_too_much_in_it_has_no_timeline():
    events = (step(0, 99), *(operator("a", n) for n in range(5)))
    assert len(timeline(*events, most_noted=5)[0]) == 5
    assert timeline(*events, most_noted=4) == ((), 0)


def test_without_steps_there_is_none():
    assert timeline(operator("a", 1)) == ((), 0)


def test_names_are_of_bounded_length():
    ((span,), _dropped) = timeline(step(0, 9), operator("k" * 10_000, 1))
    assert len(span.name) == LONGEST_NAME


@pytest.mark.parametrize(
    "broken", [None, 7, {}, {"cat": "cpu_op"}, {"cat": ["cpu_op"], "ts": 1}, operator(None, 1), operator("a", "1"),
               operator("a", float("nan")), operator("a", 1, float("inf")), {**step(0, 1), "dur": None}]
)  # fmt: skip
def test_what_is_no_event_is_passed_over(broken):
    assert [found[1] for found in lanes(broken, step(0, 99), operator("whole", 5))][-1:] == ["whole"]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20), st.integers(0, 2)), max_size=30))
def test_spans_of_a_thread_never_overlap_and_cover_what_all_operators_cover(parts):
    spans, _dropped = timeline(step(0, 100), *(operator(str(t), s, n, t) for s, n, t in parts))
    for thread in {t for _s, _n, t in parts}:
        moments = {m for s, n, t in parts if t == thread for m in range(s, s + n)}
        mine = [span for span in spans if span.name == str(thread)]
        covered = [
            m
            for span in mine
            for m in range(span.start_ns // 1000, (span.start_ns + span.duration_ns) // 1000)
        ]
        # A part that sticks out of the one that it begins in is a fault of the trace: only whole parts are kept.
        assert len(covered) == len(set(covered))
        assert set(covered) <= moments


@given(st.lists(st.fixed_dictionaries({"cat": st.sampled_from(["cpu_op", "kernel", "user_annotation"]) | ANYTHING,
       "name": st.just(STEP) | ANYTHING, "ts": ANYTHING, "dur": ANYTHING, "tid": ANYTHING,
       "args": ANYTHING | st.fixed_dictionaries({"correlation": ANYTHING})}), max_size=8))  # fmt: skip
def test_no_event_breaks_a_timeline(events):
    spans, dropped = timeline(*events)
    assert dropped == 0
    assert all(isinstance(span, Span) and isinstance(span.name, str) for span in spans)
