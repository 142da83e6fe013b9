from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import reports
from benchsuite.record import CheckResult
from reports.answers import answer
from reports.caveats import caveats
from reports.overview import asked, headlines, tally
from reports.page import render
from reports.ranking import by_place, rank
from reports.reading import card_reading, glossary

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchsuite.store import Run

    MakeRun = Callable[..., Run]

LEVELS = (9.0, 9.4, 8.8, 9.1, 9.9)
FASTER = {"plain": LEVELS, "packed": [ms * 0.8 for ms in LEVELS]}
CHANGES = {mode: {"mode": mode} for mode in FASTER}


def test_the_best_of_each_place_is_what_was_combined_else_the_fastest(sample: Path) -> None:
    scenarios = reports.load(sample).scenarios
    found = headlines(scenarios, by_place(rank(scenarios)).values())
    assert [(best.place, best.scenario) for best in found] == [
        ("training, CPU", "stack"),
    ]
    assert found[0].text.startswith("data memory, ")
    assert " together instead of the reference loop" in found[0].text


def test_neither_other_work_nor_a_part_of_a_step_is_the_best_of_a_place(make_run: MakeRun) -> None:
    def found(run: Run) -> list[str]:
        ranked = rank(reports.load(run).scenarios)
        assert ranked
        return [best.text for best in headlines(reports.load(run).scenarios, by_place(ranked).values())]

    assert found(make_run(FASTER)) == []
    assert found(make_run(FASTER, stands_for=CHANGES, step="update")) == []
    assert found(make_run(FASTER, stands_for=CHANGES)) == ["mode packed instead of plain"]
    both = {**FASTER, "split": [ms * 0.5 for ms in LEVELS]}
    assert found(make_run(both, stands_for=CHANGES)) == ["mode packed instead of plain"]


def test_a_value_is_told_with_its_setting(make_run: MakeRun) -> None:
    scenarios = reports.load(make_run(FASTER, stands_for=CHANGES)).scenarios
    (best,) = headlines(scenarios, by_place(rank(scenarios)).values())
    assert (best.factor, best.interval, best.text) == ("1.25", "1.25 to 1.25", "mode packed instead of plain")


def test_where_nothing_was_shown_to_pay_there_is_no_headline(make_run: MakeRun) -> None:
    data = reports.load(make_run({"plain": LEVELS, "packed": LEVELS}))
    assert 'class="headline"' not in render(data)
    assert 'class="headline"' in render(reports.load(make_run(FASTER, stands_for=CHANGES)))


def test_each_question_counts_once_by_the_best_that_it_has(sample: Path) -> None:
    answers = {result.name: answer(result) for result in reports.load(sample).scenarios}
    text = tally(answers)
    assert text.startswith("8 questions: 7 answered; 1 with nothing to compare")
    missing = tuple(replace(one, standing="missing") for one in answers["compile"])
    assert "1 without an answer (compile)" in tally({**answers, "compile": missing})
    assert tally({}) == ""


def test_a_run_that_has_not_ended_names_no_length(make_run: MakeRun) -> None:
    data = reports.load(make_run(FASTER))
    ended = replace(data.run.info, started="2026-03-02T09:14:07Z", finished="2026-03-02T09:24:07Z")
    assert asked(replace(data, run=replace(data.run, info=ended))).endswith(", in 10.0 min")
    open_ = replace(data, run=replace(data.run, info=replace(ended, finished=None)))
    assert asked(open_) == "1 question, 2 variants, 2 of them measured in up to 5 rounds"


def levels(data: reports.ReportData) -> list[tuple[str, str]]:
    return [(caveat.level, caveat.text) for caveat in caveats(data)]


def test_a_failed_check_is_a_problem_and_stands_first(make_run: MakeRun) -> None:
    broken = {"packed": {"checks": (CheckResult("equal", 2.0, 1e-3, "<=", ok=False),)}}
    data = reports.load(make_run(FASTER, changes=broken, skipped={"fused": "no GPU"}))
    found = levels(data)
    assert found[0][0] == "problem"
    assert found[0][1].startswith("layout[mode=packed] failed its check “equal”")
    assert [level for level, _ in found] == sorted(
        (lv for lv, _ in found), key=["problem", "care", "note"].index
    )
    page = render(data)
    assert page.index("layout[mode=packed] failed its check") < page.index('id="answers"')
    assert page.count('class="mark failed"') == 2


def test_an_interrupted_run_says_so_and_how_far_it_got(make_run: MakeRun) -> None:
    data = reports.load(make_run({**FASTER, "split": []}, skipped={"fused": "no GPU"}))
    cut = replace(data, run=replace(data.run, info=replace(data.run.info, finished=None)))
    assert levels(cut)[0][1].endswith("measured so far, 2 of the 3 variants that can run here.")
    assert not any("interrupted" in text for _, text in levels(data))


def test_what_a_run_left_out_is_one_note_and_stands_whole_at_the_end(make_run: MakeRun) -> None:
    data = reports.load(make_run(FASTER))
    things = tuple(f"thing {number}, as it is dear" for number in range(17))
    quick = replace(data, run=replace(data.run, info=replace(data.run.info, left_out=things)))
    (note,) = [text for _, text in levels(quick) if text.startswith("Left out")]
    assert note == (
        "Left out: thing 0, as it is dear; thing 1, as it is dear; thing 2, as it is dear; and 14 more; "
        "Where it was measured has all of them."
    )
    page = render(quick)
    assert all(thing in page[page.index('id="environment"') :] for thing in things)


def test_lines_that_cannot_be_read_are_problems_and_few(make_run: MakeRun) -> None:
    data = reports.load(make_run(FASTER))
    torn = replace(
        data.run, problems=tuple(f"records.jsonl, line {n}, could not be read." for n in range(20))
    )
    found = [
        text for level, text in levels(replace(data, run=torn, problems=torn.problems)) if level == "problem"
    ]
    assert found[-1] == "16 more lines of the run's files could not be read."
    assert len(found) == 5


def test_a_card_reads_by_its_question_and_the_glossary_by_what_is_shown(sample: Path) -> None:
    readings = {result.name: card_reading(result) for result in reports.load(sample).scenarios}
    assert "knee" in readings["batch_size"]
    assert "first step" in readings["compile"]
    terms = [term for term, _ in glossary(("Step time", "First step, empty cache"), ())]
    assert terms == ["Step time", "First step"]
    assert glossary((), ("Where the time goes, CPU: x",))[0][0] == "Where the time goes"
