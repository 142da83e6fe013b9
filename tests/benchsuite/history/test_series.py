from __future__ import annotations

import pytest
from sample_history import (
    FAILED,
    FAILING,
    FASTER,
    FASTER_FROM,
    FIRST,
    MORE_OPERATORS_FROM,
    SLOWER,
    SLOWER_FROM,
    STEADY,
    timing,
    write_day,
)

from benchsuite.history.series import lines, select_since
from benchsuite.record import CANARY


def days(read, root, trials, *, variant=STEADY):
    """Write one run for each list of trials, with changes of its header, and return the variant's lines."""
    for number, (members, changes) in enumerate(trials):
        write_day(root, number, [members], **changes)
    return [line for line in lines(read(root), "step_time") if line.variant == variant]


def test_each_variant_is_a_line_and_changes_come_first(read, sample_runs):
    found = lines(read(sample_runs), "step_time")
    assert [line.variant for line in found] == [SLOWER, FASTER, FAILING, STEADY, CANARY]
    assert [[step.change.after for step in line.steps] for line in found] == [
        [SLOWER_FROM], [FASTER_FROM], [], [], [],
    ]  # fmt: skip
    assert found[0].steps[0].change.factor.value == pytest.approx(1.06, abs=0.02)
    assert all(line.unlike == {} for line in found)


def test_the_canary_can_be_named(read, sample_runs):
    assert [line.variant for line in lines(read(sample_runs), "step_time", CANARY)] == [CANARY]
    assert lines(read(sample_runs, "operators"), "operators", CANARY) == ()


def test_counts_change_where_they_step(read, sample_runs):
    found = lines(read(sample_runs, "operators"), "operators")
    assert [[step.change.after for step in line.steps] for line in found] == [[MORE_OPERATORS_FROM]] * 4
    assert {(step.change.old, step.change.new) for line in found for step in line.steps} == {(187.0, 190.0)}


def test_failed_runs_are_gaps_with_their_reason(read, sample_runs):
    (line,) = lines(read(sample_runs), "step_time", FAILING)
    gaps = [place for place, point in enumerate(line.points) if point.figure is None]
    assert gaps == list(FAILED)
    assert {line.points[place].outcome for place in gaps} == {"failed"}
    assert line.points[gaps[0]].reason.startswith("out of memory")


def test_a_new_torch_is_an_event_and_part_of_what_changed(read, sample_runs):
    (line,) = lines(read(sample_runs), "step_time", SLOWER)
    (event,) = line.events
    assert (event.place, event.changed) == (SLOWER_FROM, {"torch": ("2.11.0", "2.12.0")})
    assert line.steps[0].software == event.changed
    assert lines(read(sample_runs), "step_time", FASTER)[0].steps[0].software == {}


def test_another_machine_is_another_line_and_never_a_change(read, tmp_path):
    other = {"machine": {"cpu_model": "another", "num_cores": 8}}
    trials = [([timing(STEADY, 9e6)], {}) for _ in range(12)]
    trials += [([timing(STEADY, 5e6)], other) for _ in range(12)]
    found = days(read, tmp_path, trials)
    assert [len(line.points) for line in found] == [12, 12]
    assert all(not line.steps for line in found)
    newest, oldest = found
    assert newest.unlike == {}
    assert newest.facts["machine.cpu_model"] == "another"
    assert oldest.unlike["machine.cpu_model"][0] == "another"


@pytest.mark.parametrize(
    "changes",
    [
        {"data": {"sha256": "other"}},
        {"environments": {"e1": {"torch": "2.11.0", "threads": 1}}},
        {"task_name": "mine"},
    ],
)
def test_other_data_environment_or_task_is_another_line(read, tmp_path, changes):
    found = days(read, tmp_path, [([timing(STEADY, 9e6)], {}), ([timing(STEADY, 5e6)], changes)])
    assert len(found) == 2


def test_a_failure_without_an_environment_is_a_gap_of_the_line_before_it(read, tmp_path):
    failed = timing(STEADY, 1.0, outcome="failed", reason="killed", environment="", turns=(), checks=())
    trials = [([timing(STEADY, 9e6)], {}), ([failed], {}), ([timing(STEADY, 9e6)], {})]
    (line,) = days(read, tmp_path, trials)
    assert [point.outcome for point in line.points] == ["measured", "failed", "measured"]


def test_what_never_had_a_figure_has_no_line(read, tmp_path):
    skipped = timing(STEADY, 1.0, outcome="skipped", reason="no GPU", turns=(), checks=())
    assert days(read, tmp_path, [([skipped, timing(SLOWER, 9e6)], {})]) == []


def test_a_machine_that_moved_with_the_change_is_told(read, tmp_path):
    def day(factor):
        return ([timing(STEADY, 9e6 * factor), timing(CANARY, 4e6 * factor, scenario=CANARY)], {})

    (line,) = days(read, tmp_path, [day(1.0)] * 10 + [day(1.2)] * 10)
    (step,) = line.steps
    assert step.machine_factor == pytest.approx(1.2)


def test_runs_before_a_time_are_left_out(read, sample_runs):
    since_s = FIRST.timestamp() + 30 * 86400
    ledger = select_since(read(sample_runs), since_s)
    assert len(ledger.runs) == 10
    assert {len(line.points) for line in lines(ledger, "step_time")} == {10}
