"""Builds runs whose names and messages are attacks, and runs that are not whole."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from sample_run import make_info, make_records, trial, write_run
from sample_verdict import HOSTILE

from benchsuite.record import AllocationSite, CheckResult, OperatorRow

if TYPE_CHECKING:
    from pathlib import Path

    from benchsuite.record import Record

FORMULA = '=HYPERLINK("https://example.org","x")'


def write_hostile_run(root: Path) -> Path:
    """Write a run in which everything that a scenario or a machine may name is hostile."""
    name = HOSTILE[:300]
    variants = [f"{name}[mode={FORMULA}]", f"+{name}[mode=plain]", f"@{name}[mode=gone]"]
    entry = {
        "name": name,
        "question": HOSTILE,
        "compare": name,
        "variants": [
            {
                "id": id_,
                "settings": {name: value, "size": 10**30, FORMULA: True},
                "context": {"device": name},
                "baseline": place == 1,
                "available": place < 2,
                "reason": HOSTILE if place == 2 else "",
            }
            for place, (id_, value) in enumerate(zip(variants, (FORMULA, "plain", None), strict=True))
        ],
    }
    records = [
        trial(
            id_,
            FORMULA,
            repetition,
            1e6 + repetition,
            scenario=name,
            baseline=id_ == variants[1],
            context={"device": name},
            group=f"{name}{repetition}",
            environment=name,
            metrics={name: 1.0, "peak_heap": 2.0},
            series={name: ((0.5, 1.0), (1.5, float("nan")))},
            checks=(CheckResult(HOSTILE, None, 1.0, "<=", ok=id_ == variants[1]),),
        )
        for id_ in variants[:2]
        for repetition in range(3)
    ]
    records += [
        trial(
            variants[0], FORMULA, 0, 1.0, scenario=name, pass_="memory", turns=(), reason=HOSTILE, outcome="failed",
            sites=(AllocationSite("peak", 10.0, 1, (name, FORMULA)),),
            operators=(OperatorRow(FORMULA, 1.0, 1.0, 1.0, shapes=name),),
        )
    ]  # fmt: skip
    info = make_info(
        scenarios=(entry,), task_name=HOSTILE, command=(HOSTILE,), commit=HOSTILE, machine={"os": HOSTILE}
    )
    return write_run(root, info, records)


def write_interrupted_run(root: Path) -> Path:
    """Write a run that was killed after its second question, in the middle of a line."""
    path = write_run(root, make_info(finished=None), _first_questions())
    with (path / "records.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"schema": 1, "variant": "comp')
    return path


@functools.cache
def _first_questions() -> list[Record]:
    return [record for record in make_records() if record.scenario in {"training", "batch_size"}]


def write_empty_run(root: Path) -> Path:
    """Write a run in which no trial was completed."""
    return write_run(root, make_info(finished=None), [])
