"""The memory and operator passes, in real forked workers, on work whose figures are known."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from types import SimpleNamespace

import pytest
from torch._C._autograd import DeviceType

from benchsuite.launcher import Zygote, can_fork
from benchsuite.record import LEAK_LIMIT_BYTES
from benchsuite.worker import operators
from benchsuite.worker.operators import KEPT_ROWS
from benchsuite.worker.protocol import TrialSpec

pytestmark = pytest.mark.skipif(not can_fork(), reason="no safe fork here")
MIB = 2**20
PATIENCE_S = 120


@pytest.fixture(scope="module")
def zygote():
    started = Zygote({})
    yield started
    started.stop()


@pytest.fixture
def run_in(workloads, tmp_path):
    """Return a function that runs one pass in a fresh process of a zygote."""

    def run(zygote, pass_, scenario, **settings):
        spec = TrialSpec(
            scenario=scenario, module="benchsuite_user_workloads", file=str(workloads), settings=settings, pass_=pass_,
            task_module="benchsuite_user_workloads", task_file=str(workloads), task_attribute="task", threads=1,
            artifacts=str(tmp_path),
        )  # fmt: skip
        worker = zygote.start()
        worker.send(spec.to_json())
        message = worker.receive(PATIENCE_S)
        worker.end()
        return message

    return run


@pytest.fixture
def result(zygote, run_in):
    return partial(run_in, zygote)


def hungry(result, held_mib=0, lost_in_steps_mib=0):
    return result("memory", "hungry", held_mib=held_mib, lost_in_steps_mib=lost_in_steps_mib)["metrics"]


def counts(metrics):
    """Leave out what is a time."""
    return {name: value for name, value in metrics.items() if not name.endswith("_overhead")}


def test_what_is_held_is_found_to_the_byte(result):
    lean = hungry(result)["peak_heap"]
    for held_mib in (1, 8):
        assert hungry(result, held_mib)["peak_heap"] - lean == held_mib * MIB


def test_a_peak_within_a_step_is_found(result):
    assert hungry(result, lost_in_steps_mib=8)["peak_heap"] >= hungry(result)["peak_heap"] + 8 * MIB - 1024


def test_room_for_small_objects_is_there_before_they_are_counted(tmp_path):
    # An arena of 1 MiB that a capture happens to need would be counted as if the work had asked for it.
    code = """
import sys
from memray import FileReader, Tracker
from benchsuite.worker.memory import reserve_small_blocks

def peak(path):
    with Tracker(path):
        held = [bytes(400) for _ in range(20_000)]
    return FileReader(path).metadata.peak_memory

reserve = reserve_small_blocks()
print(peak(sys.argv[1]))
del reserve
print(peak(sys.argv[2]))
"""
    command = [sys.executable, "-c", code, tmp_path / "with.bin", tmp_path / "without.bin"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    reserved, unprepared = map(int, ran.stdout.split())
    assert reserved < 2**20
    assert unprepared > 8 * 2**20


def test_counts_repeat_exactly_in_fresh_processes(result):
    assert len({tuple(sorted(counts(hungry(result, 1)).items())) for _ in range(3)}) == 1
    steady = [result("operators", "steady", rounds=3)["metrics"] for _ in range(3)]
    assert len({tuple(sorted(counts(metrics).items())) for metrics in steady}) == 1


@pytest.fixture(scope="module")
def two_zygotes(zygote):
    """Return two zygotes: the processes of either share the layout of their addresses."""
    other = Zygote({})
    yield zygote, other
    other.stop()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scenario", "settings", "leaks"),
    [
        ("trained", {}, False),
        ("hungry", {"held_mib": 1, "lost_in_steps_mib": 1}, False),
        ("leaky", {"kind": "tensor"}, True),
        ("leaky", {"kind": "object"}, True),
    ],
)
def test_memory_repeats_exactly_over_ten_processes(two_zygotes, run_in, scenario, settings, leaks):
    def measured(number):
        zygote = two_zygotes[number % 2]
        metrics = counts(run_in(zygote, "memory", scenario, **settings)["metrics"])
        assert set(metrics) == {"peak_heap", "allocations", "temporary_allocations", "leak"}
        assert (metrics["leak"] > LEAK_LIMIT_BYTES) == leaks
        return tuple(sorted(metrics.items()))

    assert len({measured(number) for number in range(10)}) == 1


def test_allocations_are_counted_by_the_step(result):
    assert hungry(result, lost_in_steps_mib=8)["allocations"] >= 1


def test_the_lines_behind_the_peak_are_told(result):
    sites = result("memory", "hungry", held_mib=8, lost_in_steps_mib=4)["sites"]
    held, lost, *_ = (site for site in sites if site["kind"] == "peak")
    assert held["size_bytes"] == pytest.approx(8 * MIB, abs=1024)
    assert lost["size_bytes"] == pytest.approx(4 * MIB, abs=1024)
    assert held["stack"][0].startswith("hungry (workloads.py:")
    assert lost["stack"][0].startswith("step (workloads.py:")


def test_the_heap_is_drawn_over_time(result):
    points = result("memory", "hungry", held_mib=8)["series"]["heap_over_time"]
    assert points
    assert max(y for _, y in points) <= hungry(result, 8)["peak_heap"]


def test_memory_that_is_freed_at_once_is_counted_by_the_step(result):
    assert hungry(result, lost_in_steps_mib=8)["temporary_allocations"] >= 1


@pytest.mark.parametrize(
    ("kind", "low", "high"), [("none", -64, 64), ("tensor", 4000, 5000), ("object", 1000, 1600)]
)
def test_what_a_step_leaves_behind_is_found_with_its_line(result, tmp_path, kind, low, high):
    found = result("memory", "leaky", kind=kind)
    assert low <= found["metrics"]["leak"] <= high
    sites = [site for site in found["sites"] if site["kind"] == "leak"]
    if kind != "none":
        assert sites[0]["stack"][0].startswith("step (workloads.py:")
        page = (tmp_path / found["artifacts"]["flamegraph"]).read_text()
        assert "<html" in page
        assert '<script src="http' not in page
    else:
        assert not list(tmp_path.iterdir())
    assert found["problems"] == []


def test_operators_and_flops_are_those_of_one_step(result, tmp_path):
    found = result("operators", "steady", rounds=3)
    rows = {row["name"]: row for row in found["operators"]}
    assert rows["aten::mm"]["calls"] == 3
    assert rows["aten::mm"]["self_cpu_ns"] > 0
    assert found["metrics"]["flops"] == 3 * 2 * 200**3
    assert len(rows) <= KEPT_ROWS
    assert (tmp_path / found["artifacts"]["trace"]).stat().st_size > 0
    assert not (tmp_path / "trace.json").exists()


def test_annotations_are_not_among_the_operators(result):
    found = result("operators", "trained")
    assert any(row["name"] == "aten::addmm" for row in found["operators"])
    assert not any(row["name"].startswith("Optimizer.") for row in found["operators"])


@pytest.mark.parametrize(
    ("name", "device_type", "counts"),
    [
        ("aten::mm", DeviceType.CPU, True),
        ("mkldnn::_convolution_pointwise", DeviceType.CPU, True),
        ("autograd::engine::evaluate_function: AddmmBackward0", DeviceType.CPU, False),
        ("torch::autograd::AccumulateGrad", DeviceType.CPU, False),
        ("AddmmBackward0", DeviceType.CPU, False),
        ("cudaLaunchKernel", DeviceType.CPU, False),
        ("Torch-Compiled Region: 0/0", DeviceType.CPU, False),
        ("at::native::vectorized_elementwise_kernel", DeviceType.CUDA, False),
    ],
)
def test_what_counts_as_an_operator(name, device_type, counts):
    assert operators._is_operator(SimpleNamespace(key=name, device_type=device_type)) == counts


@pytest.mark.parametrize("pass_", ["memory", "operators"])
def test_work_of_fixed_length_has_no_such_pass(result, pass_):
    message = result(pass_, "fixed_length", steps=5)
    assert message["event"] == "skipped"
    assert "fixed length" in message["reason"]


def test_captures_are_not_left_behind(result, tmp_path):
    hungry(result)
    assert not list(tmp_path.iterdir())
