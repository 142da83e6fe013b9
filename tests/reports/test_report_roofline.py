from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_run import trial

from benchsuite.record import OperatorRow
from reports.bottleneck import find_bottleneck
from reports.bounds import Step
from reports.collect import collect
from reports.frames import variants_frame
from reports.notes import scenario_notes
from reports.results import VariantResult
from reports.roofline import Place, figures, place_of, standing, tell
from reports.tables import scenario_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchsuite.store import Run

    MakeRun = Callable[..., Run]

STEP_NS = 1e6
CEILINGS = {
    "cpu_threads": 2.0,
    "cpu_1_thread_flops_per_s": 50e9,
    "cpu_1_thread_copy_bytes_per_s": 10e9,
    "cpu_all_threads_flops_per_s": 100e9,
    "cpu_all_threads_copy_bytes_per_s": 20e9,
    "cuda_float32_flops_per_s": 50e12,
    "cuda_tf32_flops_per_s": 400e12,
    "cuda_bfloat16_flops_per_s": 700e12,
    "cuda_copy_bytes_per_s": 2e12,
}
AMOUNTS = st.floats(1e-3, 1e18)


def variant(
    *, threads: int = 2, ranks: int = 1, gpu: bool = False, precision: str = "fp32", busy: float = 0.7, **metrics: float
) -> VariantResult:  # fmt: skip
    """Make a variant with steps of 1 ms, of which one operator takes a part."""
    timing = trial("a[b=c]", "c", 0, STEP_NS, threads=threads, device_ns=(1,) if gpu else ())
    rows = (OperatorRow("aten::mm", 1.0, busy * STEP_NS, busy * STEP_NS),)
    seen = trial("a[b=c]", "c", 0, STEP_NS, pass_="operators", turns=(), operators=rows, metrics=metrics)
    return VariantResult(
        id="a[b=c]", label="c", settings={"precision": precision}, context={}, changes={}, baseline=True, outcome="completed",
        reason="", trials=(timing, seen), comparison=None, ranks=ranks,
    )  # fmt: skip


def place(**more: Any) -> Place:
    found = place_of(variant(**more), CEILINGS)
    assert found is not None
    return found


def test_many_operations_a_byte_lie_on_the_arithmetic_side() -> None:
    found = place(flops=45e6, moved_bytes=3e6)
    assert (found.intensity, found.ridge, found.side) == (15, 5, "arithmetic")
    assert found.attainable_flops_per_s == 100e9
    assert found.share == pytest.approx(0.45)
    assert tell(found) == (
        "Roofline: 45.0 GFLOP/s and 2.79 GiB/s at 15.0 FLOP/byte, on the arithmetic side of the ridge at 5.00; "
        "45.0 % of the attainable 100 GFLOP/s."
    )


def test_few_operations_a_byte_lie_on_the_memory_side_below_a_lower_roof() -> None:
    found = place(flops=16e6, moved_bytes=16e6)
    assert (found.intensity, found.side) == (1, "memory")
    assert found.attainable_flops_per_s == pytest.approx(20e9)
    assert found.share == pytest.approx(0.8)
    assert "on the memory side of the ridge at 5.00; 80.0 % of the attainable 20.0 GFLOP/s" in tell(found)


def test_without_products_a_step_is_held_against_a_copy() -> None:
    found = place(flops=0.0, moved_bytes=16e6)
    assert (found.side, found.share) == ("memory", pytest.approx(0.8))
    assert tell(found) == (
        "Roofline: 14.9 GiB/s, on the memory side of the ridge at 5.00; 80.0 % of the 18.6 GiB/s of a copy."
    )


def test_what_moves_faster_than_a_copy_is_served_from_caches_and_has_no_share() -> None:
    found = place(flops=16e6, moved_bytes=60e6)
    assert (found.side, found.cached, found.share) == ("memory", True, None)
    assert tell(found).endswith(
        "; more than the 18.6 GiB/s of a copy, so served from caches at least in part."
    )
    assert standing(found) == "on the memory side of the ridge but served from caches"


def test_at_the_roof_no_number_is_told() -> None:
    found = place(flops=140e6, moved_bytes=3e6)
    assert (found.share, found.peak_flops_per_s) == (1, pytest.approx(140e9))
    assert tell(found).endswith("; at the attainable 140 GFLOP/s.")


@pytest.mark.parametrize(
    "more",
    [{"threads": 3}, {"ranks": 2}, {"moved_bytes": 0.0}],
)
def test_without_bytes_or_a_copy_s_ceiling_there_is_no_place(more: Any) -> None:
    assert place_of(variant(**{"flops": 1e6, "moved_bytes": 1e6} | more), CEILINGS) is None
    assert place_of(variant(flops=1e6), CEILINGS) is None
    assert place_of(variant(flops=1e6, moved_bytes=1e6), {}) is None
    assert set(figures(None).values()) == {None}


def test_each_number_of_threads_and_device_has_its_own_copy() -> None:
    assert place(threads=1, moved_bytes=1e6).copy_bytes_per_s == 10e9
    assert place(threads=2, moved_bytes=1e6).copy_bytes_per_s == 20e9
    assert place(gpu=True, moved_bytes=1e6).copy_bytes_per_s == 2e12


def test_without_a_product_of_its_format_a_step_is_held_against_a_copy_alone() -> None:
    found = place(precision="bf16-autocast", flops=45e6, moved_bytes=10e6)
    assert (found.ridge, found.side, found.attainable_flops_per_s, standing(found)) == (None, None, None, "")
    assert tell(found) == "Roofline: 45.0 GFLOP/s and 9.31 GiB/s; 50.0 % of the 18.6 GiB/s of a copy."


@pytest.mark.parametrize(
    ("flops", "name"),
    [
        (30e9, "cuda_float32_flops_per_s"),
        (60e9, "cuda_tf32_flops_per_s"),
        (500e9, "cuda_bfloat16_flops_per_s"),
        (900e9, "cuda_bfloat16_flops_per_s"),
    ],
)
def test_who_passes_its_format_on_a_gpu_computes_in_a_faster_one(flops: float, name: str) -> None:
    step = Step.of(variant(gpu=True, flops=flops), CEILINGS)
    assert step is not None
    assert step.flops_ceiling_name == name
    assert step.utilisation == pytest.approx(min(1, 1e3 * flops / CEILINGS[name]))


def test_a_compute_bound_step_is_said_to_sit_on_a_side() -> None:
    arithmetic = find_bottleneck(variant(flops=45e6, moved_bytes=3e6), CEILINGS)
    memory = find_bottleneck(variant(flops=4e6, moved_bytes=10e6), CEILINGS)
    cached = find_bottleneck(variant(flops=4e6, moved_bytes=60e6), CEILINGS)
    assert arithmetic is not None
    assert memory is not None
    assert cached is not None
    assert {one.kind for one in (arithmetic, memory, cached)} == {"compute-bound"}
    assert arithmetic.evidence.endswith("; it is on the arithmetic side of the ridge")
    assert arithmetic.what_if == "all at that ceiling, a step would save up to 25.0 %"
    # Products at the peak are out of reach there: at 0.4 FLOP/byte the roof is a copy's.
    assert memory.evidence.endswith("; it is on the memory side of the ridge")
    assert memory.what_if == "with its operands moved as fast as a copy, a step would save up to 20.0 %"
    assert cached.evidence.endswith("served from caches")
    assert cached.what_if == "all at that ceiling, a step would save up to 66.0 %"


@given(flops=st.just(0.0) | AMOUNTS, moved=AMOUNTS, peak=AMOUNTS, copied=AMOUNTS, gpu=st.booleans())
def test_nothing_that_is_told_passes_the_roof(
    flops: float, moved: float, peak: float, copied: float, *, gpu: bool
) -> None:
    ceilings = {
        "cpu_threads": 2.0,
        "cpu_all_threads_flops_per_s": peak,
        "cpu_all_threads_copy_bytes_per_s": copied,
    }
    ceilings |= {"cuda_float32_flops_per_s": peak, "cuda_copy_bytes_per_s": copied}
    one = variant(gpu=gpu, flops=flops, moved_bytes=moved)
    found = place_of(one, ceilings)
    assert found is not None
    assert found.share is None or 0 <= found.share <= 1
    assert (found.share is None) == (found.side == "memory" and found.cached)
    limit = find_bottleneck(one, ceilings)
    told = tell(found) + (limit.evidence + limit.what_if if limit else "")
    assert all(float(share) <= 100 for share in re.findall(r"([\d.]+) %", told))
    if found.share is not None and found.attainable_flops_per_s:
        assert found.flops_per_s <= found.attainable_flops_per_s * (1 + 1e-9)


def test_page_and_frame_tell_the_place_of_each_variant(make_run: MakeRun) -> None:
    def seen(mode: str, **metrics: float) -> Any:
        row = OperatorRow("aten::mm", 1.0, 0.7 * STEP_NS, 0.7 * STEP_NS)
        name = f"layout[mode={mode}]"
        return trial(name, mode, 0, STEP_NS, pass_="operators", turns=(), operators=(row,), metrics=metrics)

    times = {"plain": [1.0] * 5, "packed": [0.8, 0.81, 0.8, 0.79, 0.8]}
    extra = [seen("plain", flops=45e6, moved_bytes=3e6), seen("packed", flops=4e6, moved_bytes=60e6)]
    run = make_run(times, extra=extra, changes={mode: {"threads": 2} for mode in times})
    result = collect(replace(run, info=replace(run.info, ceilings=CEILINGS)))[0]
    (note,) = [note for note in scenario_notes(result) if note.startswith("Where the time goes")]
    assert "save up to 25.0 %. Roofline: 45.0 GFLOP/s and 2.79 GiB/s" in note
    assert " packed is compute-bound too (87.5 %). Roofline: 5.00 GFLOP/s" in note
    frame = variants_frame([result]).set_index("label")
    assert list(frame.loc["plain", ["roofline_side", "flops_per_byte"]]) == ["arithmetic", 15]
    assert frame.loc["plain", "roofline_share"] == pytest.approx(0.45)
    assert frame.loc["packed", "roofline_side"] == "memory"
    table = scenario_table(result)
    titles = [column.title for column in table.columns]
    shown = {row.cells[0].text: row.cells[titles.index("Of the roofline")].text for row in table.rows}
    assert shown == {"plain": "45.0 %", "packed": "—"}
