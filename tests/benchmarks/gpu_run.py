"""A run on a GPU that was made up, with the times, counts and amounts that a test wants."""

from __future__ import annotations

import dataclasses

from sample_run import make_info, trial

from benchsuite.record import CheckResult, OperatorRow
from benchsuite.store import Run

GPU = "NVIDIA H200"


def entry(name, variants, **more):
    """Return a scenario of the header; its variants are (id, settings, baseline)."""
    return {
        "name": name, "question": f"Does {name} pay?", "compare": "mode", "within": [], "metric": "step_time", "answer": "best",
        "once": False,
        "variants": [
            {"id": id_, "settings": settings, "context": {}, "baseline": baseline, "available": True, "reason": ""}
            for id_, settings, baseline in variants
        ],
        **more,
    }  # fmt: skip


def timings(scenario, id_, settings, step_ns, *, items=100, device_ns=None, baseline=False, **more):
    """Return three rounds of a variant on a GPU."""
    return [
        trial(
            id_, settings.get("mode", "plain"), round_, step_ns, scenario=scenario, settings=settings, baseline=baseline,
            device_ns=(round(device_ns or step_ns),) * 4, items_per_step=items, **more,
        )
        for round_ in range(3)
    ]  # fmt: skip


def profiled(scenario, id_, settings, kernel_ns=2_000.0, **metrics):
    """Return the operator pass of a variant: one kernel row of `metrics['kernels']` calls."""
    row = OperatorRow(
        "kernel", metrics.get("kernels", 1.0), 0.0, 0.0, self_device_ns=kernel_ns, total_device_ns=kernel_ns
    )
    return trial(
        id_, "plain", 0, 1.0, scenario=scenario, settings=settings, pass_="operators", turns=(), operators=(row,),
        metrics=metrics, group=f"{id_}/operators",
    )  # fmt: skip


EAGER = ("cuda_graphs[launch=eager]", {"launch": "eager"}, True)
GRAPH = ("cuda_graphs[launch=graph-of-10]", {"launch": "graph-of-10"}, False)
LARGE = ("batch_size[batch_size=2048,device=cuda]", {"batch_size": 2048, "device": "cuda"}, True)
SINGLE = (
    "batch_size[batch_size=1,phase=infer,device=cuda]",
    {"batch_size": 1, "phase": "infer", "device": "cuda"},
    False,
)


def gpu_run(path, *, graph_ns=400_000.0, large_ns=300_000.0, single_ns=25_000.0, broken=()):
    """Return a run in which ten captured steps, a large batch and one request take so long.

    Variants whose ids are in `broken` have a check that does not hold.
    """
    records = [
        *timings("cuda_graphs", *EAGER[:2], 440_000.0, baseline=True),
        profiled("cuda_graphs", *EAGER[:2], kernels=45.0, launches=45.0, flops=259.5e6, moved_bytes=43e6),
        *timings("cuda_graphs", *GRAPH[:2], graph_ns, items=1000),
        profiled("cuda_graphs", *GRAPH[:2], kernels=450.0, launches=1.0, device_idle_share=0.03),
        *timings("batch_size", *LARGE[:2], large_ns, items=2048, baseline=True),
        *timings("batch_size", *SINGLE[:2], 60_000.0, items=1, device_ns=single_ns),
    ]
    wrong = (CheckResult("equal to the reference", 1.0, 1e-3, "<=", ok=False),)
    for place, record in enumerate(records):
        if record.variant in broken and record.pass_ == "timing":
            records[place] = dataclasses.replace(record, checks=wrong)
    scenarios = (entry("cuda_graphs", [EAGER, GRAPH]), entry("batch_size", [LARGE, SINGLE]))
    return Run(path, make_info(scenarios=scenarios), tuple(records))
