from __future__ import annotations

import pytest

from benchsuite.gate.case import Case, changed_definitions, obstacle, redefined
from benchsuite.gate.trials import Pair


@pytest.fixture
def found(make_candidate, make_record):
    """Return a function from what is known of each side's trial to what forbids a comparison."""

    def run(base, head, kind="timing", *, lent=False):
        records = {
            "base": make_record("base", kind, **base),
            "head": make_record("head", kind, **head),
        }
        return obstacle(Case(make_candidate(lent=lent)), records)

    return run


BROKEN = {"outcome": "failed", "reason": "it broke"}
SKIPPED = {"outcome": "skipped", "reason": "not here"}
FOREIGN = {"foreign": ("model from /head/model.py", "other from /head/other.py")}


def test_two_trials_that_held_can_be_compared(found):
    assert found({}, {}) is None


@pytest.mark.parametrize(
    ("base", "head", "reason"),
    [
        ({}, BROKEN, "on the head: it broke"),
        (BROKEN, {}, "on the base: it broke"),
        (BROKEN | {"reason": "in its own way"}, BROKEN, "on both sides: it broke"),
        ({}, {"outcome": "failed"}, "on the head: no reason was given"),
        (SKIPPED, BROKEN, "on the head: it broke"),
        (BROKEN, FOREIGN, "on the base: it broke"),
    ],
)
def test_a_side_that_fails_is_named(found, base, head, reason):
    assert found(base, head) == ("failed", reason)


def test_a_base_that_cannot_run_what_it_was_lent_makes_it_new(found):
    assert found(BROKEN, {}, lent=True) == ("new", "the base lacks it and cannot run the head's: it broke")
    assert found({}, BROKEN, lent=True) == ("failed", "on the head: it broke")
    assert found(BROKEN, BROKEN, lent=True) == ("failed", "on both sides: it broke")


def test_a_base_that_needs_more_of_the_head_than_it_was_lent_makes_it_new(found):
    said = "the base lacks it and cannot run the head's, which imports model from /head/model.py"
    assert found(FOREIGN, {}, lent=True) == ("new", said)


def test_a_pass_that_fails_forbids_nothing_by_itself(found):
    assert found(BROKEN, BROKEN, "memory") is None
    assert found(SKIPPED, {}, "operators") is None


def test_a_side_that_skips_alone_cannot_be_compared(found):
    assert found({}, SKIPPED) == ("not comparable", "the head skips it: not here")
    assert found(SKIPPED, {}) == ("not comparable", "the base skips it: not here")


def test_what_both_sides_skip_is_merely_left_out(found):
    assert found(SKIPPED, SKIPPED) == ("skipped", "not here")


@pytest.mark.parametrize("pass_", ["timing", "operators", "memory"])
def test_a_side_that_ran_other_code_voids_the_comparison(found, pass_):
    for base, head, side in ((FOREIGN, {}, "base"), ({}, FOREIGN, "head")):
        verdict, reason = found(base, head, pass_)
        assert verdict == "not comparable"
        assert reason.startswith(
            f"the {side} did not run its own code: it imported model from /head/model.py and 1 more; "
        )


def test_steps_that_handle_other_amounts_cannot_be_compared(found):
    said = "a step handles 50 items instead of 100"
    assert found({"items_per_step": 100}, {"items_per_step": 50}) == ("not comparable", said)
    assert found({"items_per_step": 100} | BROKEN, {"items_per_step": 1}, "memory") is None


FILES = {"bench.py": "one", "task.py": "two", "model.py": "three"}


@pytest.fixture
def work(make_candidate, make_record, make_sides):
    """Return a function from FLOPs and files of base and head to what is said of the work."""

    def run(flops, files, *, pairs=1, lent=False, file="bench.py", task="/{side}/task.py"):
        case = Case(make_candidate(lent=lent, file=file))
        for side, count, known in zip(("base", "head"), flops, files, strict=True):
            metrics = {} if count is None else {"flops": count}
            case.passes[side].append(make_record(side, "operators", metrics=metrics, files=known))
        timed = [make_record(side, files=known) for side, known in zip(("base", "head"), files, strict=True)]
        case.screening = [Pair(*timed, make_record())] * pairs
        files = changed_definitions(case, make_sides(case.candidate, task=task))
        return redefined(case, files) if files else ""

    return run


def test_a_changed_model_is_a_change_and_no_other_work(work):
    assert work((100, 200), (FILES, FILES | {"model.py": "changed"})) == ""


def test_changed_files_that_leave_the_work_as_it_is_are_none(work):
    assert work((100, 100), (FILES, FILES | {"bench.py": "changed"})) == ""
    assert work((None, 100), (FILES, FILES | {"bench.py": "changed"})) == ""


@pytest.mark.parametrize("pairs", [0, 1])
def test_a_rewritten_benchmark_is_other_work(work, pairs):
    said = "the work differs, 50 instead of 1,000 FLOP a step, and so does bench.py, which defines it"
    assert work((1000, 50), (FILES, FILES | {"bench.py": "changed"}), pairs=pairs) == said


def test_a_rewritten_task_is_other_work_and_both_are_named(work):
    both = FILES | {"bench.py": "changed", "task.py": "changed"}
    assert "and so does bench.py and task.py, which" in work((1000, 50), (FILES, both))
    assert "and so does task.py, which" in work((1000, 50), (FILES, FILES | {"task.py": "changed"}))


def test_where_scenario_and_task_are_one_file_it_is_named_once(work):
    said = work((1000, 50), (FILES, FILES | {"bench.py": "changed"}), task="/{side}/bench.py")
    assert said.count("bench.py") == 1


def test_a_lent_benchmark_is_the_same_on_both_sides(work):
    base = {name: digest for name, digest in FILES.items() if name != "bench.py"}
    assert work((1000, 50), (base, FILES | {"model.py": "changed"}), lent=True) == ""


def test_what_lies_outside_of_both_sides_is_the_same(work):
    assert work((1000, 50), (FILES, FILES), file="../outside.py", task="/elsewhere/task.py") == ""


def test_the_records_of_a_side(make_candidate, make_record):
    case = Case(make_candidate())
    first, second, third = (
        Pair(make_record("base", repetition=n), make_record("head", repetition=n), make_record())
        for n in range(3)
    )
    case.screening, case.confirmation = [first, second], [third]
    assert case.pairs == [first, second, third]
    case.passes["head"].append(make_record("head", "memory"))
    assert [r.pass_ for r in case.records("base")] == ["timing"] * 3
    assert [r.pass_ for r in case.records("head")] == ["timing"] * 3 + ["memory"]
    case.calls = {side: make_record(side, "calls") for side in ("base", "head")}
    assert [r.pass_ for r in case.records("head")] == ["timing"] * 3 + ["memory", "calls"]
    assert {r.side for r in case.records("head")} == {"head"}
    assert [r.repetition for r in case.records("base")][:3] == [0, 1, 2]
