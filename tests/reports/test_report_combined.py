from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sample_run import trial

from reports.answers import answer
from reports.collect import collect

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchsuite.store import Run
    from reports.phrases import Statement

    MakeRun = Callable[..., Run]

LEVELS = (9.0, 9.4, 8.8, 9.1, 9.9)
JITTER = (1.004, 0.997, 1.002, 0.999, 1.001)


def scaled(factor: float) -> list[float]:
    return [ms * factor * wobble for ms, wobble in zip(LEVELS, JITTER, strict=True)]


def stacked(make_run: MakeRun, *factors: float, **more: Any) -> Statement:
    """Answer a combination of which the first variant takes so much of the baseline's time, and so on."""
    times = {f"m{n}": scaled(factor) for n, factor in enumerate(factors)}
    run = make_run({"plain": LEVELS, **times}, answer="stack", combines=True, **more)
    (statement,) = answer(collect(run)[0])
    return statement


def test_what_the_winners_bring_together_and_what_each_adds(make_run: MakeRun) -> None:
    statement = stacked(make_run, 0.5, 0.4)
    assert statement.standing == "shown"
    assert statement.text.startswith(
        "Together they make the work 2.50 times (2.48 to 2.51) as fast as the reference loop"
    )
    assert "27,100 items/s instead of 10,800" in statement.text
    assert statement.text.endswith(
        "step by step: mode m0 2.00 times (1.99 to 2.01) and mode m1 1.25 times (1.24 to 1.26)."
    )


def test_what_does_not_add_is_named_and_the_best_combination_counts(make_run: MakeRun) -> None:
    statement = stacked(make_run, 0.5, 0.4, 0.44)
    assert statement.text.startswith("Together they make the work 2.50 times")
    assert statement.text.endswith("no further gain was shown for mode m2.")
    assert "m2 " not in statement.text


NOISE = (1.06, 0.95, 1.03, 0.97, 1.0)


def noisy(factor: float) -> list[float]:
    """Return times of rounds of which some stray by several percent."""
    return [ms * factor * stray for ms, stray in zip(LEVELS, NOISE, strict=True)]


def test_an_addition_counts_only_where_its_own_interval_shows_a_gain(make_run: MakeRun) -> None:
    times = {"plain": LEVELS, "m0": noisy(0.5), "m1": list(reversed(noisy(0.49))), "m2": noisy(0.2)}
    (statement,) = answer(collect(make_run(times, answer="stack", combines=True))[0])
    assert statement.text.startswith("Together they make the work ")
    shown = statement.text.partition("step by step: ")[2]
    assert re.match(r"mode m0 2\.0\d times \(.*\) and mode m2 2\.4\d times", shown)
    assert shown.endswith("; no further gain was shown for mode m1.")


def test_where_no_single_addition_was_shown_there_are_no_steps(make_run: MakeRun) -> None:
    times = {"plain": LEVELS, "m0": noisy(0.97), "m1": noisy(0.93), "m2": scaled(0.88)}
    (statement,) = answer(collect(make_run(times, answer="stack", combines=True))[0])
    assert statement.text.startswith("Together they make the work 1.14 times")
    assert statement.text.endswith("; a gain of any one of them by itself was not shown.")


def test_a_single_winner_is_named_itself(make_run: MakeRun) -> None:
    text = stacked(make_run, 0.5).text
    assert text.startswith("Mode m0 makes the work 2.00 times")
    assert "step by step" not in text


def test_costs_and_the_start_are_told(make_run: MakeRun) -> None:
    extra = [
        trial(f"layout[mode={mode}]", mode, 0, 1e6, pass_="memory", turns=(), metrics={"peak_heap": peak})
        for mode, peak in (("plain", 4e6), ("m0", 6e6))
    ]
    ready = {"m0": {"metrics": {"setup_time": 2e9}}}
    statement = stacked(make_run, 0.5, extra=extra, changes=ready)
    assert statement.text.endswith(", with 1.50 times the peak memory.")
    assert "Its dearer start has paid after about" in statement.detail
    assert "those of the reference loop 91.0 ms" in statement.detail


def test_without_a_winner_the_reference_loop_stands(make_run: MakeRun) -> None:
    statement = stacked(make_run)
    assert statement.standing == "shown"
    assert statement.text == "No setting was shown to pay here: the reference loop stands."
    assert "It takes 9.23 ms a step" in statement.detail


def test_a_combination_that_was_not_shown_to_pay_is_open(make_run: MakeRun) -> None:
    statement = stacked(make_run, 1.0, 0.999)
    assert statement.standing == "open"
    assert statement.text.startswith("Together they bring no gain that 5 rounds could show")


def test_nothing_is_claimed_of_what_was_skipped_or_left_out(make_run: MakeRun) -> None:
    skipped = make_run({}, answer="stack", combines=True, skipped={"plain": "no GPU"})
    assert "skipped (no GPU)" in str(answer(collect(skipped)[0])[0])
    left_out = make_run({"plain": []}, answer="stack", combines=True)
    (statement,) = answer(collect(left_out)[0])
    assert statement.standing == "missing"
