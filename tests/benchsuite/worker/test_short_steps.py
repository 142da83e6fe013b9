from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchsuite.worker import short_steps


@pytest.mark.parametrize(
    ("step_ns", "overhead", "said"),
    [
        (4_000, 11.0, "a step takes 4.0 µs: under the profiler it takes 12.0 times as long"),
        (600, 13.6, "a step takes 0.6 µs: under the profiler it takes 14.6 times as long"),
        (20_300_000, 1.5, "a step takes 20.3 ms: under the profiler it takes 2.5 times as long"),
    ],
)
def test_a_step_that_the_profiler_outweighs_is_told_with_both_figures(step_ns, overhead, said):
    (clause,) = short_steps.under_profiler(step_ns, overhead)
    assert clause == f"{said}, its operators' CPU times say little"


@given(st.floats(1, 1e10), st.floats(1, 1e10), st.floats(-0.9, 1000))
def test_it_is_the_measured_overhead_that_decides_and_no_length(one_ns, other_ns, overhead):
    told = [bool(short_steps.under_profiler(step_ns, overhead)) for step_ns in (one_ns, other_ns)]
    assert told[0] == told[1]


def test_what_is_mostly_the_step_s_own_is_trusted():
    assert short_steps.under_profiler(4_000, 0.99) == ()


def test_steps_between_two_points_of_the_heaps_curve_are_told():
    (clause,) = short_steps.under_memray(9_999_999, 20, 10)
    assert clause.startswith("20 steps take less than the 10 ms from one point")
    assert short_steps.under_memray(10_000_000, 20, 10) == ()
