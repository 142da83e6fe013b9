"""Builds a run directory of several kinds of scenarios with plausible samples, as the engine would leave it."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sample_scenarios import FIRST_STEP_S, PHASES, own_metrics, scenarios, step_time_ns

from benchsuite.record import CANARY, AllocationSite, CheckResult, OperatorRow, Record, RunInfo, Turn
from benchsuite.store import INFO_FILE, RECORDS_FILE, RunDirectory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

STARTED = "2026-03-02T09:14:07Z"
TURN_NS = 20e6
NUM_TURNS = 30
OPERATOR_SHARES = {
    "aten::mkldnn_convolution": (2, 0.31),
    "aten::convolution_backward": (2, 0.28),
    "aten::max_pool2d_with_indices": (2, 0.11),
    "aten::addmm": (2, 0.06),
    "aten::mm": (3, 0.05),
    "aten::_foreach_add_": (1, 0.04),
    "aten::clamp_min_": (3, 0.03),
    "aten::_log_softmax": (1, 0.01),
}


@dataclass
class Sampler:
    """Draws step times with a level for each round, noise for each turn, and now and then a stall."""

    random: random.Random = field(default_factory=lambda: random.Random(7))

    def turns(self, step_ns: float, place: int, members: int, level: float) -> tuple[Turn, ...]:
        own = step_ns * level * math.exp(self.random.gauss(0, 0.008))
        steps = max(2, round(TURN_NS / step_ns))
        found = []
        for index in range(NUM_TURNS):
            stall = 1.3 if self.random.random() < 0.03 else 1.0
            elapsed = steps * own * stall * math.exp(self.random.gauss(0, 0.02))
            found.append(Turn(index * members + place, steps, round(elapsed)))
        return tuple(found)

    def steps(self, turns: Sequence[Turn]) -> tuple[int, ...]:
        return tuple(
            round(turn.step_ns * math.exp(self.random.gauss(0, 0.03)))
            for turn in turns
            for _ in range(min(turn.steps, 3))
        )


def make_info(**changes: Any) -> RunInfo:
    """Make the header of the sample run."""
    return replace(
        RunInfo(
            command=("python", "-m", "benchsuite", "run", "--all"),
            started=STARTED,
            finished="2026-03-02T09:18:41Z",
            task="scenarios.mnist:task",
            task_name="MNIST CNN",
            data={"name": "MNIST, embedded subset", "train": "9,000 images", "sha256": "6f5fd2b1a8e1c07d"},
            scenarios=tuple(scenarios()),
            machine={
                "cpu_model": "Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz",
                "num_cores": 2,
                "memory_bytes": 8 * 2**30,
                "os": "Linux 6.1.0-28-amd64",
                "python": "3.11.9",
            },
            environments={
                "e1": {
                    "torch": "2.11.0+cpu",
                    "threads": 2,
                    "cuda": None,
                    "gpus": [],
                    "blas": "mkl",
                    "env": {"OMP_NUM_THREADS": "2"},
                }
            },
            options={"quick": False, "budget_s": 300, "rounds": 5},
            commit="979f04e2c1d4",
            left_out=("compile at more than 2 threads",),
            fitness=(
                {"name": "cores", "level": "ok", "message": "2 cores are free", "remedy": ""},
                {
                    "name": "load",
                    "level": "warn",
                    "message": "another process used 14 % of the machine before the run",
                    "remedy": "close it, or read the intervals with care",
                },
            ),
        ),
        **changes,
    )


def make_records(rounds: int = 5) -> list[Record]:
    """Make the records of the sample run."""
    sampler = Sampler()
    records = _training(sampler)
    for item in scenarios()[1:]:
        for phase in PHASES:
            members = [
                v for v in item["variants"] if v["context"].get("phase", "train") == phase and v["available"]
            ]
            if not members:
                continue
            if len(members) > 1:
                for number in range(rounds):
                    records += _group(sampler, item["name"], phase, number, members)
            else:
                records += _group(sampler, item["name"], phase, 0, members)
            records += [trial for member in members for trial in _other_passes(item["name"], phase, member)]
        records += [
            _record(item["name"], v, outcome="skipped", reason=v["reason"])
            for v in item["variants"]
            if not v["available"]
        ]
    return [_mend(record) for record in records]


def write_run(root: Path, info: RunInfo | None = None, records: Sequence[Record] | None = None) -> Path:
    """Write a run directory and return its path."""
    directory = RunDirectory(root / "20260302T091407Z-5ca1ab")
    directory.path.mkdir(parents=True)
    (directory.path / RECORDS_FILE).touch()
    directory.write_info(make_info() if info is None else info)
    assert (directory.path / INFO_FILE).is_file()
    lines = make_records() if records is None else records
    for record in lines:
        directory.append(record)
    return directory.path


def trial(variant: str, value: Any, repetition: int, step_ns: float, **more: Any) -> Record:
    """Make one timing trial of the scenario `layout`, which compares `mode`."""
    values: dict[str, Any] = {
        "variant": variant,
        "scenario": "layout",
        "settings": {"mode": value},
        "context": {},
        "baseline": value in {"plain", 1},
        "pass_": "timing",
        "repetition": repetition,
        "group": f"g{repetition}",
        "outcome": "completed",
        "started": "2026-03-02T09:14:07Z",
        "turns": tuple(Turn(order, 2, round(2 * step_ns)) for order in range(5)),
        "first_step_ns": round(10 * step_ns),
        "items_per_step": 100,
        "checks": (CheckResult("equal to the reference", 0.0, 1e-3, "<=", ok=True),),
    }
    return Record(**{**values, **more})


def _record(scenario: str, item: Mapping[str, Any], **values: Any) -> Record:
    head: dict[str, Any] = {
        "variant": item["id"],
        "scenario": scenario,
        "settings": item["settings"],
        "context": item["context"],
        "baseline": item["baseline"],
        "pass_": "timing",
        "repetition": 0,
        "group": "",
        "outcome": "completed",
        "started": STARTED,
        "environment": "e1",
        "threads": 2,
    }
    return Record(**{**head, **values})


def _group(
    sampler: Sampler, scenario: str, phase: str, number: int, members: Sequence[Mapping[str, Any]]
) -> list[Record]:
    level = math.exp(sampler.random.gauss(0, 0.05))
    group = f"{scenario}-{phase}-{number}"
    records = []
    for place, item in enumerate(members):
        step_ns, items = step_time_ns(scenario, phase, item["settings"])
        turns = sampler.turns(step_ns, place, len(members) + 1, level)
        mode = item["settings"].get("mode", "eager")
        compiled = scenario == "compile" and mode != "eager"
        first_s = FIRST_STEP_S[mode] * (1 if phase == "train" else 0.6)
        metrics = {"peak_rss": 4.1e8, "flops": 2.6e6 * items}
        metrics |= own_metrics(scenario, item["settings"])
        if compiled:
            metrics |= {"graph_breaks": 0.0, "recompiles": 1.0 if mode == "reduce-overhead" else 0.0}
        records.append(
            _record(
                scenario,
                item,
                repetition=number,
                group=group,
                compile_cache=("filled" if number else "empty") if compiled else "",
                first_step_ns=round(first_s * 1e9 * (0.11 if compiled and number else 1)),
                warmup_ns=tuple(round(step_ns * factor) for factor in (1.6, 1.2, 1.05)),
                settled=not (number == 2 and mode == "max-autotune"),
                step_ns=sampler.steps(turns),
                turns=turns,
                items_per_step=items,
                metrics=metrics,
                checks=(
                    CheckResult("largest difference from eager", 3.1e-6 * (place + 1), 1e-3, "<=", ok=True),
                ),
                contention={"wait_share": 0.283 if (scenario, number, place) == ("compile", 3, 1) else 0.004},
                duration_ns=4_000_000_000,
            )
        )
    canary = {"id": CANARY, "settings": {}, "context": {}, "baseline": False}
    turns = sampler.turns(1.9e6, len(members), len(members) + 1, level)
    if group == "compile-infer-4":
        turns = tuple(replace(t, elapsed_ns=round(t.elapsed_ns * (1 + 0.4 * (t.order % 2)))) for t in turns)
    records.append(
        _record(CANARY, canary, repetition=number, group=group, turns=turns, step_ns=sampler.steps(turns))
    )
    return records


def _other_passes(scenario: str, phase: str, item: Mapping[str, Any]) -> list[Record]:
    step_ns, items = step_time_ns(scenario, phase, item["settings"])
    heap = (3.1e6 + 2.2e5 * items) * (1.6 if phase == "train" else 1.0)
    heap *= 0.62 if "bf16-autocast" in item["settings"].values() else 1.0
    heap *= 1.9 if "memory" in item["settings"].values() else 1.0
    operators = tuple(
        OperatorRow(
            name, calls, share * step_ns, share * 1.2 * step_ns, shapes=f"{items}x1x28x28", flops=9e6 * share
        )
        for name, (calls, share) in OPERATOR_SHARES.items()
    )
    metrics = {
        "peak_heap": round(heap), "allocations": 412.0 if phase == "train" else 96.0, "leak": 0.0, "memray_overhead": 0.21,
    }  # fmt: skip
    stack = ("conv2d (torch/nn/functional.py:9)", "forward (scenarios/cnn.py:23)")
    sites = (
        AllocationSite("peak", heap * 0.6, 3, stack),
        AllocationSite(
            "peak", heap * 0.2, 1, ("dropout (torch/nn/functional.py:3)", "forward (scenarios/cnn.py:24)")
        ),
        AllocationSite("temporary", heap * 0.1, 2, stack),
    )
    seen = {"operators": 187.0, "profiler_overhead": 0.4, "synchronisations": 0.0}
    return [
        _record(scenario, item, pass_="memory", metrics=metrics, sites=sites),
        _record(scenario, item, pass_="operators", operators=operators, metrics=seen),
    ]


def _training(sampler: Sampler) -> list[Record]:
    item = scenarios()[0]["variants"][0]
    epochs = [round(2.84e9 * math.exp(sampler.random.gauss(0, 0.02))) for _ in range(20)]
    accuracy = [
        0.97 - 0.72 * math.exp(-number / 4.2) + sampler.random.gauss(0, 0.004) for number in range(1, 21)
    ]
    ends = [sum(epochs[: number + 1]) / 1e9 for number in range(20)]
    recalls = {f"recall_{digit}": 0.985 - 0.008 * ((digit * 7) % 10) for digit in range(10)}
    return [
        _record(
            "training",
            item,
            group="training",
            first_step_ns=epochs[0],
            step_ns=tuple(epochs),
            items_per_step=9000,
            metrics={
                "test_accuracy": 0.9615,
                "time_to_90_s": next(end for end, value in zip(ends, accuracy, strict=True) if value >= 0.9),
                **recalls,
            },
            series={
                "loss": tuple((n + 1.0, 2.2 * math.exp(-n / 3.1) + 0.12) for n in range(20)),
                "validation_accuracy": tuple((n + 1.0, value) for n, value in enumerate(accuracy)),
                "validation_accuracy_over_time": tuple(zip(ends, accuracy, strict=True)),
                "epoch_s": tuple((n + 1.0, ns / 1e9) for n, ns in enumerate(epochs)),
            },
            checks=(CheckResult("accuracy on the test images", 0.9615, 0.9, ">=", ok=True),),
        )
    ]


def _mend(record: Record) -> Record:
    """Turn one variant into the one that failed, as an out-of-memory kill leaves it."""
    if record.variant != "batch_size[batch_size=2048]" or record.pass_ != "timing":
        return record
    reason = "the worker was killed by signal 9 (out of memory?)\nlast lines of stderr:\n  allocating 1.4 GiB"
    return replace(
        record,
        outcome="failed",
        reason=reason,
        turns=(),
        step_ns=(),
        first_step_ns=None,
        checks=(),
        metrics={},
    )
