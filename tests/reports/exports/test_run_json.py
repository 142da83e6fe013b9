from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1]))
from hostile_run import write_empty_run, write_hostile_run, write_interrupted_run

import reports
from reports.exports.run_json import run_json


def refuse(text: str) -> None:
    raise AssertionError(f"{text} is no JSON")


def test_it_holds_answers_figures_and_reasons(loaded) -> None:
    document = json.loads(run_json(loaded), parse_constant=refuse)
    assert document["schema"] == 1
    assert document["run"]["commit"] == loaded.run.info.commit
    compiled = next(s for s in document["scenarios"] if s["name"] == "compile")
    assert any("as fast as eager" in text for text in compiled["answers"])
    variants = {v["id"]: v for s in document["scenarios"] for v in s["variants"]}
    assert len(variants) == 41
    frame = loaded.variants.set_index("variant")
    assert variants["compile[mode=default]"]["step_ns"]["value"] == frame["step_ns"]["compile[mode=default]"]
    assert variants["batch_size[batch_size=2048]"]["faults"][0]["pass"] == "timing"
    assert variants["device[device=cuda]"]["outcome"] == "skipped"
    assert variants["training"]["step_ns"]["high"] is None


@pytest.mark.parametrize("write", [write_hostile_run, write_interrupted_run, write_empty_run])
def test_any_run_gives_json_without_nan(write, tmp_path) -> None:
    document = json.loads(run_json(reports.load(write(tmp_path))), parse_constant=refuse)
    assert document["problems"] or write is not write_interrupted_run
