"""The self-test through the real gate, and its command's report."""

from __future__ import annotations

import json

import pytest

from benchsuite.__main__ import main
from benchsuite.commands import gate_self_test
from benchsuite.commands.gate_self_test import self_test
from benchsuite.errors import NotComparableError, NothingMeasuredError
from benchsuite.gate.self_test.decisions import Decision
from benchsuite.gate.self_test.plan import NONE, Batch, Planned, Plant
from benchsuite.gate.verdict import Finding
from benchsuite.terminal import Terminal

TINY = (
    Batch(
        number=0, part="time", load=1, seed=3,
        decisions=(Planned("infer[copy=0]", NONE), Planned("train_small[copy=1]", Plant("slowdown", 0.5))),
    ),
    Batch(
        number=1, part="exact", load=0, seed=4,
        decisions=(
            Planned("infer[copy=0]", NONE), Planned("infer[copy=1]", Plant("operator")), Planned("infer[copy=2]", Plant("leak")),
            Planned("train_small[copy=3]", Plant("memory")), Planned("infer[copy=4]", Plant("check")),
        ),
    ),
)  # fmt: skip


@pytest.fixture(autouse=True)
def tiny(tmp_path_factory, monkeypatch):
    """Plan two batches, and keep the machine's lock out of it."""
    monkeypatch.setenv("TMPDIR", str(tmp_path_factory.mktemp("tmp")))
    monkeypatch.setattr("benchsuite.gate.self_test.plan.make_plan", lambda *_: TINY)


def measure(folder, capsys, **options):
    self_test(
        folder,
        options.pop("resume", None),
        (0, 1),
        0,
        folder,
        Terminal(quiet_stdout=True),
        as_json=True,
        **options,
    )
    captured = capsys.readouterr()
    return json.loads(captured.out), captured.err


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_real_gate_finds_what_is_planted_and_nothing_else(tmp_path, capsys):
    document, said = measure(tmp_path / "kept", capsys, limit=1)
    assert document["decisions"] == 2
    assert "1 of 2 batches are open" in said
    assert f"--resume {tmp_path / 'kept'}" in said
    document, said = measure(None, capsys, resume=tmp_path / "kept")
    assert document["decisions"] == 7
    called = {(row["plant"]["kind"], row["part"]): row["called"]["hits"] for row in document["rows"]}
    planted = {("slowdown", "time"), *((kind, "exact") for kind in ("operator", "leak", "memory", "check"))}
    assert called == {**dict.fromkeys(planted, 1), ("none", "time"): 0, ("none", "exact"): 0}
    assert {row["rule"] for row in document["rivals"]} > {"this gate", "pyperf compare_to"}
    page = (tmp_path / "kept" / "gate-accuracy.md").read_text()
    assert "| 50 % slower | 1 | 1 of 1: 100.0 %" in page


def test_a_self_test_that_decided_nothing_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("benchsuite.gate.self_test.runner.run_batches", lambda *_: 2)
    with pytest.raises(NothingMeasuredError, match="--resume"):
        self_test(tmp_path / "kept", None, (0,), 0, tmp_path, Terminal(quiet_stdout=True), as_json=False)


def test_an_interrupted_one_says_how_to_go_on(tmp_path, monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("benchsuite.gate.self_test.runner.run_batches", interrupted)
    with pytest.raises(KeyboardInterrupt):
        self_test(None, None, (0,), 0, tmp_path, Terminal(quiet_stdout=True), as_json=False)
    (kept,) = tmp_path.iterdir()
    assert kept.name.startswith("self-test-")
    assert f"--resume {kept}" in capsys.readouterr().err
    assert not (kept / "gate-accuracy.md").exists()


def test_an_interrupted_one_tells_what_it_has_decided(tmp_path, monkeypatch, capsys):
    def decided_one_batch(batches, directory, *_):
        directory.append([
            Decision(
                batch=0, part="time", load=0, variant=planned.variant, plant=planned.plant, rivals={}, batch_seconds=1.0, run="runs/a",
                findings=(Finding(scenario="infer", variant=planned.variant, metric="step_time", verdict="unchanged"),),
            )
            for planned in batches[0].decisions
        ])  # fmt: skip
        raise KeyboardInterrupt

    monkeypatch.setattr("benchsuite.gate.self_test.runner.run_batches", decided_one_batch)
    with pytest.raises(KeyboardInterrupt):
        self_test(tmp_path / "kept", None, (0,), 0, tmp_path, Terminal(quiet_stdout=True), as_json=False)
    page = tmp_path / "kept" / "gate-accuracy.md"
    assert str(page) in capsys.readouterr().err
    assert "2 of 7 decisions" in page.read_text()


def test_the_parts_are_those_of_the_plan():
    from benchsuite.gate.self_test.plan import PARTS

    assert gate_self_test.PARTS == PARTS


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"commit": "0123abcd"}, "commit was 0123abcd, is "),
        ({"versions": {"torch": "0.1"}}, "torch was 0.1, is "),
        ({"machine": {"cpu_model": "Planted 1"}}, "machine.cpu_model was Planted 1, is "),
    ],
)
def test_it_is_not_resumed_with_other_code_versions_or_another_machine(tmp_path, monkeypatch, change, said):
    monkeypatch.setattr("benchsuite.gate.self_test.runner.run_batches", lambda *_: 0)
    kept, out = tmp_path / "kept", Terminal(quiet_stdout=True)
    with pytest.raises(NothingMeasuredError):
        self_test(kept, None, (0,), 0, tmp_path, out, as_json=False)
    with pytest.raises(NothingMeasuredError):
        self_test(None, kept, (0,), 0, tmp_path, out, as_json=False)
    header = json.loads((kept / "self-test.json").read_text())
    for key, value in change.items():
        header[key] = {**header[key], **value} if isinstance(value, dict) else value
    (kept / "self-test.json").write_text(json.dumps(header))
    with pytest.raises(NotComparableError) as caught:
        self_test(None, kept, (0,), 0, tmp_path, out, as_json=False)
    assert said in str(caught.value)
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("resumed", [False, True])
def test_on_a_machine_without_a_gpu_one_on_cuda_is_refused_in_a_line(tmp_path, monkeypatch, capsys, resumed):
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr("benchsuite.environment.unmet", lambda _: None)
    monkeypatch.setattr("benchsuite.gate.self_test.runner.run_batches", lambda *_: 0)
    kept = tmp_path / "kept"
    with pytest.raises(NothingMeasuredError):
        self_test(kept, None, (0,), 0, tmp_path, Terminal(quiet_stdout=True), as_json=False, device="cuda")
    assert json.loads((kept / "self-test.json").read_text())["device"] == "cuda"
    monkeypatch.setattr("benchsuite.environment.unmet", lambda _: "no NVIDIA GPU is visible")
    options = (
        ["--resume", str(kept)] if resumed else ["--device", "cuda", "--runs-dir", str(tmp_path / "runs")]
    )
    capsys.readouterr()
    assert main(["gate", "--self-test", *options]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "a self-test on CUDA cannot run here: no NVIDIA GPU is visible" in line
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "option", [("--load", "1"), ("--device", "cpu"), ("--seed", "3"), ("--runs-dir", "elsewhere")]
)
def test_beside_resume_what_would_be_ignored_is_refused(tmp_path, capsys, monkeypatch, option):
    monkeypatch.setattr("signal.signal", lambda *_: None)
    assert main(["gate", "--self-test", "--resume", str(tmp_path), *option]) == 2
    assert f"leave out {option[0]}" in capsys.readouterr().err
