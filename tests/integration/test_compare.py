"""Two real runs, the second with planted faults: `compare` names each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchsuite.store import load_run

PLANTED = Path(__file__).with_name("planted.py")
PATIENCE_S = 240

pytestmark = pytest.mark.slow


def benchsuite(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "benchsuite", *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=PATIENCE_S, env={**os.environ, **environment},
    )  # fmt: skip


@pytest.fixture(scope="module")
def runs(workloads, tmp_path_factory):
    """Return the directories of a clean run and of one with the faults."""
    folder = tmp_path_factory.mktemp("compare")
    (folder / "tmp").mkdir()
    own = {"BENCHSUITE_CACHE_DIR": str(folder / "cache"), "TMPDIR": str(folder / "tmp")}
    found = []
    for faults in ({}, {"PLANTED": "1"}):
        ended = benchsuite(
            *("run", "planted", "--only-scenarios", PLANTED, "--task", f"{workloads}:task", "--threads", "1"),
            *("--budget", "1s", "--json", "--runs-dir", folder / "runs"),
            **own,
            **faults,
        )
        assert ended.returncode == 0, ended.stderr
        found.append(Path(json.loads(ended.stdout)["run"]))
    return found


@pytest.fixture(scope="module")
def difference(runs):
    ended = benchsuite("compare", *runs, "--json")
    assert ended.returncode == 0, ended.stderr
    return {variant["variant"]: variant for variant in json.loads(ended.stdout)["variants"]}


def named(difference, fault):
    return {cause["name"]: cause for cause in difference[f"planted[fault={fault}]"]["causes"]}


def test_what_did_not_change_has_the_same_counts(difference):
    assert not [cause for cause in named(difference, "none").values() if cause.get("counted")]


def test_a_second_convolution_is_named(difference):
    cause = named(difference, "convolution")["aten::convolution"]
    assert (cause["a"], cause["b"]) == (1, 2)
    said = difference["planted[fault=convolution]"]["sentences"]
    assert any("aten::mkldnn_convolution is called 2 times a step instead of 1" in text for text in said)


@pytest.mark.parametrize(
    ("fault", "operators"),
    [("item", {"aten::item", "aten::_local_scalar_dense"}), ("clone", {"aten::clone", "aten::copy_"})],
)
def test_a_wait_for_a_value_and_an_unneeded_copy_are_named(difference, fault, operators):
    causes = named(difference, fault)
    assert operators <= causes.keys()
    assert all((causes[name]["a"], causes[name]["b"]) == (0, 1) for name in operators)
    said = " ".join(difference[f"planted[fault={fault}]"]["sentences"])
    assert all(f"{name} is called 1 time a step instead of 0" in said for name in operators)


def test_a_graph_break_is_named(difference):
    assert "1 graph break instead of 0" in difference["planted[fault=graph_break]"]["sentences"]


def test_attributed_and_unattributed_are_the_whole_change(difference):
    for variant in difference.values():
        explained = sum(cause.get("explained_ns", 0.0) for cause in variant["causes"])
        assert explained + variant["unattributed_ns"] == pytest.approx(variant["change_ns"], abs=1e-3)


def test_the_terminal_tells_the_same(runs, difference):
    ended = benchsuite("compare", *runs)
    assert ended.returncode == 0
    for variant in difference.values():
        for sentence in variant["sentences"] if variant["causes"] else ():
            assert f"  {sentence}" in ended.stdout.splitlines()


def test_what_a_step_keeps_is_named(difference):
    causes = named(difference, "leak")
    # 20 steps of the memory pass, 16 x 28 x 28 floats each.
    assert causes["peak_heap"]["b"] - causes["peak_heap"]["a"] > 19 * 50_176
    assert causes["leak"]["a"] < 64
    assert causes["leak"]["b"] == pytest.approx(50_176, rel=0.02)


def test_operators_are_profiled_as_steps_are_timed(runs):
    records = [r for r in load_run(runs[0]).records if r.variant == "planted[fault=none]"]
    environments = {r.pass_: r.environment for r in records}
    assert environments["operators"] == environments["timing"] != environments["memory"]
