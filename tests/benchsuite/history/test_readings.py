from __future__ import annotations

import json

import pytest
from sample_history import STEADY, counted, timing, write_day

from benchsuite.comparison import absolute
from benchsuite.history.readings import read_run
from benchsuite.record import CANARY, CheckResult


def cells_of(path):
    reading = read_run(path)
    assert reading.problem == ""
    return {(cell.variant, cell.pass_): cell for cell in reading.cells}


def figures_of(cell):
    return {figure.metric: figure for figure in cell.figures}


def test_a_step_time_is_the_one_of_the_report(tmp_path):
    trials = [timing(STEADY, ms * 1e6, number) for number, ms in enumerate((9.0, 9.1, 9.4))]
    figures = figures_of(cells_of(write_day(tmp_path, 0, [trials]))[STEADY, "timing"])
    expected = absolute(trials)
    assert figures["step_time"].value == pytest.approx(expected.value)
    assert (figures["step_time"].low, figures["step_time"].high) == (expected.low, expected.high)
    assert figures["step_time"].count == 3
    assert figures["throughput"].value == pytest.approx(100e9 / expected.value)
    assert figures["throughput"].low == pytest.approx(100e9 / expected.high)


def test_a_single_trial_has_no_interval(tmp_path):
    figure = figures_of(cells_of(write_day(tmp_path, 0, [[timing(STEADY, 9e6)]]))[STEADY, "timing"])[
        "step_time"
    ]
    assert (figure.low, figure.high, figure.count) == (None, None, 1)


def test_metrics_are_medians_over_trials_and_are_told_by_one_pass(tmp_path):
    trials = [
        timing(STEADY, 9e6, number, metrics={"setup_time": ms * 1e6, "peak_rss": 5.0})
        for number, ms in enumerate((3.0, 9.0, 4.0))
    ]
    cells = cells_of(write_day(tmp_path, 0, [trials, [counted(STEADY, operators=187.0, peak_rss=9.0)]]))
    timed, operators = figures_of(cells[STEADY, "timing"]), figures_of(cells[STEADY, "operators"])
    assert timed["setup_time"].value == 4e6
    assert timed["setup_time"].low < 4e6 < timed["setup_time"].high
    assert timed["peak_rss"].value == 5.0
    assert set(operators) == {"operators"}


def test_a_trial_that_was_measured_again_counts_once(tmp_path):
    trials = [timing(STEADY, 9e6), timing(STEADY, 7e6)]
    figures = figures_of(cells_of(write_day(tmp_path, 0, [trials]))[STEADY, "timing"])
    assert figures["step_time"].value == pytest.approx(7e6)


def test_what_is_no_number_is_no_figure(tmp_path):
    metrics = {"loss": float("nan"), "energy": float("inf"), "flops": 1e300, "operators": 3}
    cell = cells_of(write_day(tmp_path, 0, [[counted(STEADY, **metrics)]]))[STEADY, "operators"]
    assert set(figures_of(cell)) == {"operators"}


def test_a_check_that_did_not_hold_takes_the_figures_away(tmp_path):
    broken = CheckResult("equal to the reference", 1.0, 1e-3, "<=", ok=False)
    cell = cells_of(write_day(tmp_path, 0, [[timing(STEADY, 9e6, checks=(broken,))]]))[STEADY, "timing"]
    assert (cell.outcome, cell.figures) == ("check failed", ())
    assert "equal to the reference" in cell.reason


def test_failed_trials_beside_completed_ones_and_contention_are_told(tmp_path):
    failed = timing(STEADY, 1.0, 2, outcome="failed", reason="killed", turns=(), checks=())
    trials = [timing(STEADY, 9e6, 0, contention={"wait_share": 0.3}), timing(STEADY, 9e6, 1), failed]
    cell = cells_of(write_day(tmp_path, 0, [trials]))[STEADY, "timing"]
    assert cell.outcome == "measured"
    assert cell.disturbed == (
        "1 of 2 timings were disturbed: waited 30% of its time for a core; 1 of 3 trials failed"
    )


def test_software_is_no_condition_but_settings_machine_and_data_are(tmp_path):
    def facts(number, **changes):
        cell = cells_of(write_day(tmp_path, number, [[timing(STEADY, 9e6)]], **changes))[STEADY, "timing"]
        return cell.facts, cell.software

    before, old = facts(0)
    after, new = facts(30)
    assert before == after
    assert (old["torch"], new["torch"]) == ("2.11.0", "2.12.0")
    assert facts(1, machine={"cpu_model": "another"})[0] != before
    assert facts(2, data={"sha256": "another"})[0] != before
    assert facts(3, task_name="another")[0] != before
    other = cells_of(write_day(tmp_path, 4, [[timing(STEADY, 9e6, settings={"mode": "other"})]]))
    assert other[STEADY, "timing"].facts != before


def test_the_canary_depends_on_the_machine_alone(tmp_path):
    def canary(number, **changes):
        trial = timing(CANARY, 4e6, scenario=CANARY)
        return cells_of(write_day(tmp_path, number, [[trial]], **changes))[CANARY, "timing"]

    assert canary(0).facts == canary(1, data={"sha256": "another"}, task_name="another").facts
    assert canary(0 + 2, machine={"cpu_model": "another"}).facts != canary(3).facts


def test_of_a_gate_nothing_but_its_kind_is_read(tmp_path):
    reading = read_run(write_day(tmp_path, 0, [[timing(STEADY, 9e6)]], kind="gate"))
    assert (reading.kind, reading.cells) == ("gate", ())


def test_a_torn_line_is_told_and_the_rest_stands(tmp_path):
    path = write_day(tmp_path, 0, [[timing(STEADY, 9e6)]])
    with (path / "records.jsonl").open("a") as file:
        file.write('{"schema": 1, "vari')
    reading = read_run(path)
    assert len(reading.cells) == 1
    assert reading.problem.startswith("records.jsonl, line 2, could not be read")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "[]",
        "{",
        '{"schema": 99}',
        '{"schema": 1}',
        "[" * 3000,
        '{"schema":1,"command":3,"started":1,"task":2}',
    ],
)
def test_a_damaged_or_newer_header_is_told(tmp_path, header):
    path = write_day(tmp_path, 0, [[timing(STEADY, 9e6)]])
    (path / "run.json").write_text(header)
    reading = read_run(path)
    assert reading.problem
    assert str(tmp_path) not in reading.problem


def test_a_turn_without_steps_spoils_its_run_alone(tmp_path):
    path = write_day(tmp_path, 0, [[timing(STEADY, 9e6)]])
    document = json.loads((path / "records.jsonl").read_text())
    (path / "records.jsonl").write_text(json.dumps({**document, "turns": [[0, 0, 5]]}) + "\n")
    assert read_run(path).problem == "it cannot be read (ZeroDivisionError)"
