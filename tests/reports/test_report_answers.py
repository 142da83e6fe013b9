from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_run import trial

from benchsuite.comparison import MARGIN
from benchsuite.record import CheckResult
from benchsuite.statistics import Interval
from reports.answers import answer
from reports.collect import collect
from reports.findings import find_field, find_knee
from reports.notes import scenario_notes

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchsuite.store import Run
    from reports.findings import Knee
    from reports.phrases import Statement

    MakeRun = Callable[..., Run]

LEVELS = (9.0, 9.4, 8.8, 9.1, 9.9)
JITTER = (1.004, 0.997, 1.002, 0.999, 1.001)


def scaled(factor: float) -> list[float]:
    return [level * factor * wobble for level, wobble in zip(LEVELS, JITTER, strict=True)]


def only(run: Run) -> Statement:
    (statement,) = answer(collect(run)[0])
    return statement


def test_a_clear_winner_is_named_with_its_interval_and_baseline(make_run: MakeRun) -> None:
    statement = only(make_run({"plain": LEVELS, "packed": scaled(0.8)}))
    assert statement.standing == "shown"
    assert statement.text.startswith("Mode packed is 1.25 times (1.24 to 1.26) as fast as plain")


@pytest.mark.parametrize(("step", "words"), [(None, "a step"), ("step", "a step"), ("update", "an update")])
def test_a_step_is_called_what_its_scenario_calls_it(step: str | None, words: str, make_run: MakeRun) -> None:
    times = {"plain": LEVELS, "packed": scaled(0.8)}
    statement = only(make_run(times, step=step))
    assert f"packed takes 7.39 ms {words} (" in statement.detail
    assert f"plain 9.23 ms {words} (" in statement.detail
    notes = scenario_notes(collect(make_run(times, step=step))[0])
    assert ("A step of this scenario is one update." in notes) == (step == "update")
    ready = {"packed": {"metrics": {"setup_time": 2e9}}}
    dearer = only(make_run(times, step=step, changes=ready))
    assert re.search(rf"has paid after about [\d,]+ {words.split()[1]}s\.", dearer.text)


def test_two_that_cannot_be_told_apart_are_not_ranked(make_run: MakeRun) -> None:
    statement = only(
        make_run({"plain": LEVELS, "packed": scaled(0.8), "split": list(reversed(scaled(0.801)))})
    )
    assert "whether it beats" in statement.text
    assert "5 rounds could not show" in statement.text


def test_an_open_interval_is_no_difference_that_these_rounds_could_show(make_run: MakeRun) -> None:
    noisy = [level * factor for level, factor in zip(LEVELS, (1.1, 0.9, 1.05, 0.93, 1.0), strict=True)]
    statement = only(make_run({"plain": LEVELS, "packed": noisy}))
    assert statement.standing == "open"
    assert statement.text.startswith("No difference that 5 rounds could show: mode packed runs at ")


def test_sameness_is_claimed_when_the_interval_supports_it(make_run: MakeRun) -> None:
    statement = only(make_run({"plain": LEVELS, "packed": scaled(1.0)}))
    assert statement.text.startswith("The same within 3 %")


def test_a_baseline_that_beats_all_is_the_fastest(make_run: MakeRun) -> None:
    statement = only(make_run({"plain": LEVELS, "packed": scaled(1.25)}))
    assert statement.text.startswith("Mode plain is the fastest: packed runs at 0.80 times")


def test_one_round_claims_nothing(make_run: MakeRun) -> None:
    statement = only(make_run({"plain": [9.0], "packed": [3.0]}))
    assert statement.standing == "open"
    assert statement.text == "One round has no interval, so no difference is claimed."
    assert "packed at 3.00 times" in statement.detail


def beside(make_run: MakeRun, *others: str, kind: str = "best", factor: float = 0.8) -> Statement:
    """Answer for a packed variant that had one core beside neighbours, a baseline and others that had two."""
    known = {"packed": {"cores": 1}, **{name: {"cores": 2} for name in ("plain", *others)}}
    busy = {name: {**one, "contention": {"wait_share": 0.3}} for name, one in known.items()}
    times = {"plain": LEVELS, "packed": scaled(factor), **{name: scaled(1.25) for name in others}}
    return only(make_run(times, changes=busy, answer=kind))


@pytest.mark.parametrize("kind", ["best", "knee", "break_even", "trade_off", "stack"])
def test_beside_neighbours_no_difference_of_other_cores_is_claimed(kind: str, make_run: MakeRun) -> None:
    statement = beside(make_run, kind=kind)
    assert statement.standing == "open"
    assert statement.text.startswith("No difference is claimed beside the neighbours of this run")
    assert "By the estimates, against the speed of plain: packed at 1.25 times." in statement.detail
    assert "taken under contention: 10 of 10 timings" in statement.detail.lower()


def test_what_has_as_many_cores_as_its_baseline_is_claimed_beside_neighbours(make_run: MakeRun) -> None:
    statement = beside(make_run, "split")
    assert statement.text.startswith(
        "Mode plain is the fastest of those that have an interval: split runs at"
    )
    assert "No difference is claimed beside the neighbours of this run" in statement.detail
    assert statement.detail.count("packed at 1.25 times") == 1


def test_two_rounds_are_answered_with_their_wide_interval(make_run: MakeRun) -> None:
    statement = only(make_run({"plain": [9.0, 9.1], "packed": [6.0, 7.9]}))
    assert statement.standing == "open"
    assert "2 rounds" in statement.text


def test_a_variant_with_a_failed_check_never_wins(make_run: MakeRun) -> None:
    broken = {"checks": (CheckResult("equal to the reference", None, 1e-3, "<=", ok=False),)}
    statement = only(make_run({"plain": LEVELS, "packed": scaled(0.5)}, changes={"packed": broken}))
    assert "packed is" not in statement.text
    assert "failed its check “equal to the reference” (NaN" in str(statement)


def test_a_baseline_with_a_failed_check_leaves_no_comparison(make_run: MakeRun) -> None:
    broken = {"checks": (CheckResult("equal", 2.0, 1e-3, "<=", ok=False),)}
    run = make_run({"plain": LEVELS, "packed": scaled(0.5), "split": scaled(0.7)}, changes={"plain": broken})
    assert only(run).text == "No comparison without the baseline plain."


def test_what_was_skipped_is_said_with_its_reason(make_run: MakeRun) -> None:
    statement = only(make_run({"plain": LEVELS}, skipped={"packed": "no compiler was found"}))
    assert statement.standing == "alone"
    assert statement.text.startswith("Only plain was measured: 9.23 ms a step")
    assert "packed was skipped (no compiler was found)." in str(statement)


def test_everything_skipped_and_everything_failed(make_run: MakeRun) -> None:
    assert (
        only(make_run({}, skipped={"plain": "a", "packed": "b"})).text
        == "Not measured: every variant was skipped."
    )
    alike = only(make_run({}, skipped={"plain": "no GPU", "packed": "no GPU"}))
    assert str(alike) == "Not measured: every variant was skipped (no GPU)."
    failed = {"outcome": "failed", "reason": "RuntimeError: boom", "turns": ()}
    statement = only(make_run({"plain": [9.0], "packed": [9.0]}, changes={"plain": failed, "packed": failed}))
    assert statement.text == "No answer: every variant failed (RuntimeError: boom)."


def test_the_knee_is_the_smallest_setting_near_the_best(make_run: MakeRun) -> None:
    sizes = {size: {"items_per_step": size} for size in (1, 8, 64)}
    times = {1: scaled(0.1), 8: scaled(0.2), 64: scaled(1.55)}
    heaps = [
        trial(
            f"layout[mode={size}]",
            size,
            0,
            1e6,
            pass_="memory",
            turns=(),
            metrics={"peak_heap": size * 2**20},
        )
        for size in (8, 64)
    ]
    run = make_run(times, answer="knee", changes=sizes, extra=heaps)
    statement = only(run)
    assert statement.standing == "shown"
    assert statement.text.startswith(
        "Mode 8 is the smallest that reaches 90 % of the best throughput measured"
    )
    assert "needs 8.00 times the peak memory (64 MiB instead of 8 MiB)" in statement.detail


def test_a_knee_says_what_would_reach_nearly_all(make_run: MakeRun) -> None:
    sizes = {size: {"items_per_step": size} for size in (1, 8, 16, 64)}
    times = {1: scaled(0.1), 8: scaled(8 / 93), 16: scaled(16 / 96), 64: scaled(64 / 100)}
    statement = only(make_run(times, answer="knee", changes=sizes))
    assert "The next one, mode 16, does 1.03 times the items a second." in statement.detail
    assert "For 98 % of the best throughput it would be mode 64." in statement.detail
    assert "For 98 %" not in only(make_run({1: times[1], 64: times[64]}, answer="knee", changes=sizes)).detail


def between(make_run: MakeRun, *intervals: tuple[float, float]) -> Knee:
    """Find the knee of a baseline at 1 and of members with these intervals behind it."""
    sizes = {2**place: LEVELS for place in range(len(intervals) + 1)}
    field = find_field(collect(make_run(sizes, answer="knee"))[0].contexts[0])
    assert field is not None
    rivals = [
        replace(rival, speedup=Interval(math.sqrt(low * high), low, high, 5))
        for rival, (low, high) in zip(field.rivals, intervals, strict=True)
    ]
    return find_knee(replace(field, rivals=tuple(rivals)), "mode")


@pytest.mark.parametrize(
    ("intervals", "possible", "certain"),
    [
        ([(9.5, 9.7), (6.0, 15.5), (9.9, 10.1)], "mode 2", "mode 8"),
        ([(9.5, 9.7), (9.6, 9.8), (9.9, 10.1)], "mode 2", "mode 2"),
        ([(8.0, 9.2), (9.9, 10.1), (8.0, 12.0)], "mode 2", "mode 8"),
        ([(2.0, 4.0)], "mode 2", "mode 2"),
        ([(0.8, 1.4), (0.5, 0.6)], "mode 1", "mode 2"),
    ],
)
def test_a_knee_is_certain_whichever_member_is_the_best(
    intervals: list[tuple[float, float]], possible: str, certain: str, make_run: MakeRun
) -> None:
    found = between(make_run, *intervals)
    assert (found.possible.label, found.certain.label) == (possible, certain)


def test_the_best_may_lie_beyond_the_largest_that_was_measured(make_run: MakeRun) -> None:
    sizes = {size: {"items_per_step": size} for size in (1, 8, 64)}
    rising = {1: scaled(0.1), 8: scaled(8 / 93), 64: scaled(64 / 100)}
    statement = only(make_run(rising, answer="knee", changes=sizes))
    assert "The best, mode 64, is the largest that was measured" in statement.detail
    steep = {1: scaled(0.1), 8: scaled(8 / 50), 64: scaled(64 / 100)}
    statement = only(make_run(steep, answer="knee", changes=sizes))
    assert "It is also the largest that was measured" in statement.detail
    falling = {1: scaled(0.1), 8: scaled(8 / 100), 64: scaled(64 / 97)}
    assert "largest" not in str(only(make_run(falling, answer="knee", changes=sizes)))


def measured(mode: str, number: int, **metrics: float) -> Any:
    return trial(f"layout[mode={mode}]", mode, number, 1e6, pass_="memory", turns=(), metrics=metrics)


@pytest.mark.parametrize(
    ("base", "winner", "words"),
    [
        ({"peak_heap": 4e6}, {"peak_heap": 5.24e6}, " with 1.31 times the peak memory."),
        ({"peak_heap": 4e6}, {"peak_heap": 2.88e6}, " with 0.72 times the peak memory."),
        ({"peak_heap": 4e6}, {"peak_heap": 4.07e6}, " as fast as plain."),
        ({"accuracy": 0.961}, {"accuracy": 0.956}, " with 0.5 points less accuracy."),
        ({"test_accuracy": 0.961}, {"accuracy": 0.5}, " as fast as plain."),
        ({"energy": 2.0}, {"energy": 1.0}, " with 0.50 times the energy."),
        ({"worker_memory": 0.0}, {"worker_memory": 2.0**26}, " with 64 MiB more in worker processes."),
        (
            {"epoch_start_time": 1e7},
            {"epoch_start_time": 2.1e8},
            " with 200 ms more at each start of an epoch.",
        ),
        (
            {"epoch_start_time": 2.1e8},
            {"epoch_start_time": 1e7},
            " with 200 ms less at each start of an epoch.",
        ),
        ({"epoch_start_time": 1e7}, {"epoch_start_time": 2e7}, " as fast as plain."),
        ({}, {"epoch_start_time": 2.1e8}, " as fast as plain."),
        (
            {"epoch_start_time": 1e7, "epoch_steps": 2000},
            {"epoch_start_time": 2.1e8, "epoch_steps": 2000},
            " as fast as plain.",
        ),
        (
            {"epoch_start_time": 1e7, "epoch_steps": 90},
            {"epoch_start_time": 2.75e7, "epoch_steps": 90},
            " with 17.5 ms more at each start of an epoch.",
        ),
        (
            {"peak_heap": 4e6, "energy": 1.0, "accuracy": 0.96},
            {"peak_heap": 8e6, "energy": 1.3, "accuracy": 0.97},
            " with 2.00 times the peak memory, 1.30 times the energy and 1.0 points more accuracy.",
        ),
    ],
)
def test_a_winner_says_what_it_costs_and_saves(
    base: dict[str, float], winner: dict[str, float], words: str, make_run: MakeRun
) -> None:
    extra = [measured("plain", 0, **base), measured("packed", 0, **winner)]
    statement = only(make_run({"plain": LEVELS, "packed": scaled(0.8)}, extra=extra))
    assert statement.text.endswith(words)


@pytest.mark.parametrize("on_gpu", ["plain", "packed"])
def test_a_gpus_memory_is_not_held_against_the_hosts(on_gpu: str, make_run: MakeRun) -> None:
    extra = [
        measured("plain", 0, peak_heap=4e6),
        measured("packed", 0, peak_heap=9e6),
        measured(on_gpu, 1, cuda_peak_allocated=2e6),
    ]
    times = {"plain": LEVELS, "packed": scaled(0.8)}
    assert "peak memory" not in str(only(make_run(times, extra=extra)))
    both = [*extra, *(measured(mode, 1, cuda_peak_allocated=2e6) for mode in times if mode != on_gpu)]
    assert "peak memory" not in str(only(make_run(times, extra=both)))
    more = [*extra, *(measured(mode, 1, cuda_peak_allocated=8e6) for mode in times if mode != on_gpu)]
    assert "times the peak memory" in str(only(make_run(times, extra=more)))


def test_energy_is_compared_by_the_item(make_run: MakeRun) -> None:
    extra = [measured("plain", 0, energy=1.0), measured("packed", 0, energy=2.0)]
    times = {"plain": LEVELS, "packed": scaled(0.8)}
    twice = {"packed": {"items_per_step": 200}}
    assert "energy" not in only(make_run(times, extra=extra, changes=twice)).text


def test_a_baseline_that_is_the_fastest_says_what_the_others_save(make_run: MakeRun) -> None:
    extra = [measured("plain", 0, peak_heap=4e6), measured("packed", 0, peak_heap=2e6)]
    statement = only(make_run({"plain": LEVELS, "packed": scaled(1.25)}, extra=extra))
    assert statement.text.endswith("its speed, with 0.50 times the peak memory.")


def test_where_no_speed_differs_memory_still_may(make_run: MakeRun) -> None:
    extra = [measured("plain", 0, peak_heap=4e6), measured("packed", 0, peak_heap=2e6)]
    statement = only(make_run({"plain": LEVELS, "packed": scaled(1.0)}, extra=extra))
    assert "Against plain: packed with 0.50 times the peak memory." in statement.detail


def started(make_run: MakeRun, factor: float, setups_s: list[float]) -> Statement:
    extra = [
        trial("layout[mode=ready]", "ready", number, ms * 1e6, metrics={"setup_time": setup_s * 1e9})
        for number, (ms, setup_s) in enumerate(zip(scaled(factor), setups_s, strict=True))
    ]
    return only(make_run({"plain": LEVELS, "ready": []}, extra=extra))


def test_a_dearer_start_is_earned_back_after_some_steps(make_run: MakeRun) -> None:
    statement = started(make_run, 0.8, [2.0] * 5)
    extra_ns = 2e9 + 10 * 9.1e6 * (0.8 - 1)
    steps = extra_ns / (9.23e6 * (1 - 0.8))
    found = re.search(
        r"as fast as plain; its dearer start has paid after about ([\d,]+) steps\.$", statement.text
    )
    assert found is not None
    assert float(found[1].replace(",", "")) == pytest.approx(steps, rel=0.01)
    assert "Set-up and first step take 2.07 s, those of plain 91.0 ms." in statement.detail


def test_a_start_that_is_dearer_in_some_rounds_alone_is_not_told(make_run: MakeRun) -> None:
    assert "start" not in str(started(make_run, 0.8, [2.0, 2.0, 2.0, 0.0, 2.0]))
    assert "start" not in str(started(make_run, 0.8, [0.03] * 5))


def test_what_is_slower_has_no_start_to_earn_back(make_run: MakeRun) -> None:
    assert "start" not in str(started(make_run, 1.25, [2.0] * 5))


@pytest.mark.parametrize("kind", ["best", "break_even", "trade_off", "stack"])
@pytest.mark.parametrize("factor", [0.6, 0.999, 1.5])
def test_sentences_about_many_variants_stay_short(kind: str, factor: float, make_run: MakeRun) -> None:
    times = {"plain": LEVELS} | {f"mode{n}": scaled(factor * (1 + n / 1000)) for n in range(16)}
    skipped = {f"gpu{n}": "no GPU" for n in range(20)}
    statement = only(make_run(times, answer=kind, skipped=skipped, combines=kind == "stack"))
    assert len(statement.text) < 420
    assert len(str(statement)) < 900
    assert "20 variants were skipped (no GPU)." in statement.detail


def compiled(make_run: MakeRun, factor: float) -> Run:
    first = [(4_000_000_000, "empty"), *[(400_000_000, "filled")] * 4]
    extra = [
        trial(
            "layout[mode=fused]",
            "fused",
            number,
            ms * 1e6,
            first_step_ns=ns,
            compile_cache=cache,
            metrics={"graph_breaks": 0.0},
        )
        for number, (ms, (ns, cache)) in enumerate(zip(scaled(factor), first, strict=True))
    ]
    return make_run({"plain": LEVELS, "fused": []}, answer="break_even", extra=extra)


def test_break_even_divides_the_extra_first_step_by_what_a_step_saves(make_run: MakeRun) -> None:
    statement = only(compiled(make_run, 0.8))
    saved_ns = 9.233e6 * (1 - 0.8)
    steps = (4e9 - 92e6) / saved_ns
    assert steps == pytest.approx(2116, rel=0.01)
    assert "has paid after about 2,120 steps with an empty compile cache" in statement.text
    assert "and after about 168 steps with a filled cache" in statement.text
    assert "No graph breaks" in statement.detail


def imported(run: Run, **by_phase: float) -> Run:
    return replace(run, info=replace(run.info, compiler_imports_ns=by_phase))


def test_what_compiling_imports_has_to_be_paid_too(make_run: MakeRun) -> None:
    statement = only(imported(compiled(make_run, 0.8), train=0.2e9, infer=1e9))
    steps = (4e9 - 92e6 + 1e9) / (9.233e6 * (1 - 0.8))
    assert steps == pytest.approx(2660, rel=0.01)
    assert "has paid after about 2,660 steps with an empty compile cache" in statement.text
    assert "and after about 711 steps with a filled cache" in statement.text
    assert "a fresh process imports for 1.00 s what compiling needs" in statement.detail


def test_an_older_run_says_nothing_of_imports(make_run: MakeRun) -> None:
    assert "imports" not in str(only(compiled(make_run, 0.8)))


@pytest.mark.parametrize(
    ("phase", "cache", "imports_ns"),
    [("train", "empty", 1.0), ("infer", "filled", 2.0), (None, "filled", 2.0), ("infer", "", 0.0)],
)
def test_imports_are_those_of_the_phase_and_of_what_compiles(
    make_run: MakeRun, phase: str | None, cache: str, imports_ns: float
) -> None:
    run = imported(
        make_run({"plain": LEVELS}, changes={"plain": {"compile_cache": cache}}), train=1.0, infer=2.0
    )
    run.info.scenarios[0]["variants"][0]["context"] = {"phase": phase} if phase else {}
    (variant,) = collect(run)[0].variants
    assert variant.imports_ns == imports_ns


def test_what_is_slower_never_pays(make_run: MakeRun) -> None:
    assert only(compiled(make_run, 1.2)).text.startswith("It never pays: fused runs at 0.83 times")


def test_no_gain_without_a_gain_that_was_shown(make_run: MakeRun) -> None:
    assert only(compiled(make_run, 1.0)).text.startswith("No gain that 5 rounds could show")


def test_a_trade_off_names_both_sides(make_run: MakeRun) -> None:
    heaps = [
        trial(f"layout[mode={mode}]", mode, 0, 1e6, pass_="memory", turns=(), metrics={"peak_heap": peak})
        for mode, peak in (("plain", 4e6), ("packed", 6e6))
    ]
    statement = only(make_run({"plain": LEVELS, "packed": scaled(0.8)}, answer="trade_off", extra=heaps))
    assert statement.text.endswith("the speed of plain, with 1.50 times the peak memory.")


def test_a_training_says_how_far_it_got(sample: Any) -> None:
    from reports import load

    statement = answer(load(sample).scenarios[0])[0]
    assert statement.text.startswith(
        "96.2 % accuracy on the test images after 20 epochs, 90 % reached after 28.5 s of training, 2.8"
    )


def test_a_training_says_which_of_its_times_hold_the_validation(make_run: MakeRun) -> None:
    found = {
        "metrics": {"time_to_90_s": 12.0},
        "series": {"epoch_s": ((1.0, 1.7), (2.0, 1.5), (3.0, 1.6))},
    }
    run = make_run({"plain": [1900.0]}, answer="reached", changes={"plain": found}, step="epoch")
    assert only(run).text == (
        "90 % reached after 12.0 s of training, 1.60 s an epoch, 1.90 s with its validation."
    )
    step, times = scenario_notes(collect(run)[0])
    assert step == "A step of this scenario is one epoch."
    assert times.startswith("Step time and throughput hold the validation")
    bare = make_run(
        {"plain": [1900.0]}, answer="reached", changes={"plain": found | {"series": {}}}, step="epoch"
    )
    assert only(bare).text == "90 % reached after 12.0 s, 1.90 s an epoch."
    assert scenario_notes(collect(bare)[0]) == [step]


@pytest.mark.parametrize("kind", ["best", "knee", "break_even", "trade_off"])
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ratios=st.lists(
        st.lists(st.floats(min_value=0.3, max_value=3.0), min_size=1, max_size=6), min_size=1, max_size=3
    )
)
def test_no_answer_claims_more_than_its_intervals(
    kind: str, ratios: list[list[float]], make_run: MakeRun
) -> None:
    rounds = max(map(len, ratios))
    times = {"plain": [10.0] * rounds} | {
        f"mode{n}": [10.0 / r for r in values] for n, values in enumerate(ratios)
    }
    result = collect(make_run(times, answer=kind))[0]
    statement = answer(result)[0]
    speedups = [v.comparison.speedup for v in result.variants if v.comparison is not None]
    if "as fast as plain" in statement.text:
        assert max(speedup.low for speedup in speedups) > 1 + MARGIN
    if "plain is the fastest" in statement.text or "never pays: " in statement.text:
        finite = [speedup for speedup in speedups if math.isfinite(speedup.high)]
        assert all(speedup.high < 1 / (1 + MARGIN) for speedup in finite)
    if "fastest of all" in statement.text:
        ordered = sorted(speedups, key=lambda speedup: speedup.value)
        assert all(ordered[-1].low > other.high for other in ordered[:-1])
