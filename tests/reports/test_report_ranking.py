from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import reports
from benchsuite.comparison import MARGIN
from reports.collect import collect
from reports.ranking import FIGURES, ORDER, by_place, rank, ranking_notes, ranking_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchsuite.store import Run

    MakeRun = Callable[..., Run]

LEVELS = (9.0, 9.4, 8.8, 9.1, 9.9)
FASTER = {"plain": LEVELS, "packed": [ms * 0.8 for ms in LEVELS], "split": [ms * 0.9 for ms in LEVELS]}
CHANGES = {mode: {"mode": mode} for mode in FASTER}


def test_winners_stand_by_place_and_kind_of_work_and_speed(sample: Path) -> None:
    found = reports.rank(reports.load(sample).scenarios)
    assert [(ranked.place, ranked.scenario, ranked.work) for ranked in found] == [
        ("training, CPU", "loader", "same step"),
        ("training, CPU", "compile", "same step"),
        ("training, CPU", "precision", "same step"),
        ("training, CPU", "optimizer", "other work"),
        ("training, CPU", "batch_size", "other work"),
        ("training, CPU", "stack", "combined"),
        ("inference, CPU", "batch_size", "other work"),
    ]


def test_one_variant_stands_for_its_scenario_and_the_others_beside_it(make_run: MakeRun) -> None:
    (ranked,) = rank(collect(make_run(FASTER, stands_for=CHANGES)))
    assert ranked.label == "packed"
    assert ranked.baseline_label == "plain"
    assert ranked.also == ("split (1.11)",)
    assert str(ranked) == "1.25 (1.25 to 1.25) layout: packed instead of plain"


def test_a_step_that_counts_no_items_is_other_work(make_run: MakeRun) -> None:
    one_item = {mode: {"items_per_step": 1} for mode in FASTER}
    assert [r.work for r in rank(collect(make_run(FASTER, stands_for=CHANGES, changes=one_item)))] == [
        "other work"
    ]


def test_a_variant_without_changes_is_not_ranked_with_one_that_has_some(make_run: MakeRun) -> None:
    found = rank(collect(make_run(FASTER, stands_for={"split": {"mode": "split"}})))
    assert [(r.label, r.work) for r in found] == [("split", "same step"), ("packed", "other work")]
    assert ranking_notes(found)[-1].startswith("Other work: ")


def test_what_leaves_out_device_and_phase_was_measured_where_the_shared_step_is(make_run: MakeRun) -> None:
    (shared,) = rank(collect(make_run(FASTER, stands_for=CHANGES)))
    (own,) = rank(collect(make_run(FASTER)))
    assert (shared.device, shared.phase) == ("cpu", "train")
    assert (own.device, own.phase, own.place) == (None, None, "")


def test_a_device_may_itself_be_what_pays(make_run: MakeRun) -> None:
    run = make_run(FASTER)
    entry = dict(run.info.scenarios[0])
    entry["variants"] = [
        {**v, "settings": {"device": "cuda" if v["settings"]["mode"] == "packed" else "cpu"}}
        for v in entry["variants"]
    ]
    found = rank(collect(replace(run, info=replace(run.info, scenarios=({**entry, "compare": "device"},)))))
    assert [(ranked.variant, ranked.place) for ranked in found] == [("layout[mode=packed]", "CUDA")]


def test_what_was_measured_beside_neighbours_on_other_cores_does_not_pay(make_run: MakeRun) -> None:
    alone = {"packed": {"cores": 1}, "plain": {"cores": 2}, "split": {"cores": 2}}
    busy = {name: {**known, "contention": {"wait_share": 0.3}} for name, known in alone.items()}
    quiet = rank(collect(make_run(FASTER, stands_for=CHANGES, changes=alone)))
    beside = rank(collect(make_run(FASTER, stands_for=CHANGES, changes=busy)))
    assert [ranked.label for ranked in quiet] == ["packed"]
    assert [(ranked.label, ranked.also) for ranked in beside] == [("split", ())]


def test_nothing_pays(make_run: MakeRun) -> None:
    found = rank(collect(make_run({"plain": LEVELS, "packed": LEVELS})))
    assert found == ()
    assert ranking_notes(found) == ("No setting was shown to be faster than its baseline.",)
    assert by_place(found) == {}


def test_the_frame_holds_the_figures(sample: Path) -> None:
    frame = reports.load(sample).ranking
    assert list(frame.columns) == list(FIGURES)
    row = frame.set_index("variant").loc["precision[precision=bf16-autocast]"]
    assert row["memory_ratio"] == pytest.approx(0.62)
    assert row["accuracy_points"] == pytest.approx(-0.39)
    assert row["low"] < row["speedup"] < row["high"]


def test_a_break_even_is_ranked_with_the_steps_that_its_answer_states(sample: Path) -> None:
    data = reports.load(sample)
    ranked = next(r for r in rank(data.scenarios) if r.scenario == "compile")
    answers = {summary.name: summary.sentences for summary in reports.summarise(data)}
    assert "has paid after about 19,300 steps" in str(ranked)
    assert "has paid after about 19,300 steps with an empty compile cache" in answers["compile"][0]


def test_a_stack_whose_last_step_adds_nothing_stands_for_its_best(make_run: MakeRun) -> None:
    times = {"plain": LEVELS, "a": [ms * 0.8 for ms in LEVELS], "b": [ms * 0.5 for ms in LEVELS], "c": [ms * 0.6 for ms in LEVELS]}  # fmt: skip
    (ranked,) = rank(collect(make_run(times, answer="stack", combines=True)))
    assert ranked.label == "the first 2 of 3 together"
    assert (ranked.work, ranked.also) == ("combined", ())


def test_other_contexts_than_phase_and_device_stand_with_the_setting(make_run: MakeRun) -> None:
    run = make_run(FASTER)
    entry = dict(run.info.scenarios[0])
    entry["variants"] = [
        {**v, "id": f"{v['id']}{size}", "context": {"batch_size": size}, "settings": {**v["settings"], "batch_size": size}}
        for size in (1, 100)
        for v in entry["variants"]
    ]  # fmt: skip
    records = [
        replace(record, variant=f"{record.variant}{size}", context={"batch_size": size}, group=f"{record.group}{size}")
        for size in (1, 100)
        for record in run.records
    ]  # fmt: skip
    found = rank(collect(replace(run, info=replace(run.info, scenarios=(entry,)), records=tuple(records))))
    assert [ranked.label for ranked in found] == ["packed (batch size 1)", "packed (batch size 100)"]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ratios=st.lists(
        st.lists(st.floats(min_value=0.3, max_value=3.0), min_size=3, max_size=5), min_size=1, max_size=4
    ),
    changing=st.sets(st.integers(0, 3)),
)
def test_only_what_was_shown_is_ranked_and_in_order(
    ratios: list[list[float]], changing: set[int], make_run: MakeRun
) -> None:
    rounds = max(map(len, ratios))
    times = {"plain": [10.0] * rounds} | {f"mode{n}": [10.0 / r for r in rs] for n, rs in enumerate(ratios)}
    result = collect(make_run(times, stands_for={f"mode{n}": {"mode": n} for n in changing}))[0]
    found = rank([result])
    faster = {v.id for v in result.variants if v.comparison is not None and v.comparison.verdict == "faster"}
    assert {ranked.variant for ranked in found} <= faster
    assert bool(found) == bool(faster)
    assert all(ranked.low > 1 + MARGIN for ranked in found)
    works = [ORDER.index(ranked.work) for ranked in found]
    assert works == sorted(set(works))
    assert sum(1 + len(ranked.also) for ranked in found) == len(faster)
    for members in by_place(found).values():
        table = ranking_table(members)
        assert all(len(row.cells) == len(table.columns) for row in table.rows)
