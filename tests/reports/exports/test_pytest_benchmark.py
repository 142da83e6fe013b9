from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_benchmark.stats import Stats

sys.path.append(str(Path(__file__).parents[1]))
from hostile_run import write_empty_run, write_hostile_run

import reports
from reports.exports.pytest_benchmark import pytest_benchmark, statistics_of


@given(st.lists(st.floats(1e-9, 1e3), min_size=1, max_size=40))
def test_statistics_are_those_of_pytest_benchmark(samples: list[float]) -> None:
    theirs = Stats()
    for value in samples:
        theirs.update(value)
    ours = statistics_of(samples)
    for name in ("min", "max", "mean", "stddev", "rounds", "median", "iqr", "q1", "q3", "ops", "total"):
        assert math.isclose(ours[name], getattr(theirs, name), rel_tol=1e-9, abs_tol=1e-12), name
    if len(set(samples)) == len(samples):
        assert ours["ld15iqr"] == theirs.ld15iqr
        assert ours["hd15iqr"] == theirs.hd15iqr


def test_samples_that_are_all_alike_have_no_outliers() -> None:
    found = statistics_of([0.1] * 7)
    assert found["ld15iqr"] == found["hd15iqr"] == 0.1


def test_a_benchmark_is_a_timed_variant_and_the_others_stand_beside_with_the_reason(loaded) -> None:
    document = json.loads(pytest_benchmark(loaded))
    names = [benchmark["name"] for benchmark in document["benchmarks"]]
    assert len(names) == 37
    left = {entry["variant"]: entry for entry in document["benchsuite"]["not_measured"]}
    assert left["batch_size[batch_size=2048]"]["outcome"] == "failed"
    assert "signal 9" in left["batch_size[batch_size=2048]"]["reason"]
    assert left["device[device=cuda]"]["outcome"] == "skipped"
    assert not set(names) & set(left)
    step_ns = loaded.variants.set_index("variant")["step_ns"]
    for benchmark in document["benchmarks"]:
        assert benchmark["stats"]["median"] == pytest.approx(step_ns[benchmark["name"]] / 1e9, rel=0.1)
        assert benchmark["stats"]["rounds"] == len(benchmark["stats"]["data"])


@pytest.mark.slow
def test_pytest_benchmark_compares_two_exports(loaded, tmp_path) -> None:
    document = pytest_benchmark(loaded)
    for name in ("before", "after"):
        (tmp_path / f"{name}.json").write_text(document, encoding="utf-8")
    command = [
        sys.executable, "-m", "pytest_benchmark", "compare", "before.json", "after.json", "--group-by=fullname",
        "--csv=table",
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL
    )
    assert "compile[mode=max-autotune]" in done.stdout
    assert "before" in done.stdout
    assert "Failed to load" not in done.stdout + done.stderr
    assert len((tmp_path / "table.csv").read_text(encoding="utf-8").splitlines()) == 1 + 2 * 37


@pytest.mark.slow
@pytest.mark.parametrize("write", [write_hostile_run, write_empty_run])
def test_pytest_benchmark_reads_hostile_names_and_nothing_at_all(write, tmp_path) -> None:
    text = pytest_benchmark(reports.load(write(tmp_path)))
    (tmp_path / "run.json").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "pytest_benchmark", "compare", "run.json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, stdin=subprocess.DEVNULL)
    assert b"Failed to load" not in done.stdout + done.stderr
    assert not set(b"\x00\x1b") & set(done.stdout)
    assert (b"Name (time in" in done.stdout) == (write is write_hostile_run)
