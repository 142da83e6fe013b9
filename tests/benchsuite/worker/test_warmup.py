"""has_settled on real step times: what record_traces.py has recorded, and what hypothesis makes up."""

from __future__ import annotations

import itertools
import json
import statistics
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from benchsuite.worker.warmup import (
    LIMIT_NS,
    LIMIT_STEPS,
    MAX_WINDOW_STEPS,
    MIN_WINDOW_STEPS,
    WINDOW_NS,
    has_settled,
    must_stop,
    window_steps,
)

TRACES = {
    path.stem: json.loads(path.read_text())
    for path in sorted((Path(__file__).parent / "traces").glob("*.json"))
}
EXPECTED_END = {
    "changed-shape": 7,  # the eighth step, the seventh after the first one, met the new shape
    "compiled-optimizer": 1,  # the second step found momentum
    "compiled-training": 0,
    "eager-training": 0,
    "max-autotune": 0,
    "noisy-inference": 0,
    "noisy-one-image": 0,
    "noisy-training": 0,
    "one-image": 0,
}
SLACK_WINDOWS = 1
"""How many windows beyond the two that are looked at a decision may take on a noisy machine."""
MS = 1_000_000


def true_end(trace):
    """Return after how many steps, the first one left out, nothing was compiled any more."""
    counts = [trace["compiled_in_first_step"], *trace["compilations"]]
    return max(
        (n for n, (before, now) in enumerate(itertools.pairwise(counts), 1) if now != before), default=0
    )


def settles_after(samples):
    """Return after how many steps the warm-up ends, as a trial asks after each step."""
    return next((n for n in range(len(samples) + 1) if has_settled(samples[:n])), None)


@pytest.fixture(params=TRACES.keys())
def trace(request):
    return TRACES[request.param]


def test_the_traces_say_where_they_come_from():
    assert set(TRACES) == set(EXPECTED_END)
    for name, trace in TRACES.items():
        assert trace["how"] == f"tests/benchsuite/worker/record_traces.py {name}"
        assert all(trace[key] for key in ("what", "machine", "recorded", "torch"))
        assert len(trace["step_ns"]) == len(trace["compilations"]) >= 100


@pytest.mark.parametrize("name", EXPECTED_END)
def test_where_the_warm_up_truly_ended(name):
    assert true_end(TRACES[name]) == EXPECTED_END[name]


def test_it_has_not_settled_before_the_true_end(trace):
    samples, end = trace["step_ns"], true_end(trace)
    assert not any(has_settled(samples[:n]) for n in range(end + 1))


def test_it_has_settled_soon_after_the_true_end(trace):
    samples, end = trace["step_ns"], true_end(trace)
    found = settles_after(samples)
    assert found is not None
    assert found - end <= (2 + SLACK_WINDOWS) * window_steps(samples[:found])


def test_the_level_is_reached_when_it_has_settled(trace):
    samples, found = trace["step_ns"], settles_after(trace["step_ns"])
    level = statistics.median(samples[found - window_steps(samples[:found]) : found])
    # The machine's own level moved by up to a factor of two within these traces; a compilation is far beyond.
    assert level <= 2 * statistics.median(samples[found:])


@pytest.mark.parametrize("name", ["changed-shape", "compiled-optimizer"])
def test_a_compilation_counts_until_it_has_left_both_windows(name):
    samples, end = TRACES[name]["step_ns"], true_end(TRACES[name])
    for n in range(2 * MIN_WINDOW_STEPS, end + 2 * MIN_WINDOW_STEPS):
        assert not has_settled(samples[:n])


def test_a_busy_neighbour_does_not_keep_a_trial_waiting():
    samples = TRACES["noisy-inference"]["step_ns"]
    assert max(settles_after(samples[start:]) for start in range(0, len(samples) // 2, 20)) <= 100


STEADY = st.integers(20_000, 10**9)


@given(STEADY, st.integers(0, 120))
def test_steady_steps_settle_after_two_windows(step_ns, count):
    window = window_steps([step_ns])
    assert has_settled([step_ns] * count) == (count >= 2 * window)


@given(st.integers(5 * MS, 10**9), st.floats(1.2, 50))
def test_a_level_that_falls_has_not_settled(step_ns, factor):
    slow, fast = [round(factor * step_ns)] * MIN_WINDOW_STEPS, [step_ns] * MIN_WINDOW_STEPS
    assert not has_settled(slow + fast)
    assert has_settled(slow + fast + fast)


@given(STEADY, st.floats(1.0, 2.9))
def test_a_level_that_rises_has_settled(step_ns, factor):
    samples = [step_ns] * 120 + [round(factor * step_ns)] * window_steps([step_ns])
    assert has_settled(samples)


@given(st.integers(WINDOW_NS // (MAX_WINDOW_STEPS - 1) + 1, 10**9), st.floats(4, 1e4), st.data())
def test_a_spike_counts_until_it_has_left_the_windows(step_ns, factor, data):
    window = window_steps([step_ns])
    after = data.draw(st.integers(0, 3 * window))
    before = data.draw(st.integers(2 * window, 3 * window))
    samples = [step_ns] * before + [round(factor * step_ns)] + [step_ns] * after
    assert has_settled(samples) == (after >= 2 * window)


@given(st.integers(1_000, WINDOW_NS // MAX_WINDOW_STEPS - 1), st.floats(4, 1e4), st.integers(0, 99))
def test_one_slow_step_among_many_short_ones_is_noise(step_ns, factor, place):
    samples = [step_ns] * 100
    samples[place] = round(factor * step_ns)
    assert has_settled(samples)


@given(st.lists(st.integers(1, 10**11), max_size=7))
def test_fewer_steps_than_two_windows_say_nothing(samples):
    assert not has_settled(samples)


@given(st.lists(st.integers(1, 10**11), max_size=120), st.integers(1, 1000))
def test_the_clock_does_not_matter_to_what_has_settled(samples, factor):
    assume(samples)
    scaled = [factor * sample for sample in samples]
    assume(window_steps(scaled) == window_steps(samples))
    assert has_settled(scaled) == has_settled(samples)


@given(st.lists(st.integers(0, 10**11), min_size=1, max_size=60))
def test_a_window_is_about_20_ms(samples):
    window = window_steps(samples)
    assert MIN_WINDOW_STEPS <= window <= MAX_WINDOW_STEPS
    typical = max(1, statistics.median(samples))
    if MIN_WINDOW_STEPS < window < MAX_WINDOW_STEPS:
        assert (window - 1) * typical < WINDOW_NS <= window * typical


@given(st.lists(st.integers(0, 10**11), max_size=600))
def test_waiting_ends(samples):
    assert must_stop(samples) == (len(samples) >= LIMIT_STEPS or sum(samples) >= LIMIT_NS)


def test_what_never_settles_is_stopped():
    falling = [round(60 * MS * 0.97**n) + 1 for n in range(LIMIT_STEPS)]
    assert not any(has_settled(falling[:n]) for n in range(0, 200, 10))
    assert must_stop(falling)
