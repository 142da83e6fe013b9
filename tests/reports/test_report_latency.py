from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_run import trial

from benchsuite.record import Turn
from reports.answers import answer
from reports.collect import collect
from reports.frames import variants_frame
from reports.latency import PERCENTS, percentiles, request_ns, samples_needed
from reports.tables import scenario_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchsuite.record import Record
    from benchsuite.store import Run

    MakeRun = Callable[..., Run]

LEVELS = (9.0, 9.1, 8.9)
TIMES = st.lists(st.integers(1, 10**12), min_size=1, max_size=60)


def single_steps(record: Record, count: int) -> tuple[Turn, ...]:
    """Return turns of one step each, as long as the record's own were."""
    step_ns = round(record.turns[0].step_ns)
    return tuple(Turn(order, 1, step_ns) for order in range(count))


def run_about(metric: str, make_run: MakeRun, per_round: int) -> Run:
    """Make a run of three rounds, each with so many steps of 1 ns, 2 ns, 3 ns and so on."""
    run = make_run({"plain": LEVELS, "packed": LEVELS})
    (entry,) = run.info.scenarios
    info = replace(run.info, scenarios=({**entry, "metric": metric},))
    records = (
        replace(record, step_ns=tuple(range(1, per_round + 1)), turns=single_steps(record, per_round))
        for record in run.records
    )
    return replace(run, info=info, records=tuple(records))


def test_each_percentile_needs_ten_samples_beyond_it() -> None:
    assert [samples_needed(percent) for percent in PERCENTS] == [20, 100, 1000]


@given(st.integers(0, 2500))
def test_no_percentile_is_shown_with_fewer_samples_than_it_needs(count: int) -> None:
    shown = {found.percent for found in percentiles(range(count))}
    assert shown == {
        percent for percent, least in zip(PERCENTS, (20, 100, 1000), strict=True) if count >= least
    }


@given(TIMES, st.integers(0, 2**32))
def test_percentiles_are_numpys_and_order_does_not_matter(times: list[int], seed: int) -> None:
    samples = times * math.ceil(1000 / len(times))
    random.Random(seed).shuffle(samples)
    found = percentiles(samples)
    assert [p.ns for p in found] == pytest.approx([np.percentile(samples, p) for p in PERCENTS], rel=1e-12)
    assert [p.ns for p in found] == sorted(p.ns for p in found)
    assert all(min(times) <= p.ns <= max(times) and p.count == len(samples) for p in found)


@given(TIMES, st.integers(1, 1000))
def test_percentiles_scale_with_the_unit(times: list[int], scale: int) -> None:
    samples = times * math.ceil(1000 / len(times))
    scaled = percentiles([scale * ns for ns in samples])
    assert [p.ns for p in scaled] == pytest.approx([scale * p.ns for p in percentiles(samples)], rel=1e-12)


def test_rounds_are_put_together_and_a_gpus_own_times_outrank_the_hosts() -> None:
    record = trial("layout[mode=plain]", "plain", 0, 1e6, turns=())
    host, device = replace(record, step_ns=(3, 1)), replace(record, step_ns=(90, 900), device_ns=(2, 4))
    assert request_ns([host, device]) == [3, 1, 2, 4]


def test_the_first_request_of_a_turn_is_the_measurements_making() -> None:
    turns = tuple(Turn(order, 50, 1) for order in range(30))
    steps = tuple(9_000 if index % 50 == 0 else 1_000 + index % 50 for index in range(1500))
    record = replace(trial("layout[mode=plain]", "plain", 0, 1e6), turns=turns, step_ns=steps)
    kept = request_ns([record])
    assert len(kept) == 1470
    assert max(kept) == 1049
    assert percentiles(kept)[-1].ns < 1050


@given(st.lists(st.integers(1, 5), max_size=8))
def test_no_turn_loses_more_than_its_first_request(lengths: list[int]) -> None:
    turns = tuple(Turn(order, steps, 1) for order, steps in enumerate(lengths))
    steps = [(number, place) for number, length in enumerate(lengths) for place in range(length)]
    record = replace(
        trial("layout[mode=plain]", "plain", 0, 1e6), turns=turns, step_ns=tuple(range(len(steps)))
    )
    expected = [i for i, (number, place) in enumerate(steps) if place or lengths[number] == 1]
    assert request_ns([record]) == expected


def test_a_table_about_latency_shows_what_enough_requests_support(make_run: MakeRun) -> None:
    table = scenario_table(collect(run_about("latency", make_run, 400))[0])
    shown = dict(zip(table.titles, table.texts[0], strict=True))
    assert shown["p50 latency"] == "200 ns"
    assert shown["p90 latency"] == "360 ns"
    assert shown["p99 latency"] == "396 ns"
    assert {"p99 latency", "Step time", "Throughput"} <= set(table.essential().titles)


def test_a_table_leaves_out_a_percentile_that_nobody_has_the_samples_for(make_run: MakeRun) -> None:
    table = scenario_table(collect(run_about("latency", make_run, 333))[0])
    assert "p90 latency" in table.titles
    assert "p99 latency" not in table.titles


@pytest.mark.parametrize("metric", ["step_time", "throughput"])
def test_a_table_about_something_else_has_no_percentiles(metric: str, make_run: MakeRun) -> None:
    result = collect(run_about(metric, make_run, 400))[0]
    assert not [title for title in scenario_table(result).titles if "latency" in title]
    assert "p99" not in answer(result)[0].detail


def test_the_answer_tells_the_p99_and_how_many_requests_stand_behind_it(make_run: MakeRun) -> None:
    statement = answer(collect(run_about("latency", make_run, 400))[0])[0]
    assert statement.detail.endswith(
        "p99: plain 396 ns over 1,200 requests and packed 396 ns over 1,200 requests."
    )


def test_the_answer_keeps_silent_about_a_p99_without_its_thousand_requests(make_run: MakeRun) -> None:
    assert "p99" not in answer(collect(run_about("latency", make_run, 333))[0])[0].detail


def test_a_variant_with_a_failed_check_has_no_say(make_run: MakeRun) -> None:
    run = run_about("latency", make_run, 400)
    records = [
        replace(record, outcome="failed") if record.variant == "layout[mode=packed]" else record
        for record in run.records
    ]
    detail = answer(collect(replace(run, records=tuple(records)))[0])[0].detail
    assert "packed 396" not in detail


def test_a_notebook_gets_percentiles_in_ns(make_run: MakeRun) -> None:
    row = variants_frame(collect(run_about("latency", make_run, 333))).iloc[0]
    assert row["p50_ns"] == 167
    assert row["p90_ns"] == pytest.approx(300, abs=1)
    assert row.isna()["p99_ns"]
