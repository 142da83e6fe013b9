from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_run import make_info, trial, write_run

from benchsuite.__main__ import main
from benchsuite.errors import NotComparableError
from benchsuite.record import CANARY, SCHEMA, AllocationSite, OperatorRow, Record
from benchsuite.statistics import Interval
from reports import compare_runs, difference_document, load, tell
from reports.compare.difference import VariantDifference
from reports.compare.metric_changes import MetricCause, tell_metric
from reports.compare.operator_changes import Profile, changed_operators, clock_of, plain_times

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from benchsuite.store import Run

    MakeRun = Callable[..., Run]

MS = 1e6
ID = "layout[mode=plain]"
SLOW, FAST = (13.4, 13.5, 13.3), (10.0, 10.1, 9.9)


def row(name: str, calls: float, own_ms: float, **more: Any) -> OperatorRow:
    return OperatorRow(name, calls, own_ms * MS, own_ms * MS, **more)


def kernel(name: str, calls: float, own_ms: float) -> OperatorRow:
    return OperatorRow(name, calls, 0.0, 0.0, self_device_ns=own_ms * MS, total_device_ns=own_ms * MS)


def passes(
    rows: Sequence[OperatorRow] = (),
    metrics: Mapping[str, float] | None = None,
    sites: Sequence[AllocationSite] = (),
    name: str = "plain",
) -> list[Record]:
    shared: dict[str, Any] = {"group": "passes", "turns": (), "first_step_ns": None}
    memory = {"peak_heap": 2.0**20, "allocations": 40.0, "leak": 0.0, **(metrics or {})}
    return [
        trial(f"layout[mode={name}]", name, 0, 1, pass_="operators", operators=tuple(rows), **shared),
        trial(
            f"layout[mode={name}]", name, 0, 1, pass_="memory", metrics=memory, sites=tuple(sites), **shared
        ),
    ]


def canaries(*step_ms: float) -> list[Record]:
    return [trial(CANARY, CANARY, number, ms * MS, scenario=CANARY) for number, ms in enumerate(step_ms)]


BEFORE = (row("aten::convolution", 1, 3.0), row("aten::mm", 2, 4.0), row("aten::relu", 3, 1.0))
AFTER = (row("aten::convolution", 2, 6.1), row("aten::mm", 2, 4.02), row("aten::relu", 3, 1.0))


@pytest.fixture
def differ(make_run: MakeRun) -> Callable[..., VariantDifference]:
    """Compare two runs of one variant, given by step times in ms and what its passes saw."""

    def differ(
        before: Sequence[Record], after: Sequence[Record], times: tuple[Sequence[float], ...] = (FAST, SLOW)
    ) -> VariantDifference:
        runs = [
            load(make_run({"plain": ms}, extra=extra))
            for ms, extra in zip(times, (before, after), strict=True)
        ]
        (found,) = compare_runs(*runs).variants
        return found

    return differ


def test_a_second_convolution_is_named_with_what_it_explains(
    differ: Callable[..., VariantDifference],
) -> None:
    found = differ(passes(BEFORE), passes(AFTER))
    said = tell(found)
    assert said[0].startswith("13.4 ms")
    assert "3.40 ms (34.0 %) longer" in said[0]
    assert "aten::convolution is called 2 times a step instead of 1 and explains 3.10 ms of 3.40 ms" in said
    assert "unattributed: 300 µs" in said
    assert [cause.name for cause in found.operators] == ["aten::convolution"]


def test_the_same_is_told_the_other_way_round(differ: Callable[..., VariantDifference]) -> None:
    said = tell(differ(passes(AFTER), passes(BEFORE), (SLOW, FAST)))
    assert "3.40 ms (25.4 %) shorter" in said[0]
    assert "aten::convolution is called 1 time a step instead of 2 and explains 3.10 ms of 3.40 ms" in said
    assert "unattributed: -300 µs" in said


def test_an_operator_that_came_and_one_that_went_are_named(differ: Callable[..., VariantDifference]) -> None:
    found = differ(
        passes((*BEFORE, row("aten::silu", 1, 0.01))), passes((*BEFORE, row("aten::item", 1, 0.002)))
    )
    (also,) = [sentence for sentence in tell(found) if sentence.startswith("also: ")]
    assert "aten::silu is called 0 times a step instead of 1" in also
    assert "aten::item is called 1 time a step instead of 0" in also


def test_rows_of_one_name_are_added_up_over_shapes(differ: Callable[..., VariantDifference]) -> None:
    apart = (row("aten::mm", 1, 1.0, shapes="8x4, 4x2"), row("aten::mm", 3, 2.0, shapes="8x2, 2x2"))
    more = (row("aten::mm", 2, 2.0, shapes="8x4, 4x2"), row("aten::mm", 3, 2.0, shapes="8x2, 2x2"))
    (cause,) = differ(passes(apart), passes(more)).operators
    assert (cause.calls_before, cause.calls_after, cause.explained_ns) == (4, 5, pytest.approx(1 * MS))


def test_changed_shapes_are_named_though_the_calls_are_the_same(
    differ: Callable[..., VariantDifference],
) -> None:
    before = (row("aten::mm", 2, 1.0, shapes="8x4, 4x2"), row("aten::relu", 1, 1.0, shapes="8x2"))
    after = (row("aten::mm", 2, 3.0, shapes="16x4, 4x2"), row("aten::relu", 1, 1.0, shapes="8x2"))
    said = tell(differ(passes(before), passes(after)))
    assert "aten::mm works on [16x4, 4x2] instead of [8x4, 4x2] and explains 2.00 ms of 3.40 ms" in said


def test_shapes_that_one_run_did_not_record_are_no_change(differ: Callable[..., VariantDifference]) -> None:
    recorded = (row("aten::mm", 2, 1.0, shapes="8x4, 4x2"),)
    assert differ(passes(recorded), passes((row("aten::mm", 2, 1.0),))).operators == ()


@pytest.mark.parametrize(
    ("after_ms", "times", "named"),
    [
        (4.3, (FAST, SLOW), False),  # by less than 20 % of its own time
        (5.5, (FAST, SLOW), True),
        (5.5, (FAST, FAST), False),  # no change of the step is shown
        (5.5, (FAST, (9.0, 18.0, 12.0)), False),
    ],
)
def test_time_alone_names_an_operator_only_beyond_noise(
    differ: Callable[..., VariantDifference],
    after_ms: float,
    times: tuple[Sequence[float], ...],
    named: bool,
) -> None:
    found = differ(passes((row("aten::mm", 2, 4.0),)), passes((row("aten::mm", 2, after_ms),)), times)
    assert bool(found.operators) == named
    assert ("aten::mm is called as often as before" in " ".join(tell(found))) == named


def test_a_small_operator_is_not_named_for_its_time_alone(differ: Callable[..., VariantDifference]) -> None:
    assert differ(passes((row("aten::mm", 2, 0.1),)), passes((row("aten::mm", 2, 0.3),))).operators == ()


def test_a_profile_that_was_disturbed_names_nothing_by_time_alone(
    differ: Callable[..., VariantDifference],
) -> None:
    # Together longer than the step: the machine was slower while it was profiled.
    before = (row("aten::mm", 2, 20.0), row("aten::relu", 1, 6.0))
    after = (row("aten::mm", 2, 20.0), row("aten::relu", 1, 20.0), row("aten::add", 1, 1.0))
    found = differ(passes(before), passes(after))
    assert [cause.name for cause in found.operators] == ["aten::add"]
    assert any("times are rough: in A and B" in text for text in tell(found))


def test_a_change_against_the_step_s_own_is_told_as_such(differ: Callable[..., VariantDifference]) -> None:
    before, after = (row("aten::mm", 2, 4.0),), (row("aten::mm", 1, 2.0),)
    said = tell(differ(passes(before), passes(after)))
    assert "aten::mm is called 1 time a step instead of 2 and takes 2.00 ms less a step" in said
    assert "unattributed: 5.40 ms" in said


def test_a_change_of_calls_that_a_cut_table_may_hide_is_not_claimed() -> None:
    before = Profile((row("aten::mm", 2, 4.0),), 10 * MS, operators=5.0)
    after = Profile((row("aten::mm", 2, 4.0), row("aten::add", 3, 0.1)), 10 * MS, operators=5.0)
    assert changed_operators(before, after, shown=False) == ()
    more = Profile((row("aten::mm", 2, 4.0), row("aten::add", 4, 0.1)), 10 * MS, operators=6.0)
    assert [cause.name for cause in changed_operators(before, more, shown=False)] == ["aten::add"]


def test_the_profilers_cost_is_taken_off_by_calls() -> None:
    rows = (row("aten::conv", 1, 8.0), row("aten::add", 9, 2.7))
    times = plain_times(Profile(rows, 10 * MS, overhead=0.2), "CPU", by_operator=True)
    assert times == {"aten::conv": pytest.approx(7.8 * MS), "aten::add": pytest.approx(0.9 * MS)}


def test_a_profile_from_a_slower_moment_is_scaled_to_the_timed_step() -> None:
    rows = (row("aten::conv", 1, 16.0), row("aten::add", 9, 1.0))
    times = plain_times(Profile(rows, 10 * MS, plain_ns=20 * MS), "CPU", by_operator=True)
    assert times == {"aten::conv": pytest.approx(8 * MS), "aten::add": pytest.approx(0.5 * MS)}


def test_the_profiled_process_own_plain_steps_are_what_its_times_are_part_of(
    differ: Callable[..., VariantDifference],
) -> None:
    def slow(rows: Sequence[OperatorRow]) -> list[Record]:
        operators, memory = passes(rows)
        return [dataclasses.replace(operators, step_ns=(round(26.8 * MS), round(26.8 * MS))), memory]

    found = differ(
        passes(BEFORE), slow([dataclasses.replace(r, self_cpu_ns=2 * r.self_cpu_ns) for r in AFTER])
    )
    (cause,) = found.operators
    assert cause.explained_ns == pytest.approx(3.1 * MS, rel=1e-2)
    assert found.cautions == ()


def test_on_a_busy_device_kernels_explain_the_change() -> None:
    before = Profile((row("aten::mm", 1, 0.1), kernel("gemm", 1, 4.0), kernel("Memcpy DtoH", 1, 0.5)), 5 * MS)
    after = Profile((row("aten::mm", 2, 0.2), kernel("gemm", 2, 8.0), kernel("Memcpy DtoH", 1, 0.5)), 9 * MS)
    assert clock_of(before, after) == "device"
    explained = {c.name: c.explained_ns for c in changed_operators(before, after, shown=True)}
    assert explained == {"gemm": pytest.approx(4 * MS), "aten::mm": 0.0}


def test_device_time_that_stands_with_operator_and_kernel_counts_once() -> None:
    def profile(number: int) -> Profile:
        launched = OperatorRow("aten::mm", number, 1e5, 1e5, self_device_ns=4 * MS * number)
        return Profile((launched, kernel("gemm", number, 4.0 * number)), 5 * MS * number)

    explained = {c.name: c.explained_ns for c in changed_operators(profile(1), profile(2), shown=True)}
    assert explained == {"aten::mm": pytest.approx(4 * MS), "gemm": 0.0}


def test_a_device_that_idles_explains_nothing() -> None:
    idle = Profile((row("aten::mm", 1, 4.0), kernel("gemm", 1, 0.4)), 5 * MS)
    assert clock_of(idle, idle) == "CPU"


own_ms = st.floats(0.001, 50, allow_nan=False)
tables = st.dictionaries(
    st.sampled_from([f"aten::{letter}" for letter in "abcdef"]), st.tuples(st.integers(1, 9), own_ms)
)


@given(tables, tables, st.tuples(st.floats(0.1, 100), st.floats(0.1, 100)), st.floats(0, 2), st.booleans())
def test_what_is_attributed_and_the_rest_are_the_whole_change(
    before: Mapping[str, tuple[int, float]],
    after: Mapping[str, tuple[int, float]],
    step_ms: tuple[float, float],
    overhead: float,
    shown: bool,
) -> None:
    old, new = (
        Profile(tuple(row(name, *cells) for name, cells in table.items()), ms * MS, overhead)
        for table, ms in zip((before, after), step_ms, strict=True)
    )
    causes = changed_operators(old, new, shown=shown)
    found = VariantDifference(
        variant=ID, scenario="layout", before=Interval(old.step_ns, old.step_ns, old.step_ns, 3),
        after=Interval(new.step_ns, new.step_ns, new.step_ns, 3), before_in_canaries=None, after_in_canaries=None, clock="CPU",
        operators=causes, metrics=(), notes=(), cautions=(),
    )  # fmt: skip
    assert found.attributed_ns + found.unattributed_ns == pytest.approx(found.change_ns, abs=1e-3)
    # A change of calls is always named, once; nothing is explained twice, nor beyond the steps' own lengths.
    changed = {n for n in {**before, **after} if before.get(n, (0,))[0] != after.get(n, (0,))[0]}
    assert {cause.name for cause in causes if cause.counted} == changed
    assert len({cause.name for cause in causes}) == len(causes)
    assert sum(max(0.0, cause.explained_ns) for cause in causes) <= new.step_ns * (1 + 1e-9)
    assert sum(max(0.0, -cause.explained_ns) for cause in causes) <= old.step_ns * (1 + 1e-9)


@given(tables, st.floats(0.1, 100))
def test_equal_profiles_differ_in_nothing(table: Mapping[str, tuple[int, float]], step_ms: float) -> None:
    profile = Profile(tuple(row(name, *cells) for name, cells in table.items()), step_ms * MS)
    assert changed_operators(profile, profile, shown=True) == ()


@given(st.lists(st.tuples(st.integers(1, 9), own_ms), min_size=1, max_size=6), st.floats(0.0, 1.0))
def test_times_without_a_profiler_are_found_where_its_cost_is_one_for_each_call(
    plain: Sequence[tuple[int, float]], cost_ms: float
) -> None:
    step_ms = sum(ms for _calls, ms in plain)
    calls = sum(number for number, _ms in plain)
    rows = tuple(row(f"aten::{i}", number, ms + number * cost_ms) for i, (number, ms) in enumerate(plain))
    found = plain_times(
        Profile(rows, step_ms * MS, overhead=calls * cost_ms / step_ms), "CPU", by_operator=True
    )
    assert list(found.values()) == pytest.approx([ms * MS for _number, ms in plain], rel=1e-6, abs=10)


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (MetricCause("device_to_host_copies", 0, 2), "2 copies from the device to the host a step instead of 0"),
        (MetricCause("graph_breaks", 0, 1), "1 graph break instead of 0"),
        (MetricCause("synchronisations", 1, 3), "3 synchronisations a step instead of 1"),
        (MetricCause("allocations", 412, 418.4), "418.4 heap allocations a step instead of 412"),
        (MetricCause("allocations", 41010, 41011), "41,011 heap allocations a step instead of 41,010"),
        (MetricCause("flops", 2e9, 4.04e9), "4.04 billion floating-point operations a step instead of 2 billion"),
        (MetricCause("leak", 0, 4000, "step (train.py:88)"), "leaks 3.91 KiB a step, most of the change at step (train.py:88)"),
        (MetricCause("moved_bytes", 2**20, 2**21), "2 MiB read and written by operators a step instead of 1 MiB"),
        (MetricCause("leak", 4000, -8), "no longer leaks 3.91 KiB a step"),
        (MetricCause("leak", 4000, 8000), "leaks 7.81 KiB a step instead of 3.91 KiB"),
        (MetricCause("peak_heap", 2**20, 2**21), "2 MiB at the peak of the heap instead of 1 MiB"),
        (
            MetricCause("peak_heap", 2**30, 2**30 + 5000),
            "1,073,746,824 B at the peak of the heap instead of 1,073,741,824 B",
        ),
    ],
)  # fmt: skip
def test_counts_and_memory_in_words(cause: MetricCause, said: str) -> None:
    assert tell_metric(cause) == said


def test_every_change_of_a_count_is_named_and_bytes_beyond_their_floor(
    differ: Callable[..., VariantDifference],
) -> None:
    found = differ(
        passes(BEFORE, {"kernels": 9.0, "allocations": 40.0, "peak_heap": 2.0**20, "leak": 0.0}),
        passes(BEFORE, {"kernels": 9.2, "allocations": 40.0, "peak_heap": 2.0**20 + 512, "leak": 60.0}),
    )
    assert [cause.name for cause in found.metrics] == ["kernels"]


def test_a_metric_that_one_run_lacks_is_left_out(differ: Callable[..., VariantDifference]) -> None:
    assert differ(passes(BEFORE), passes(BEFORE, {"synchronisations": 3.0})).metrics == ()


def test_the_line_that_holds_the_memory_is_named_though_it_moved(
    differ: Callable[..., VariantDifference],
) -> None:
    kept = AllocationSite("leak", 40.0, 1, ("step (train.py:80)", "main (train.py:9)"))
    moved = dataclasses.replace(kept, stack=("step (train.py:84)", "main (train.py:9)"))
    planted = AllocationSite("leak", 4000.0, 1, ("log (train.py:88)",))
    found = differ(passes(BEFORE, {"leak": 40.0}, [kept]), passes(BEFORE, {"leak": 4040.0}, [moved, planted]))
    (cause,) = found.metrics
    assert cause.site == "log (train.py:88)"


def test_the_line_behind_a_higher_peak_on_the_gpu_is_named(differ: Callable[..., VariantDifference]) -> None:
    held = AllocationSite("cuda_peak", 2.0**20, 1, ("forward (net.py:23)",))
    planted = AllocationSite("cuda_peak", 2.0**22, 1, ("forward (net.py:24)",))
    found = differ(
        passes(BEFORE, {"cuda_peak_allocated": 2.0**20}, [held]),
        passes(BEFORE, {"cuda_peak_allocated": 5 * 2.0**20}, [held, planted]),
    )
    (cause,) = found.metrics
    assert cause.site == "forward (net.py:24)"


def test_one_round_claims_nothing(differ: Callable[..., VariantDifference]) -> None:
    found = differ(passes(BEFORE), passes(AFTER), ((10.0,), (20.0,)))
    assert found.verdict == "open"
    assert "one round has no interval" in tell(found)[0]
    assert "aten::convolution is called 2 times a step instead of 1 and takes 3.10 ms longer a step" in tell(
        found
    )


def test_what_the_canary_moved_together_is_no_change_of_the_variant(make_run: MakeRun) -> None:
    def compared(*canary_ms: float) -> Any:
        runs = [
            make_run({"plain": FAST}, extra=canaries(2.0, 2.0, 2.0)),
            make_run({"plain": SLOW}, extra=canaries(*canary_ms)),
        ]
        return compare_runs(*map(load, runs))

    still, moved = compared(2.0, 2.01, 2.0), compared(2.8, 2.8, 2.81)
    assert still.variants[0].verdict == "longer"
    assert not any("machine itself moved" in warning for warning in still.warnings)
    assert moved.variants[0].verdict == "open"
    assert moved.variants[0].ratio_in_canaries == pytest.approx(0.957, rel=1e-2)
    assert moved.canary_ratio == pytest.approx(1.4)
    assert any("takes 40.0 % longer in B" in warning for warning in moved.warnings)


def test_rounds_of_a_slow_machine_are_read_beside_their_canaries(make_run: MakeRun) -> None:
    def run(step_ms: float, speeds: Sequence[float]) -> Any:
        times = [step_ms * speed * (1 + number / 500) for number, speed in enumerate(speeds)]
        return load(make_run({"plain": times}, extra=canaries(*(2.0 * speed for speed in speeds))))

    slow_and_fast = (1.0, 2.1, 1.1)
    (slower,) = compare_runs(run(10.0, slow_and_fast), run(13.0, (1.9, 1.0, 1.2))).variants
    assert slower.after.low < slower.before.high
    assert slower.verdict == "longer"
    assert "relative to the canary, 30.0 % longer" in tell(slower)[0]
    (same,) = compare_runs(run(10.0, (1.0, 1.0, 1.0)), run(10.0, (2.0, 2.0, 2.0))).variants
    assert same.verdict == "open"


def test_a_canary_that_moved_alone_makes_no_change(make_run: MakeRun) -> None:
    runs = [make_run({"plain": FAST}, extra=canaries(*ms)) for ms in ((2.0, 2.0, 2.0), (1.0, 1.0, 1.0))]
    assert compare_runs(*map(load, runs)).variants[0].verdict == "open"


def test_a_missing_pass_is_told(differ: Callable[..., VariantDifference]) -> None:
    said = tell(differ([], passes(AFTER)))
    assert "operators are not compared: no operator pass in A" in said
    assert "memory is not compared: no memory pass in A" in said
    assert "unattributed: 3.40 ms" in said


def test_other_work_under_one_id_is_told(make_run: MakeRun) -> None:
    settings = {"mode": "plain", "batch_size": 8}
    runs = []
    for size in (8, 16):
        run = make_run({"plain": FAST}, changes={"plain": {"items_per_step": size}})
        (entry,) = run.info.scenarios
        (variant,) = entry["variants"]
        variant["settings"] = {**settings, "batch_size": size}
        runs.append(load(run))
    (found,) = compare_runs(*runs).variants
    assert "other work: the setting batch_size is 16 instead of 8" in found.notes
    assert "other work: a step handles 16 items instead of 8" in found.notes


def test_variants_of_one_run_alone_are_listed_with_the_reason(make_run: MakeRun) -> None:
    before = load(make_run({"plain": FAST, "old": FAST, "fused": FAST}))
    after = load(make_run({"plain": FAST}, skipped={"fused": "no GPU is visible"}))
    found = compare_runs(before, after)
    assert [(v.variant, v.reason) for v in found.only_before] == [
        ("layout[mode=old]", "not part of that run"),
        ("layout[mode=fused]", "skipped (no GPU is visible)"),
    ]
    assert found.only_after == ()


def test_the_document_is_plain_json(differ: Callable[..., VariantDifference], make_run: MakeRun) -> None:
    runs = [make_run({"plain": (10.0,)}, extra=passes(rows)) for rows in (BEFORE, AFTER)]
    document = difference_document(compare_runs(*map(load, runs)), runs[0].path, runs[1].path)
    (variant,) = json.loads(json.dumps(document, allow_nan=False))["variants"]
    assert variant["step_ns"]["a"] == {
        "value": pytest.approx(10 * MS),
        "low": None,
        "high": None,
        "rounds": 1,
    }
    assert variant["attributed_ns"] + variant["unattributed_ns"] == pytest.approx(variant["change_ns"])
    assert variant["causes"][0]["kind"] == "operator"
    assert (variant["causes"][0]["a"], variant["causes"][0]["b"]) == (1, 2)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data": {"sha256": "other"}}, "sha256 is other instead of 6f5fd2b1a8e1c07d"),
        ({"task_name": "mine"}, "different tasks, MNIST CNN and mine"),
    ],
)
def test_runs_of_something_else_are_refused(make_run: MakeRun, changes: Mapping[str, Any], said: str) -> None:
    run = make_run({"plain": FAST})
    other = dataclasses.replace(run, info=dataclasses.replace(run.info, **changes))
    with pytest.raises(NotComparableError) as refused:
        compare_runs(load(run), load(other))
    assert said in str(refused.value)


def test_runs_without_a_common_variant_are_refused(make_run: MakeRun) -> None:
    with pytest.raises(NotComparableError, match="no variant in common"):
        compare_runs(load(make_run({"plain": FAST})), load(make_run({"fused": FAST})))


def test_another_machine_and_another_torch_are_warned_of(make_run: MakeRun) -> None:
    change = {"plain": {"environment": "e1"}}
    run = make_run({"plain": FAST}, changes=change)
    environments = {"e1": {**run.info.environments["e1"], "torch": "2.12.0"}}
    info = dataclasses.replace(
        run.info, machine={**run.info.machine, "num_cores": 8, "os": "patched"}, environments=environments
    )
    warnings = compare_runs(load(run), load(dataclasses.replace(run, info=info))).warnings
    assert "The runs were measured on different machines: num_cores is 8 instead of 2." in warnings
    assert "The workers ran in different environments: torch is 2.12.0 instead of 2.11.0+cpu." in warnings
    assert not any("os is" in warning for warning in warnings)


def test_the_command_tells_the_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = write_run(tmp_path / "a")
    after = write_run(tmp_path / "b")
    assert main(["compare", str(before), str(after)]) == 0
    shown = capsys.readouterr().out
    assert f"A: {before}" in shown
    assert "No change is shown in " in shown
    assert "measured one after the other" in shown
    assert main(["compare", str(before), str(after), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == SCHEMA
    assert {variant["verdict"] for variant in document["variants"]} == {"open"}
    assert not any(variant["causes"] for variant in document["variants"])


@pytest.mark.parametrize("missing", [0, 1])
def test_a_wrong_path_ends_in_2(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], missing: int
) -> None:
    paths = [str(sample), str(sample)]
    paths[missing] = str(tmp_path / "nothing")
    assert main(["compare", *paths]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"benchsuite: {paths[missing]}: no run is there")


def test_runs_that_are_not_comparable_end_in_4(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    newer = write_run(tmp_path / "newer")
    header = json.loads((newer / "run.json").read_text())
    (newer / "run.json").write_text(json.dumps({**header, "schema": SCHEMA + 1}))
    other = write_run(tmp_path / "other", make_info(data={"name": "others"}))
    for path, said in ((newer, "schema 2"), (other, "different data")):
        assert main(["compare", str(sample), str(path)]) == 4
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert said in line
