"""Builds two runs to compare: the second is slower, faster, hungrier and another work in one place each, on another torch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sample_run import make_info, make_records, write_run
from sample_verdict import HOSTILE

from benchsuite.record import CANARY, AllocationSite, CallRow, OperatorRow

if TYPE_CHECKING:
    from pathlib import Path

    from benchsuite.record import Record

SLOWER = "compile[mode=default]"
FASTER = "precision[precision=bf16-autocast]"
HUNGRIER = "batch_size[batch_size=512]"
COUNTED = "optimizer[form=foreach]"
OTHER_WORK = "loader[pipeline=memory]"
ONLY_A, ONLY_B, FAILED = "stack[data=memory]", "optimizer[form=fused]", "loader[pipeline=batched]"
TRACE = "artifacts/compile-mode=default/operators-0/trace.json.gz"
FLAMEGRAPH = "artifacts/batch_size-batch_size=512/memory-0/flamegraph.html"
KEPT_BYTES = 50_176.0
CALLER = "forward (model.py:31)"


def write_two(root: Path, rounds: int = 3) -> tuple[Path, Path]:
    """Write runs A and B into folders of their own and return their paths."""
    records = make_records(rounds)
    first = [_first(record) for record in records if record.variant != ONLY_B]
    second = [_second(record) for record in records if record.variant != ONLY_A]
    info = make_info()
    environments = {"e1": {**info.environments["e1"], "torch": "2.12.0+cpu"}}
    runs = (
        write_run(root / "a", info, [*first, _calls(records, 3.0)]),
        write_run(
            root / "b", make_info(environments=environments, commit="77aa04e2c1d4-dirty"), [*second, _calls(records, 4.0)]
        ),
    )  # fmt: skip
    for run, name in ((runs[0], TRACE), (runs[1], TRACE), (runs[1], FLAMEGRAPH)):
        file = run / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"what a pass has left")
    return runs


def _first(record: Record) -> Record:
    if record.pass_ == "operators" and record.variant == SLOWER:
        listed = {"operators": sum(row.calls for row in record.operators)}
        return replace(record, artifacts={"trace": TRACE}, metrics={**record.metrics, **listed})
    if record.pass_ == "memory" and record.variant == HUNGRIER:
        return replace(record, artifacts={"flamegraph": FLAMEGRAPH})
    return record


def _second(record: Record) -> Record:
    record = _first(record)
    match record.variant, record.pass_:
        case ("compile[mode=default]", "timing"):
            record = _scaled(record, 1.4)
        case ("compile[mode=default]", "operators"):
            own_ns = 14 * sum(row.self_cpu_ns for row in record.operators if "clamp" in row.name)
            more = OperatorRow("aten::clamp_min_", 5, own_ns, own_ns)
            kept = tuple(row for row in record.operators if "clamp" not in row.name)
            listed = {"operators": record.metrics["operators"] + 2}
            record = replace(record, operators=(*kept, more), metrics={**record.metrics, **listed})
        case ("precision[precision=bf16-autocast]", "timing"):
            record = _scaled(record, 0.7)
        case ("batch_size[batch_size=512]", "memory"):
            heap = record.metrics["peak_heap"]
            sites = (
                *record.sites,
                AllocationSite("peak", 0.3 * heap, 1, ("cat (torch/functional.py:7)", CALLER)),
                AllocationSite("leak", KEPT_BYTES, 1, ("append (torch/x.py:7)", "keep (model.py:44)")),
            )
            metrics = {**record.metrics, "peak_heap": 1.3 * heap, "leak": KEPT_BYTES}
            record = replace(record, sites=sites, metrics=metrics)
        case ("optimizer[form=foreach]", "operators"):
            record = replace(record, metrics={**record.metrics, "operators": 188.0})
        case ("loader[pipeline=memory]", "timing"):
            record = replace(record, items_per_step=record.items_per_step + 28)
        case ("loader[pipeline=batched]", "timing"):
            record = replace(
                record, outcome="failed", reason="the worker was killed", turns=(), step_ns=(), metrics={}
            )
    return record


def _scaled(record: Record, factor: float) -> Record:
    """Return a record whose steps take so many times as long."""
    turns = tuple(replace(turn, elapsed_ns=round(turn.elapsed_ns * factor)) for turn in record.turns)
    return replace(record, turns=turns, step_ns=tuple(round(ns * factor) for ns in record.step_ns))


def _calls(records: list[Record], number: float) -> Record:
    """Return the pass that counts calls of the slower variant."""
    like = next(record for record in records if record.variant == SLOWER and record.pass_ == "memory")
    rows = (CallRow("torch.clamp_min_", CALLER, number, 9e5 * number), CallRow(CALLER, "", 1.0, 2e5))
    return replace(
        like,
        pass_="calls",
        calls=rows,
        sites=(),
        metrics={"calls": number + 1},
        step_ns=(9_000_000, 9_100_000),
    )


def write_hostile(root: Path) -> tuple[Path, Path]:
    """Write two runs in which every name, message and value that a record or a header holds is hostile."""
    spoilt = [_spoil(record) for record in make_records(2)]
    changed = [
        replace(
            record,
            metrics={**record.metrics, **({"peak_heap": 9e9} if "peak_heap" in record.metrics else {})},
            operators=(*record.operators, OperatorRow(f"other{HOSTILE}", 1, 1e6, 1e6, shapes=HOSTILE)),
            sites=tuple(replace(site, size_bytes=site.size_bytes * 9) for site in record.sites),
            settings={**record.settings, HOSTILE: HOSTILE + HOSTILE},
        )
        for record in spoilt[:-9]
    ]
    info = make_info()
    scenarios = tuple(
        {
            **entry,
            "name": f"{entry['name']}{HOSTILE}",
            "question": HOSTILE,
            "variants": [{**variant, "id": f"{variant['id']}{HOSTILE}"} for variant in entry["variants"]],
        }
        for entry in info.scenarios
    )
    texts = {
        "scenarios": scenarios,
        "task": HOSTILE,
        "task_name": HOSTILE,
        "commit": HOSTILE,
        "started": HOSTILE,
    }
    environment = {HOSTILE: {HOSTILE: HOSTILE}, "env": HOSTILE}
    first = make_info(machine={HOSTILE: HOSTILE}, environments={"e1": environment}, finished=None, **texts)
    second = make_info(machine={"cpu_model": HOSTILE}, environments={"e1": {"torch": HOSTILE}}, **texts)
    runs = write_run(root / "a", first, spoilt), write_run(root / "b", second, changed)
    with (runs[1] / "records.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"variant": "<script>alert(1)</script>')
    return runs


def _spoil(record: Record) -> Record:
    if record.scenario == CANARY:
        return record
    return replace(
        record,
        variant=f"{record.variant}{HOSTILE}",
        scenario=f"{record.scenario}{HOSTILE}",
        reason=HOSTILE if record.reason else "",
        settings={**record.settings, HOSTILE: HOSTILE},
        operators=tuple(replace(row, name=f"{row.name}{HOSTILE}") for row in record.operators),
        sites=tuple(
            replace(site, stack=(f"<b>{HOSTILE}", f"f{HOSTILE} (x{HOSTILE}.py:3)")) for site in record.sites
        ),
        artifacts={HOSTILE: f"../{HOSTILE}", "trace": "javascript:alert(1)"},
    )
