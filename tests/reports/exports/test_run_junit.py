from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

sys.path.append(str(Path(__file__).parents[1]))
from hostile_run import write_empty_run, write_hostile_run, write_interrupted_run
from junit_schema import demand_schema
from sample_run import make_records, write_run

import reports
from benchsuite.record import CheckResult
from reports.exports.run_junit import run_junit
from reports.selection import select


def results(root: ET.Element) -> dict[str, tuple[str, str]]:
    found = {}
    for case in root.iter("testcase"):
        child = next((child for child in case if child.tag != "system-out"), None)
        found[case.attrib["name"]] = ("passed", "") if child is None else (child.tag, child.attrib["message"])
    return found


def test_each_outcome_has_its_result_and_reason(loaded) -> None:
    root = ET.fromstring(run_junit(loaded))  # noqa: S314 - this program wrote it
    demand_schema(root)
    found = results(root)
    assert len(found) == 41
    assert found["compile[mode=eager]"] == ("passed", "")
    assert found["batch_size[batch_size=2048]"][0] == "error"
    assert "timing pass failed: the worker was killed by signal 9" in found["batch_size[batch_size=2048]"][1]
    assert found["device[device=cuda]"][0] == "skipped"
    assert "no CUDA device" in found["device[device=cuda]"][1]
    error = root.find(".//testcase[@name='batch_size[batch_size=2048]']/error")
    assert "allocating 1.4 GiB" in error.text
    out = root.find(".//testcase[@name='compile[mode=max-autotune]']/system-out")
    assert "times as fast as its baseline" in out.text


def test_a_check_that_did_not_hold_is_a_failure(tmp_path) -> None:
    broken = CheckResult("equal to the reference", 0.2, 1e-3, "<=", ok=False)
    records = [
        replace(r, checks=(broken,)) if r.variant == "compile[mode=default]" and r.checks else r
        for r in make_records()
    ]
    root = ET.fromstring(run_junit(reports.load(write_run(tmp_path, records=records))))  # noqa: S314
    demand_schema(root)
    kind, message = results(root)["compile[mode=default]"]
    assert kind == "failure"
    assert "failed its check “equal to the reference” (0.200, demanded <= 0.00100)" in message


@pytest.mark.parametrize("write", [write_hostile_run, write_interrupted_run, write_empty_run])
def test_any_run_gives_a_document_that_can_be_read(write, tmp_path) -> None:
    text = run_junit(reports.load(write(tmp_path)))
    root = ET.fromstring(text.encode("utf-8"))  # noqa: S314
    demand_schema(root)
    assert not set(text) & set("\x00\x1b\ufffe\ud800")


def test_an_interrupted_run_says_so_and_what_it_did_not_reach(tmp_path) -> None:
    root = ET.fromstring(run_junit(reports.load(write_interrupted_run(tmp_path))))  # noqa: S314
    assert results(root)["compile[mode=eager]"] == ("skipped", "not measured: the run ended before its turn.")
    problems = [p.attrib["value"] for p in root.iter("property") if p.attrib["name"] == "problem"]
    assert any("The run was interrupted" in text for text in problems)


def test_variants_that_were_left_out_on_demand_are_not_there(loaded) -> None:
    text = run_junit(select(loaded, ["compile[mode=eager]"]))
    root = ET.fromstring(text)  # noqa: S314
    assert list(results(root)) == ["compile[mode=eager]"]
    assert not [p for p in root.iter("property") if p.attrib["name"] == "answer"]
