from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_run import make_info, trial

from benchsuite.record import OperatorRow
from benchsuite.store import Run
from reports.bottleneck import LEAD, Bottleneck, decide, find_bottleneck
from reports.bounds import Step, utilisation
from reports.collect import collect
from reports.frames import variants_frame
from reports.notes import scenario_notes
from reports.page import render
from reports.results import VariantResult

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    MakeRun = Callable[..., Run]

STEP_NS = 1e6
CEILINGS = {
    "cpu_threads": 2.0,
    "cpu_operator_ns": 1_000.0,
    "cpu_1_thread_flops_per_s": 50e9,
    "cpu_all_threads_flops_per_s": 100e9,
    "cuda_float32_flops_per_s": 50e12,
    "cuda_bfloat16_flops_per_s": 700e12,
    "cuda_host_to_device_bytes_per_s": 20e9,
}
SHARES = st.floats(0, 1)


def row(name: str, share: float, calls: float = 1.0, device: float = 0.0) -> OperatorRow:
    """Make a row with own times given as shares of the step."""
    return OperatorRow(name, calls, share * STEP_NS, share * STEP_NS, device * STEP_NS, device * STEP_NS)


def variant(
    *rows: OperatorRow, threads: int = 2, ranks: int = 1, gpu: bool = False, step_ns: float = STEP_NS,
    precision: str = "fp32", allocations: float | None = None, **metrics: float,
) -> VariantResult:  # fmt: skip
    """Make a variant of one timing and one operator pass; `data_wait_share` stands in the timing."""
    waits = {"data_wait_share": metrics.pop("data_wait_share")} if "data_wait_share" in metrics else {}
    timing = trial(
        "layout[mode=plain]",
        "plain",
        0,
        step_ns,
        threads=threads,
        metrics=waits,
        device_ns=(1,) if gpu else (),
    )
    passes = [
        trial(
            "layout[mode=plain]",
            "plain",
            0,
            step_ns,
            pass_="operators",
            turns=(),
            operators=rows,
            metrics=metrics,
        )
    ]
    if allocations is not None:
        memory = {"allocations": allocations}
        passes.append(
            trial("layout[mode=plain]", "plain", 0, step_ns, pass_="memory", turns=(), metrics=memory)
        )
    return VariantResult(
        id="layout[mode=plain]", label="plain", settings={"mode": "plain", "precision": precision}, context={}, changes={},
        baseline=True, outcome="completed", reason="", trials=(timing, *passes), comparison=None, ranks=ranks,
    )  # fmt: skip


def found(*rows: OperatorRow, **more: Any) -> Bottleneck:
    bottleneck = find_bottleneck(variant(*rows, **more), CEILINGS)
    assert bottleneck is not None
    return bottleneck


MM = row("aten::mm", 0.7)


def test_a_step_that_waits_for_its_data_is_input_bound() -> None:
    limit = found(row("aten::mm", 0.3), data_wait_share=0.62, operators=20.0)
    assert (limit.kind, limit.share) == ("input-bound", 0.62)
    assert "62.0 % of its time for its next batch" in limit.evidence
    assert limit.what_if == "a perfect loader would save 62.0 % of a step"


def test_a_wait_for_data_behind_the_work_of_a_gpu_limits_nothing() -> None:
    kernels = row("kernel", 0.0, device=0.95)
    limit = found(kernels, gpu=True, launches=100.0, device_idle_share=0.05, data_wait_share=0.64)
    assert (limit.kind, limit.share) == ("compute-bound", pytest.approx(0.95))


def test_a_wait_for_data_while_a_gpu_idles_is_what_can_be_saved() -> None:
    kernels = row("kernel", 0.0, device=0.5)
    limit = found(kernels, gpu=True, launches=100.0, device_idle_share=0.5, data_wait_share=0.64)
    assert (limit.kind, limit.share) == ("input-bound", 0.5)
    assert "waits 50.0 % of its time for its next batch, while the GPU idles" in limit.evidence


def test_a_wait_on_a_gpu_whose_idle_time_is_not_known_is_no_claim() -> None:
    assert find_bottleneck(variant(gpu=True, data_wait_share=0.64), CEILINGS) is None


def test_operators_that_the_loader_runs_are_no_computing() -> None:
    assert found(row("aten::rotate", 0.7), data_wait_share=0.55).kind == "input-bound"


def test_a_step_of_long_operators_is_compute_bound() -> None:
    limit = found(MM, row("aten::addmm", 0.1), row("aten::add", 0.2, calls=200), operators=202.0)
    assert (limit.kind, limit.share) == ("compute-bound", pytest.approx(0.8))
    assert "above all aten::mm and aten::addmm" in limit.evidence
    assert limit.what_if == "operators twice as fast would save 40.0 % of a step"


def test_operators_are_a_share_of_the_step_as_it_was_profiled() -> None:
    assert found(MM, profiler_overhead=1.0).share == pytest.approx(0.35)
    assert found(row("aten::copy_", 0.8), profiler_overhead=1.0).share == pytest.approx(0.4)


def test_products_at_a_good_part_of_the_ceiling_are_compute_bound() -> None:
    limit = found(row("aten::mm", 0.5), flops=45e6)
    assert limit.kind == "compute-bound"
    assert "45.0 % of the measured 100 GFLOP/s" in limit.evidence
    assert limit.what_if == "all at that ceiling, a step would save up to 5.0 %"
    assert found(row("aten::mm", 0.5), flops=30e6).kind == "undecided"


def test_a_step_beyond_the_ceiling_is_at_the_ceiling() -> None:
    limit = found(MM, flops=140e6)
    assert (limit.kind, limit.share) == ("compute-bound", 1.0)
    assert "at the ceiling of 100 GFLOP/s" in limit.evidence
    assert "only fewer of them" in limit.what_if


@pytest.mark.parametrize(
    ("more", "ceiling"),
    [
        ({}, 100e9),
        ({"threads": 1}, 50e9),
        ({"threads": 3}, None),
        ({"ranks": 2}, None),
        ({"precision": "bf16-autocast"}, None),
        ({"gpu": True}, 50e12),
        ({"gpu": True, "precision": "bf16-autocast"}, 700e12),
        ({"gpu": True, "precision": "fp16-autocast"}, None),
    ],
)
def test_the_ceiling_is_that_of_the_same_threads_and_number_format(more: Any, ceiling: float | None) -> None:
    step = Step.of(variant(MM, **more), CEILINGS)
    assert step is not None
    assert step.flops_ceiling == ceiling


def test_many_tiny_operators_on_a_cpu_are_launch_bound() -> None:
    limit = found(row("aten::add", 1.5, calls=700), operators=700.0, profiler_overhead=1.0)
    assert (limit.kind, limit.share) == ("launch-bound", pytest.approx(0.7))
    assert "700 operators at 1.00 µs each" in limit.evidence
    assert "save up to 70.0 %" in limit.what_if


def test_a_gpu_that_waits_for_launches_is_launch_bound() -> None:
    kernels = row("kernel", 0.0, calls=100, device=0.3)
    limit = found(kernels, gpu=True, launches=100.0, device_idle_share=0.7)
    assert (limit.kind, limit.share) == ("launch-bound", pytest.approx(0.7))
    assert "between 100 launches" in limit.evidence


def test_a_gpu_that_waits_for_something_else_than_launches_is_undecided() -> None:
    assert (
        found(row("kernel", 0.0, device=0.3), gpu=True, launches=3.0, device_idle_share=0.7).kind
        == "undecided"
    )


def test_idle_time_that_the_profiler_has_made_does_not_count() -> None:
    kernels = row("kernel", 0.0, calls=100, device=0.8)
    limit = found(kernels, gpu=True, launches=100.0, device_idle_share=0.6, profiler_overhead=1.0)
    assert (limit.kind, limit.share) == ("compute-bound", pytest.approx(0.8))


def test_copies_to_a_gpu_are_transfer_bound() -> None:
    rows = (row("Memcpy HtoD (Pageable -> Device)", 0.0, device=0.5), row("kernel", 0.0, device=0.2))
    limit = found(*rows, gpu=True, launches=10.0, device_idle_share=0.3, copied_bytes=1e6)
    assert (limit.kind, limit.share) == ("transfer-bound", pytest.approx(0.5))
    # 1 MB at 20 GB/s is 50 µs of the 500 that were taken.
    assert "at the measured ceiling they would take 10.0 % of their time" in limit.what_if


def test_copies_within_a_cpu_are_transfer_bound() -> None:
    limit = found(row("aten::copy_", 0.6), row("aten::mm", 0.3))
    assert (limit.kind, limit.share) == ("transfer-bound", pytest.approx(0.6))


def test_memory_made_ready_is_allocator_bound() -> None:
    limit = found(
        row("aten::fill_", 0.4), row("aten::empty", 0.1, calls=50), row("aten::mm", 0.3), allocations=812.0
    )
    assert (limit.kind, limit.share) == ("allocator-bound", pytest.approx(0.5))
    assert limit.evidence.endswith("with 812 allocations")


def test_where_no_rule_holds_nothing_is_decided() -> None:
    limit = found(row("aten::mm", 0.25), row("aten::copy_", 0.2), operators=90.0)
    assert (limit.kind, limit.what_if) == ("undecided", "")
    assert limit.evidence.startswith("no rule holds; the largest part: computing takes 25.0 %")


def test_where_two_rules_hold_alike_both_are_told() -> None:
    limit = found(row("aten::copy_", 0.41), row("aten::fill_", 0.38))
    assert limit.kind == "undecided"
    assert "copies between tensors take 41.0 %" in limit.evidence
    assert "making memory ready takes 38.0 %" in limit.evidence


def test_nothing_is_said_where_nothing_was_recorded() -> None:
    timed = trial("layout[mode=plain]", "plain", 0, STEP_NS)
    empty = variant(MM)
    bare = VariantResult(
        **{name: getattr(empty, name) for name in VariantResult.__slots__} | {"trials": (timed,)}
    )
    assert find_bottleneck(bare, CEILINGS) is None
    untimed = VariantResult(
        **{name: getattr(empty, name) for name in VariantResult.__slots__} | {"trials": empty.trials[1:]}
    )
    assert find_bottleneck(untimed, CEILINGS) is None


def test_without_ceilings_the_rules_still_hold() -> None:
    bottleneck = find_bottleneck(variant(MM, flops=45e6, operators=3.0), {})
    assert bottleneck is not None
    assert bottleneck.kind == "compute-bound"
    assert "ceiling" not in bottleneck.evidence + bottleneck.what_if


@given(st.floats(0, 1e300), st.floats(0, 1e300))
def test_nothing_passes_its_ceiling(achieved: float, ceiling: float) -> None:
    assert 0 <= utilisation(achieved, ceiling) <= 1
    if achieved >= ceiling > 0:
        assert utilisation(achieved, ceiling) == 1


@given(
    rows=st.lists(
        st.builds(
            row,
            st.sampled_from(["aten::mm", "aten::copy_", "aten::empty", "aten::add", "kernel", "Memcpy HtoD"]),
            st.floats(0, 3), st.floats(1, 1e4), st.floats(0, 3),
        ),
        max_size=6,
    ),
    metrics=st.fixed_dictionaries({}, optional={
        "data_wait_share": SHARES, "device_idle_share": SHARES, "operators": st.floats(0, 1e5), "launches": st.floats(0, 1e4),
        "flops": st.floats(0, 1e15), "profiler_overhead": st.floats(-0.5, 5), "copied_bytes": st.floats(0, 1e9),
        "allocations": st.floats(0, 1e5),
    }),
    gpu=st.booleans(),
    ceilings=st.sampled_from([{}, CEILINGS]),
)  # fmt: skip
def test_whatever_was_recorded_one_kind_is_named_and_no_share_passes_one(
    rows: list[OperatorRow], metrics: dict[str, float], ceilings: dict[str, float], *, gpu: bool
) -> None:
    one = variant(*rows, gpu=gpu, **metrics)
    step = Step.of(one, ceilings)
    assert step is not None
    assert step.utilisation is None or 0 <= step.utilisation <= 1
    limit = find_bottleneck(one, ceilings)
    if limit is not None:
        assert 0 <= limit.share <= 1
        assert limit.evidence
        assert bool(limit.what_if) == (limit.kind != "undecided")


@given(st.lists(SHARES, min_size=1, max_size=5))
def test_who_is_named_leads_all_others(shares: list[float]) -> None:
    claims = [Bottleneck("compute-bound", f"evidence {n}", "better", share) for n, share in enumerate(shares)]
    limit = decide(claims)
    assert limit is not None
    assert limit.share == max(shares)
    leads = max(shares) - sorted([-1.0, *shares])[-2] >= LEAD
    assert (limit.kind == "undecided") != leads


def passes(mode: str, *rows: OperatorRow, **metrics: float) -> Any:
    return trial(
        f"layout[mode={mode}]", mode, 0, STEP_NS, pass_="operators", turns=(), operators=rows, metrics=metrics
    )


def test_baseline_and_winner_are_told_below_the_table(make_run: MakeRun) -> None:
    times = {"plain": [1.0] * 5, "packed": [0.8, 0.81, 0.8, 0.79, 0.8], "other": [0.9, 0.91, 0.9, 0.89, 0.9]}
    extra = [passes("plain", MM), passes("packed", row("aten::copy_", 0.7)), passes("other", MM)]
    result = collect(make_run(times, extra=extra))[0]
    (note,) = [note for note in scenario_notes(result) if note.startswith("Where the time goes")]
    assert "plain is compute-bound: computing takes 70.0 %" in note
    assert " packed is transfer-bound: " in note
    assert "other" not in note
    frame = variants_frame([result]).set_index("variant")
    assert frame.loc["layout[mode=other]", "bottleneck"] == "compute-bound"


def test_what_limits_both_is_told_once(make_run: MakeRun) -> None:
    times = {"plain": [1.0] * 5, "packed": [0.8, 0.81, 0.8, 0.79, 0.8]}
    run = make_run(times, extra=[passes("plain", MM), passes("packed", row("aten::mm", 0.6))])
    (note,) = [note for note in scenario_notes(collect(run)[0]) if note.startswith("Where the time goes")]
    assert note.endswith(" packed is compute-bound too (75.0 %).")


def test_the_page_shows_the_ceilings(tmp_path: Path) -> None:
    from reports.load import ReportData

    run = Run(tmp_path, make_info(scenarios=(), ceilings=CEILINGS), ())
    page = render(ReportData(run, (), ()))
    for shown in (
        "What the machine can do at most",
        "CPU all threads",
        "100 GFLOP/s",
        "CPU operator",
        "1.00 µs",
    ):
        assert shown in page


def test_ranks_are_read_from_the_environments(make_run: MakeRun) -> None:
    from dataclasses import replace

    run = make_run({"plain": [1.0], "packed": [1.0]}, changes={"packed": {"environment": "e2"}})
    info = replace(run.info, environments={**run.info.environments, "e2": {"ranks": 2}})
    assert [one.ranks for one in collect(replace(run, info=info))[0].variants] == [1, 2]


def test_a_step_that_passes_a_ceiling_raises_it_for_all(make_run: MakeRun) -> None:
    from dataclasses import replace

    fast = {"metrics": {"flops": 140e6}, "threads": 2}
    run = make_run({"plain": [2.0], "packed": [1.0]}, changes={"plain": fast, "packed": fast})
    result = collect(replace(run, info=replace(run.info, ceilings=CEILINGS)))[0]
    assert result.ceilings == CEILINGS | {"cpu_all_threads_flops_per_s": pytest.approx(140e9)}
    steps = [Step.of(one, result.ceilings) for one in result.variants]
    assert [step.utilisation for step in steps if step] == [pytest.approx(0.5), 1.0]
