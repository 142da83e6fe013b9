"""What is said of a change: on records whose cause is known, and where there is none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchsuite.record import AllocationSite, CallRow, OperatorRow, Record, Turn
from reports import format as fmt
from reports.compare.blame import blame
from reports.compare.call_changes import CallProfile, changed_calls, changed_functions
from reports.compare.suspicion import Suspicion, accuse

MS = 1e6
STEP = "step (train.py:20)"
FORWARD = "forward (model.py:12)"


def record(pass_: Any, **values: Any) -> Record:
    return Record(
        variant="v", scenario="s", settings={}, context={}, baseline=True, pass_=pass_, repetition=0,
        outcome="completed", started="2026-01-01T00:00:00Z", **{"group": pass_, **values},
    )  # fmt: skip


def timed(ms: float, group: str = "g") -> Record:
    return record("timing", group=group, turns=tuple(Turn(order, 1, round(ms * MS)) for order in range(20)))


def profiled(*rows: OperatorRow, ms: float = 10.0, **metrics: float) -> Record:
    return record("operators", operators=rows, step_ns=(round(ms * MS),), metrics=metrics)


def counted(*rows: CallRow, ms: float = 10.0) -> Record:
    return record("calls", calls=rows, step_ns=(round(ms * MS),))


def row(name: str, calls: float, own_ms: float, shapes: str = "") -> OperatorRow:
    return OperatorRow(name, calls, own_ms * MS, own_ms * MS, shapes=shapes)


def call(function: str, caller: str, calls: float, own_ms: float) -> CallRow:
    return CallRow(function, caller, calls, own_ms * MS)


def test_an_operator_and_the_line_that_calls_it_are_named() -> None:
    base = [timed(10), profiled(row("aten::conv2d", 2, 0.1), row("aten::convolution", 2, 4.0)), counted(call("torch.conv2d", FORWARD, 2, 4.1))]  # fmt: skip
    head = [
        timed(12.1),
        profiled(row("aten::conv2d", 3, 0.15), row("aten::convolution", 3, 6.0), ms=12.1),
        counted(call("torch.conv2d", "forward (model.py:13)", 2, 4.1), call("torch.conv2d", "forward (model.py:14)", 1, 2.05), ms=12.1),
    ]  # fmt: skip
    assert blame("step_time", base, head) == (
        "aten::conv2d is called 3 times a step instead of 2, from `forward` (model.py:14), which calls torch.conv2d "
        "3 times a step instead of 2; 1 more operator has changed: this explains 2.05 ms of 2.10 ms."
    )
    assert "2 times a step instead of 3, from `forward` (model.py:14)" in blame("step_time", head, base)


def test_a_function_with_the_same_operators_is_named() -> None:
    same = profiled(row("aten::mm", 1, 5.0))
    base = [timed(10), same, counted(call(STEP, "", 1, 1.0))]
    head = [timed(11.1), same, counted(call("step (train.py:23)", "", 1, 1.7), ms=11.1)]
    assert blame("step_time", base, head) == (
        "Probably `step` (train.py:23) takes 700 µs longer by itself, with the same operators: "
        "this explains 700 µs of 1.10 ms."
    )


@pytest.mark.parametrize(
    ("own_ms", "files", "expected"),
    [
        (1.4, ["model.py", "a.py", "b.py", "c.py"], "but this explains only 400 µs of 1.10 ms; changed files are model.py and 3 more."),
        (1.4, [], "but this explains only 400 µs of 1.10 ms."),
        (1.0, ["model.py"], "The cause is not clear: no operator, call or line changed by enough; changed file is model.py."),
        (0.5, ["model.py"], "The cause is not clear: no operator, call or line changed by enough; changed file is model.py."),
    ],
)  # fmt: skip
def test_what_explains_less_than_half_is_no_cause(own_ms: float, files: list[str], expected: str) -> None:
    base, head = (
        [timed(10), counted(call(STEP, "", 1, 1.0))],
        [timed(11.1), counted(call(STEP, "", 1, own_ms), ms=11.1)],
    )
    said = blame("step_time", base, head, files)
    assert said.startswith("The cause is not clear: ")
    assert said.endswith(expected)


@pytest.mark.parametrize(
    ("mm_ms", "native_ms", "named"),
    [
        (5.0, 5.1, True),
        (5.0, 4.1, False),  # the pass that counts calls did not see it
        (8.0, 8.1, False),  # by much more than the step
        (3.0, 3.1, False),
    ],
)
def test_a_slower_operator_is_named_only_where_both_passes_and_the_step_bear_it_out(
    mm_ms: float, native_ms: float, named: bool
) -> None:
    base = [timed(10), profiled(row("aten::mm", 1, 4.0)), counted(call("torch.mm", STEP, 1, 4.1))]
    head = [
        timed(11.1),
        profiled(row("aten::mm", 1, mm_ms), ms=11.1),
        counted(call("torch.mm", STEP, 1, native_ms)),
    ]
    said = blame("step_time", base, head)
    assert ("Probably aten::mm takes" in said) == named
    assert ("not clear" in said) != named


def test_a_new_operator_that_takes_no_time_is_only_suspected_of_what_all_of_torch_takes() -> None:
    base = [timed(10), profiled(row("aten::mm", 1, 4.0)), counted(call("torch.mm", STEP, 1, 4.1))]
    more = (row("aten::mm", 1, 4.1), row("aten::view", 1, 0.001))
    calls = (call("torch.mm", STEP, 1, 5.1), call("Tensor.view", STEP, 1, 0.001))
    said = blame("step_time", base, [timed(11.1), profiled(*more, ms=11.1), counted(*calls, ms=11.1)])
    assert said.startswith("Probably aten::view is called 1 time a step instead of 0")


def test_a_step_that_has_not_changed_has_no_cause() -> None:
    base = [timed(10), counted(call(STEP, "", 1, 1.0))]
    head = [timed(10.05), counted(call(STEP, "", 1, 9.0))]
    assert "not clear" in blame("step_time", base, head)


def test_the_change_is_that_of_the_pairs() -> None:
    # The machine was half as fast in the second pair: on both sides.
    base = [timed(10, "a"), timed(20, "b"), counted(call(STEP, "", 1, 1.0))]
    head = [timed(11, "a"), timed(22, "b"), counted(call(STEP, "", 1, 2.5), ms=11)]
    assert "explains all of 1.50 ms" in blame("step_time", base, head)


def test_waiting_for_a_core_is_no_change_of_the_step() -> None:
    def waited(ms: float, waited_ms: float, group: str) -> Record:
        turns = tuple(
            Turn(order, 1, round((ms + waited_ms) * MS), round(waited_ms * MS)) for order in range(20)
        )
        return record("timing", group=group, turns=turns)

    calls = [counted(call(STEP, "", 1, 1.0)), counted(call(STEP, "", 1, 2.5), ms=11)]
    base, head = [waited(10, 0, "a"), calls[0]], [waited(11, 9, "a"), calls[1]]
    assert "explains all of 1.00 ms" in blame("step_time", base, head)
    # The values too, where no pair is whole.
    assert "explains all of 1.00 ms" in blame("step_time", base, [waited(11, 9, "b"), calls[1]])
    assert "not clear" in blame("step_time", base, [waited(10, 5, "a"), calls[1]])


def site(kind: Any, size: float, blocks: float = 1, *stack: str) -> AllocationSite:
    return AllocationSite(kind, size, blocks, stack or ("empty (torch/_tensor.py:9)", STEP))


def memory(*sites: AllocationSite, **metrics: float) -> Record:
    return record("memory", sites=sites, metrics=metrics)


@pytest.mark.parametrize(
    ("metric", "before", "after", "expected"),
    [
        ("leak", (), (site("leak", 4096.0),), "`step` (train.py:20) leaves 4 KiB behind in each step: this explains all of 4 KiB."),
        ("peak_heap", (site("peak", 2048.0),), (site("peak", 6144.0),),
         "`step` (train.py:20) holds 6 KiB at the peak instead of 2 KiB: this explains all of 4 KiB."),
        ("allocations", (site("temporary", 1.0, 2),), (site("temporary", 1.0, 3),),
         "The cause is not clear: `step` (train.py:20) allocates 3 times a step instead of 2, but this explains only 1 of 4,100 heap allocations a step."),
    ],
)  # fmt: skip
def test_memory_is_told_of_the_authors_line(metric: str, before: Any, after: Any, expected: str) -> None:
    base = [memory(*before, **{metric: 1000.0})]
    assert blame(metric, base, [memory(*after, **{metric: 5096.0})]) == expected


def test_allocations_without_a_line_are_told_by_the_operator() -> None:
    base = [memory(allocations=3.0), profiled(row("aten::mm", 1, 1.0))]
    head = [memory(allocations=4.0), profiled(row("aten::mm", 1, 1.0), row("aten::clone", 1, 0.1))]
    assert blame("allocations", base, head) == (
        "Probably aten::clone is called 1 time a step instead of 0, but how much of the change this explains is not known."
    )


def test_a_graph_break_is_told_by_the_function_that_is_taken_up_behind_it() -> None:
    resumed = call("torch_dynamo_resume_in_forward_at_14 (model.py:12)", STEP, 1, 0.1)
    base, head = (
        [record("timing", metrics={"graph_breaks": 0.0})],
        [record("timing", metrics={"graph_breaks": 1.0})],
    )
    base.append(counted(call(FORWARD, STEP, 1, 0.1)))
    head.append(counted(call(FORWARD, STEP, 1, 0.1), resumed))
    assert blame("graph_breaks", base, head) == "`forward` (model.py:14) leaves the compiled code."
    assert blame("graph_breaks", head, base) == "`forward` (model.py:14) no longer leaves the compiled code."
    assert "not clear" in blame("graph_breaks", base[:1], head[:1], ["model.py"])


def test_without_records_it_is_not_clear() -> None:
    for metric in ("step_time", "leak", "operators", "recompiles", "nothing"):
        assert blame(metric, [], []).startswith("The cause is not clear")


def test_rows_that_may_have_been_left_out_are_no_change() -> None:
    kept = (call(STEP, "", 1, 1.0),)
    cut = CallProfile(kept, 1.0, rows_dropped=5.0)
    assert changed_calls(cut, CallProfile((*kept, call("len", STEP, 3, 0.5)), 1.0)) == ()
    (change,) = changed_calls(cut, CallProfile((*kept, call("len", STEP, 3, 1.5)), 1.0))
    assert (change.function, change.calls_before, change.calls_after) == ("len", 0, 3)


rows = st.lists(
    st.builds(
        call,
        st.sampled_from(["torch.mm", "len", FORWARD, STEP, "f (torch/a.py:3)"]),
        st.sampled_from(["", STEP, "step (train.py:21)", FORWARD]),
        st.integers(1, 5),
        st.floats(0, 10),
    ),
    max_size=8,
)


@given(rows, rows)
def test_changes_of_calls_add_up_and_turn_round(before: list[CallRow], after: list[CallRow]) -> None:
    old, new = CallProfile(tuple(before), 1.0), CallProfile(tuple(after), 1.0)
    there, back = changed_calls(old, new), changed_calls(new, old)
    total = sum(one.self_ns for one in after) - sum(one.self_ns for one in before)
    assert sum(one.explained_ns for one in there) == pytest.approx(total, abs=1)
    assert sorted(one.explained_ns for one in there) == pytest.approx(
        sorted(-one.explained_ns for one in back)
    )
    for function in changed_functions(there, MS, longer=True):
        assert function.explained_ns > 0
        assert function.lead.explained_ns == max(one.explained_ns for one in function.calls)


@given(rows, rows, st.floats(1, 20), st.floats(1, 20))
def test_it_is_always_one_sentence(
    before: list[CallRow], after: list[CallRow], old_ms: float, new_ms: float
) -> None:
    said = blame("step_time", [timed(old_ms), counted(*before)], [timed(new_ms), counted(*after)], ["a.py"])
    assert said.endswith(".")
    assert "\n" not in said
    assert ". " not in said


def test_a_cause_without_a_line_is_told_with_the_changed_files():
    """What an operator sign does is no call of its own."""
    found = Suspicion("aten::mm is called 28 times a step instead of 20", 100.0)
    assert accuse([found], 100.0, fmt.duration, ["library/steps.py"]) == (
        "aten::mm is called 28 times a step instead of 20; changed file is library/steps.py: this explains all of 100 ns."
    )
    known = Suspicion("aten::mm is called 28 times a step, from `step` (model.py:3)", 100.0)
    assert "changed file" not in accuse([known], 100.0, fmt.duration, ["library/steps.py"])
