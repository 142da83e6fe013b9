"""Real runs by the real command: what is kept when workers crash, hang, lie or are interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from benchsuite.comparison import compare
from benchsuite.record import CANARY
from benchsuite.store import load_run
from benchsuite.turns import ROUNDS

PATIENCE_S = 240


def command(*arguments):
    return [sys.executable, "-m", "benchsuite", *map(str, arguments)]


@pytest.fixture(scope="session")
def run_arguments(workloads):
    return ["--only-scenarios", workloads, "--task", f"{workloads}:task", "--budget", "1s"]


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    return {
        **os.environ,
        "BENCHSUITE_CACHE_DIR": str(tmp_path_factory.mktemp("cache")),
        "TMPDIR": str(tmp_path_factory.mktemp("tmp")),
    }


@pytest.fixture(scope="session")
def faulty_run(run_arguments, environment, tmp_path_factory):
    arguments = command(
        *("run", "steady", "faulty", "in_environment", "fixed_length", "rests"),
        *run_arguments,
        "--timeout",
        "15s",
        "--json",
        "--runs-dir",
        tmp_path_factory.mktemp("runs"),
    )
    return subprocess.run(
        arguments, capture_output=True, text=True, env=environment, check=False, timeout=PATIENCE_S
    )


@pytest.fixture(scope="session")
def answer(faulty_run):
    return json.loads(faulty_run.stdout)


@pytest.fixture(scope="session")
def loaded(answer):
    from pathlib import Path

    return load_run(Path(answer["run"]))


def timing_of(loaded, variant):
    return [r for r in loaded.records if r.variant == variant and r.pass_ == "timing"]


def test_failures_end_in_3_and_are_named(faulty_run, answer):
    assert faulty_run.returncode == 3, faulty_run.stderr
    assert "faulty[kind=raises]" in {failure["variant"] for failure in answer["failed"]}
    assert "Traceback" not in faulty_run.stderr
    assert faulty_run.stderr.strip().splitlines()[-1].startswith("benchsuite: ")


def test_without_a_terminal_there_is_one_plain_line_for_each_trial(faulty_run):
    lines = faulty_run.stderr.splitlines()
    assert sum(line.startswith("completed timing    steady[rounds=3]") for line in lines) == 3
    assert "\x1b" not in faulty_run.stderr


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("raises", "RuntimeError: planted: the step broke"),
        ("raises_in_check", "ValueError: planted: the check broke"),
        ("crashes", "SIGSEGV"),
        ("exits", "exited with code 7"),
        ("killed", "SIGKILL"),
        ("hangs", "no answer within 15 s"),
        ("no_checks", "returned no benchsuite.Check"),
        ("nan", "check failed: a fact is not a finite number"),
        ("not_a_workload", "not a benchsuite.Workload"),
        (
            "no_items",
            "the workload's items_per_step is 0: a Python int from 1 to 2**63 - 1 is needed (workloads.py:",
        ),
        ("no_steps", "the workload's num_steps is 0: "),
        ("half_a_step", "the workload's num_steps is 2.5: "),
        ("loses_steps", "the workload's num_steps is 0: "),
        ("loose_check", "what it has reported cannot be kept: checks.0.direction: "),
        ("no_direction", "check 'a fact': its direction is '==': it must be one of <=, >= (workloads.py:"),
    ],
)
def test_each_fault_is_one_failed_record_and_is_not_tried_again(loaded, kind, said):
    (record,) = timing_of(loaded, f"faulty[kind={kind}]")
    assert record.outcome == "failed"
    assert said in record.reason
    assert not [r for r in loaded.records if r.variant == record.variant and r.pass_ != "timing"]


def test_the_run_went_on(loaded):
    assert loaded.info.finished
    assert not loaded.problems
    assert loaded.info.ceilings["cpu_threads"] >= 1
    assert len(timing_of(loaded, "faulty[kind=none]")) >= 3
    assert timing_of(loaded, "faulty[kind=skips]")[0].reason == "planted: not here"


def test_turns_tell_three_times_the_work_from_one(loaded):
    (found,) = [c for c in compare(loaded.records) if c.variant == "steady[rounds=3]"]
    assert found.verdict == "slower"
    assert found.speedup.value < 0.6
    assert found.rounds >= 3


def test_every_trial_has_a_step_in_each_turn_and_every_group_its_canary(loaded):
    for record in loaded.records:
        if (
            record.pass_ == "timing"
            and record.outcome == "completed"
            and record.group
            and record.scenario != "fixed_length"
        ):
            assert len(record.step_ns) >= ROUNDS or record.scenario == CANARY, record.variant
            assert sum(turn.steps for turn in record.turns) == len(record.step_ns)
    groups = {record.group for record in loaded.records if record.pass_ == "timing" and record.group}
    assert groups == {record.group for record in loaded.records if record.scenario == CANARY}


def test_work_of_fixed_length_is_done_once(loaded):
    (record,) = timing_of(loaded, "fixed_length")
    assert record.outcome == "completed"
    assert len(record.step_ns) == 5
    assert record.first_step_ns is None
    assert record.series["progress"] == ((1, 2), (2, 4), (3, 6), (4, 8), (5, 10))


def test_what_works_beside_a_step_rests_between_turns(loaded):
    for record in timing_of(loaded, "rests"):
        assert record.outcome == "completed", record.reason
        pauses = next(check.value for check in record.checks if check.name == "pauses")
        assert pauses > len(record.turns)


def test_memory_and_operators_have_passes_of_their_own(loaded):
    passes = {record.pass_: record for record in loaded.records if record.variant == "steady[rounds=1]"}
    assert passes["memory"].metrics["peak_heap"] > 200 * 200 * 4
    assert not passes["memory"].step_ns
    assert {"aten::matmul", "aten::mm"} & {row.name for row in passes["operators"].operators}
    assert passes["operators"].metrics["flops"] == 2 * 200**3
    assert "peak_heap" not in passes["timing"].metrics
    assert (loaded.path / passes["operators"].artifacts["trace"]).is_file()


def test_the_environment_of_every_trial_is_kept(loaded):
    for record in loaded.records:
        if record.outcome == "completed":
            assert loaded.info.environments[record.environment]["torch"]
    assert "PLANTED_VARIABLE" not in os.environ
    assert timing_of(loaded, "in_environment")[0].outcome == "completed"


def test_the_report_is_there(answer, loaded):
    page = loaded.path / "report.html"
    assert answer["report"] == str(page)
    assert "Does twice the work take longer?" in page.read_text()


def started_run(arguments, environment, runs_dir, records, names=("steady",)):
    """Start a run and return it with its directory once so many records are on the disk."""
    process = subprocess.Popen(
        command("run", *names, *arguments, "--runs-dir", runs_dir),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        found = list(runs_dir.glob("*/records.jsonl"))
        if found and len(found[0].read_bytes().splitlines()) >= records:
            return process, found[0].parent
        time.sleep(0.05)
    raise AssertionError(process.communicate())


@pytest.mark.slow
@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_run_keeps_its_records_and_is_resumed(run_arguments, environment, tmp_path, signal_):
    process, path = started_run(run_arguments, environment, tmp_path, records=4)
    process.send_signal(signal_)
    _stdout, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == (-signal.SIGKILL if signal_ == signal.SIGKILL else 130)
    if signal_ != signal.SIGKILL:
        assert f"--resume {path}" in stderr
        assert "Traceback" not in stderr
    with (path / "records.jsonl").open("a") as file:
        file.write('{"schema": 1, "variant": "torn')
    kept = load_run(path)
    assert kept.info.finished is None
    assert len(kept.records) >= 3
    assert 0 < kept.info.effort["working_s"] < kept.info.effort["wall_s"]
    resumed = subprocess.run(
        command("run", "--resume", path),
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        timeout=PATIENCE_S,
    )
    assert resumed.returncode == 0, resumed.stderr
    whole = load_run(path)
    assert whole.info.finished
    assert not whole.problems
    assert whole.records[: len(kept.records)] == kept.records
    assert all(whole.info.effort[key] > kept.info.effort[key] for key in ("wall_s", "working_s"))
    keys = [(r.variant, r.pass_, r.repetition, r.group) for r in whole.records]
    assert len(keys) == len(set(keys))
    again = subprocess.run(
        command("run", "--resume", path),
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        timeout=PATIENCE_S,
    )
    assert again.returncode == 2
    assert "this run has ended" in again.stderr


@pytest.mark.slow
def test_a_group_that_was_not_written_whole_is_measured_again(run_arguments, environment, tmp_path):
    process, path = started_run(run_arguments, environment, tmp_path, records=4)
    process.kill()
    process.communicate(timeout=PATIENCE_S)
    lines = (path / "records.jsonl").read_text().splitlines(keepends=True)
    first_group = [line for line in lines if json.loads(line)["group"] == json.loads(lines[0])["group"]]
    (path / "records.jsonl").write_text("".join(first_group[:-1]))
    resumed = subprocess.run(
        command("run", "--resume", path),
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        timeout=PATIENCE_S,
    )
    assert resumed.returncode == 0, resumed.stderr
    whole = load_run(path)
    for variant in ("steady[rounds=1]", "steady[rounds=3]", "canary"):
        assert any(r.variant == variant and r.repetition == 0 for r in whole.records[len(first_group) - 1 :])


@pytest.mark.slow
def test_a_run_in_which_everything_was_skipped_ends_in_3(run_arguments, environment, tmp_path):
    found = subprocess.run(
        command("run", "nowhere", *run_arguments, "--json", "--runs-dir", tmp_path),
        capture_output=True, text=True, env=environment, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    assert found.returncode == 3
    assert "nothing was measured" in found.stderr
    assert json.loads(found.stdout)["completed"] == 0


@pytest.mark.slow
def test_one_measurement_at_a_time(run_arguments, environment, tmp_path):
    process, _path = started_run(run_arguments, environment, tmp_path, records=1)
    second = subprocess.run(
        command("run", "steady", *run_arguments, "--runs-dir", tmp_path / "second"),
        capture_output=True, text=True, env=environment, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_S)
    assert second.returncode == 6
    assert f"process {process.pid}" in second.stderr
    assert not (tmp_path / "second").exists()


STACKED = "combined[rounds=3]"


def demand_a_stack(path):
    """Look at a run in which the winner of one scenario was put on top of another's baseline."""
    whole = load_run(path)
    assert whole.info.finished
    listed = {variant["id"] for entry in whole.info.scenarios for variant in entry["variants"]}
    assert {"combined[rounds=9]", STACKED} <= listed
    (found,) = [c for c in compare(whole.records) if c.variant == STACKED]
    assert (found.baseline, found.verdict) == ("combined[rounds=9]", "faster")
    assert {r.pass_ for r in whole.records if r.variant == STACKED} == {"timing", "memory", "operators"}
    keys = [(r.variant, r.pass_, r.repetition, r.group) for r in whole.records]
    assert len(keys) == len(set(keys))
    return whole


@pytest.mark.slow
def test_winners_are_measured_together_in_a_second_phase(run_arguments, environment, tmp_path):
    found = subprocess.run(
        command("run", "lighter", "combined", *run_arguments, "--json", "--runs-dir", tmp_path),
        capture_output=True, text=True, env=environment, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    whole = demand_a_stack(next(tmp_path.iterdir()))
    effort = whole.info.effort
    assert 0 < effort["working_s"] < effort["wall_s"]


@pytest.mark.slow
def test_a_second_phase_is_taken_up_again(run_arguments, environment, tmp_path):
    names = ("lighter", "combined")
    process, path = started_run(run_arguments, environment, tmp_path, records=14, names=names)
    process.kill()
    process.communicate(timeout=PATIENCE_S)
    kept = load_run(path)
    assert any(record.variant == STACKED for record in kept.records)
    resumed = subprocess.run(
        command("run", "--resume", path),
        capture_output=True, text=True, env=environment, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    assert resumed.returncode == 0, resumed.stderr
    assert demand_a_stack(path).records[: len(kept.records)] == kept.records


@pytest.mark.slow
def test_a_scenario_that_combines_needs_others(run_arguments, environment, tmp_path):
    found = subprocess.run(
        command("run", "combined", *run_arguments, "--runs-dir", tmp_path),
        capture_output=True, text=True, env=environment, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    assert found.returncode == 2
    assert "combined puts the winners of other scenarios together" in found.stderr
    assert not list(tmp_path.iterdir())
