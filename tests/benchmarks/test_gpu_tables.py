from __future__ import annotations

import dataclasses
import re
import sys

import gpu_tables
import pytest
from gpu_run import EAGER, GRAPH, LARGE, SINGLE, gpu_run
from hypothesis import given
from hypothesis import strategies as st

import reports
from benchsuite.environment import read_machine
from benchsuite.gate.self_test.decisions import Decision, SelfTest, SelfTestDirectory
from benchsuite.gate.self_test.plan import COUNTS, make_plan
from benchsuite.gate.verdict import Finding


@pytest.fixture
def goals(tmp_path):
    """Return a function that makes a run and returns its goals: what was found, and whether it is met."""

    def found(**options):
        text = gpu_tables.document(reports.load(gpu_run(tmp_path, **options)))
        part = text.partition("## Goals")[2].partition("##")[0]
        rows = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("|")]
        return [(said, met) for _goal, said, met in rows[2:]]

    return found


def test_goals_are_met_by_the_best_variant_of_each_kind(goals):
    gain, step, rate, single = goals()
    # Ten steps of 100 images in 400 us, beside one of 440 us.
    assert gain == (
        r"1/11.0: 40.0 us (cuda\_graphs\[launch=graph-of-10\]) of 440.0 us",
        "yes",
    )
    assert step == (r"40.0 us (cuda\_graphs\[launch=graph-of-10\])", "yes")
    assert rate == (r"6.83 million images/s (batch\_size\[batch\_size=2048,device=cuda\])", "yes")
    assert single == (r"25.0 us (batch\_size\[batch\_size=1,phase=infer,device=cuda\])", "yes")


def test_what_is_missed_is_said_with_its_figure(goals):
    found = goals(graph_ns=700_000.0, large_ns=500_000.0, single_ns=31_000.0)
    assert [met for _said, met in found] == ["**no**"] * 4
    assert "70.0 us" in found[1][0]
    assert "31.0 us" in found[3][0]


def test_what_computes_wrongly_meets_no_goal(goals):
    found = goals(broken={GRAPH[0], LARGE[0], SINGLE[0]})
    assert found[1] == (r"440.0 us (cuda\_graphs\[launch=eager\])", "**no**")
    assert found[3] == ("not measured", "—")


def test_without_the_eager_step_there_is_no_gain(goals):
    found = goals(broken={EAGER[0]})
    assert found[0] == ("not measured", "—")
    assert found[1][1] == "yes"


def test_a_run_without_a_gpu_makes_up_no_figure(sample_text):
    goals = sample_text.partition("## Goals")[2].partition("##")[0]
    assert goals.count("not measured | —") == 4
    for title in ("## Training at batch 100", "## Inference"):
        assert "not measured" in sample_text.partition(title)[2].partition("##")[0]


@pytest.fixture(scope="module")
def sample_text(sample):
    return gpu_tables.document(sample[1])


def test_what_failed_and_what_was_skipped_is_told(sample_text):
    part = sample_text.partition("## Is it whole?")[2].partition("##")[0]
    assert "37 completed, 1 failed, 3 skipped." in part
    assert r"- FAILED batch\_size\[batch\_size=2048\]: the worker was killed by signal 9" in part
    assert "- 3 of CUDA skipped (look at this): no CUDA device" in part


def test_every_table_is_as_wide_as_its_head(tmp_path, sample_text):
    for text in (gpu_tables.document(reports.load(gpu_run(tmp_path))), sample_text):
        tables = [block for block in text.split("\n\n") if block.startswith("|")]
        assert len(tables) == 3
        for block in tables:
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1, block


def test_a_self_test_is_told_as_far_as_it_came(tmp_path):
    batches = make_plan((0,), 1, ("time",), COUNTS["cuda"], "cuda")
    header = SelfTest(
        started="2026-12-01T00:00:00+00:00", seed=1, loads=(0,), batches=batches, versions={"torch": "2.11.0"}, commit=None,
        machine=dataclasses.asdict(read_machine()), device="cuda",
    )  # fmt: skip
    kept = SelfTestDirectory.create(tmp_path / "self-test", header)
    kept.append([
        Decision(
            batch=0, part="time", load=0, variant=planned.variant, plant=planned.plant, rivals={}, batch_seconds=9.0, run="runs/1",
            findings=(Finding(scenario="train", variant=planned.variant, metric="step_time", verdict="unchanged"),),
        )
        for planned in batches[0].decisions
    ])  # fmt: skip
    text = gpu_tables.document(reports.load(gpu_run(tmp_path)), self_test=kept)
    part = text.partition("## How often the gate errs")[2]
    assert "--self-test --device cuda`" in part
    assert "4 of 80 decisions" in part
    assert "| step time | 0 | 0 of 3: 0.0 %" in part
    assert "| 3 % slower | 0 | 0 of 1: 0.0 %" in part
    assert not re.search("^# ", text, re.MULTILINE)


def test_without_a_self_test_the_command_ends_in_a_line(sample, tmp_path):
    with pytest.raises(SystemExit, match="no self-test is there"):
        gpu_tables.main([str(sample[0]), "--self-test", str(tmp_path)])


@given(st.text())
def test_no_name_leaves_its_cell(text):
    found = gpu_tables.cell(text)
    assert "\n" not in found
    assert not re.search(r"(?<!\\)(\\\\)*[|`<*_\[\]]", found)


def test_the_command_prints_what_stands_in_the_document(sample, sample_text, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["gpu_tables.py", str(sample[0])])
    gpu_tables.main()
    assert capsys.readouterr().out == sample_text
