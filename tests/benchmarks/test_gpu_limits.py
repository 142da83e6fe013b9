from __future__ import annotations

import dataclasses
import json

import gpu_limits
import pytest
from gpu_limits import Limits, Row
from gpu_run import EAGER, GRAPH, LARGE, gpu_run

import reports

LIMITS = Limits(
    gpu="NVIDIA H200",
    torch="2.11.0",
    cuda="13.0",
    taken="2026-12-01T00:00:00Z",
    flops_per_s={"float32": 50e12, "tf32": 400e12, "bfloat16": 800e12},
    copy_bytes_per_s=4.3e12,
    host_bytes_per_s={"pinned to device": 50e9},
    launch_ns=4_000.0,
    kernel_ns=1_500.0,
    graph_node_ns=1_000.0,
    graph_launch_ns=10_000.0,
)


@pytest.fixture
def found(tmp_path):
    rows = gpu_limits.rows(reports.load(gpu_run(tmp_path)).scenarios, LIMITS)
    return {row.variant: row for row in rows}


def test_an_eager_step_is_a_multiple_of_its_launches(found):
    row = found[EAGER[0]]
    assert row.products_ns == pytest.approx(259.5e6 / 50e12 * 1e9)
    assert row.copies_ns == pytest.approx(43e6 / 4.3e12 * 1e9)
    assert row.launches_ns == 45 * 4_000
    assert row.kernels_ns == 45 * 1_000
    assert row.bound == ("launches", 180_000)
    assert row.multiple == pytest.approx(440 / 180)
    assert not row.borrowed


def test_a_captured_step_is_bound_by_its_kernels_and_does_the_baselines_work_ten_times(found):
    row = found[GRAPH[0]]
    assert row.borrowed
    assert row.products_ns == pytest.approx(10 * found[EAGER[0]].products_ns)
    assert row.launches_ns is None
    assert row.bound == ("kernels", 450_000)
    assert row.multiple == pytest.approx(400 / 450)


def test_what_was_not_counted_bounds_nothing(found):
    row = found[LARGE[0]]
    assert row.bound is None
    assert row.multiple is None


def test_products_are_held_against_their_own_number_format(tmp_path):
    run = gpu_run(tmp_path)
    eager = next(r for r in run.records if r.pass_ == "operators")
    for value, limit in (("tf32", 400e12), ("bf16-autocast", 800e12), ("fp16-autocast", 50e12)):
        changed = [
            dataclasses.replace(r, settings={"launch": value}) if r.variant == eager.variant else r
            for r in run.records
        ]
        scenarios = json.loads(json.dumps(run.info.scenarios))
        scenarios[0]["variants"][0]["settings"] = {"launch": value}
        info = dataclasses.replace(run.info, scenarios=tuple(scenarios))
        data = reports.load(dataclasses.replace(run, info=info, records=tuple(changed)))
        row = gpu_limits.rows(data.scenarios, LIMITS)[0]
        assert row.products_ns == pytest.approx(259.5e6 / limit * 1e9)


def test_a_variant_on_a_cpu_has_no_row(sample):
    assert gpu_limits.rows(sample[1].scenarios, LIMITS) == []


def test_the_table_shows_limits_and_multiples(found):
    text = gpu_limits.table(LIMITS, list(found.values()))
    assert "| product, bfloat16 | 800.0 TFLOP/s |" in text
    assert "| copy within the GPU, read and written | 4.30 TB/s |" in text
    assert "| cuda_graphs[launch=eager] | 440.0 | 5.2 | 10.0 | — | 180.0 | 45.0 | 2.4 x launches |" in text
    assert "| cuda_graphs[launch=graph-of-10] * | 400.0 |" in text
    assert f"| {LARGE[0]} | 300.0 | — | — | — | — | — | — |" in text


def test_the_largest_limit_is_the_bound():
    row = Row(
        scenario="s", variant="v", step_ns=100.0, products_ns=10.0, copies_ns=40.0, transfers_ns=None, launches_ns=None,
        kernels_ns=20.0, borrowed=False,
    )  # fmt: skip
    assert row.bound == ("copies", 40.0)
    assert row.multiple == 2.5


def test_limits_are_read_as_they_were_written(tmp_path):
    path = tmp_path / "limits.json"
    path.write_text(json.dumps(dataclasses.asdict(LIMITS)))
    assert gpu_limits.read(path) == LIMITS


@pytest.mark.parametrize("content", [None, "", "[]", '{"gpu": "x"}', "{"])
def test_another_file_is_refused_in_a_line(tmp_path, content):
    path = tmp_path / "limits.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SystemExit, match="not the limits of a GPU"):
        gpu_limits.read(path)


def test_without_a_gpu_nothing_is_measured(tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(SystemExit, match="no CUDA device"):
        gpu_limits.main(["measure", str(tmp_path / "limits.json")])
    assert not (tmp_path / "limits.json").exists()
