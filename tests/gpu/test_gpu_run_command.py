"""A real run on a GPU, from the command to its records, against times that were taken apart from it."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import event_timer
import pytest
from gpu_steps import NUM_KERNELS, product

import reports

pytestmark = [pytest.mark.usefixtures("gpu"), pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]
MIB = 2**20


@pytest.fixture(scope="module")
def measured(gpu, tmp_path_factory):
    """Run the scenarios whose figures are known, and return what the run holds."""
    folder = tmp_path_factory.mktemp("run")
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [
            sys.executable, "-m", "benchsuite", "run", "--all", "--only-scenarios", str(Path(__file__).with_name("gpu_workloads.py")),
            "--runs-dir", str(folder), "--budget", "30s", "--json",
        ],
        env={**os.environ, "PYTHONPATH": paths}, cwd=folder, capture_output=True, text=True, check=False, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    json.loads(done.stdout)
    (run,) = folder.glob("*/run.json")
    return reports.load(run.parent)


def of(measured, work):
    return next(v for s in measured.scenarios for v in s.variants if v.settings["work"] == work)


def test_everything_is_measured_in_every_pass(measured):
    for variant in (v for s in measured.scenarios for v in s.variants):
        assert variant.sound, variant.reason
        assert {record.pass_ for record in variant.trials} == {"timing", "operators", "memory"}
        assert not variant.faults


def test_a_product_takes_as_long_as_independent_events_say(measured):
    step = product()
    count = event_timer.steps_in(step)
    true_ns = statistics.median(event_timer.device_ns(step, count) for _ in range(15))
    variant = of(measured, "product")
    found_ns = statistics.median(ns for record in variant.timings for ns in record.device_ns)
    # Another process at another moment, at other clocks: what is taken in turns is held to 2 %.
    assert found_ns == pytest.approx(true_ns, rel=0.05)


@pytest.mark.parametrize(("work", "launches"), [("kernels", NUM_KERNELS), ("captured-kernels", 1)])
def test_kernels_and_launches_stand_in_the_records(measured, work, launches):
    variant = of(measured, work)
    assert variant.metric("kernels") == NUM_KERNELS
    assert variant.metric("launches") == launches


def test_a_planted_peak_stands_in_the_records_to_the_byte(measured):
    assert of(measured, "planted-peak").metric("cuda_peak_allocated") == 96 * MIB


def test_the_page_shows_what_the_gpu_did(measured):
    page = (measured.run.path / "report.html").read_text(encoding="utf-8")
    assert "Are the figures of a GPU right?" in page
    assert measured.run.info.ceilings["cuda_copy_bytes_per_s"] > 0
