from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).parents[1]))
from junit_schema import demand_schema
from sample_verdict import exact_finding, hostile_verdict, make_verdict, time_finding

from reports.exports import junit


def test_each_verdict_has_its_result() -> None:
    root = ET.fromstring(junit(make_verdict()))  # noqa: S314 - this program wrote it
    demand_schema(root)
    found = {}
    for case in root.iter("testcase"):
        results = [child for child in case if child.tag != "system-out"]
        found[case.attrib["name"]] = results[0].tag if results else "passed"
    assert found["device[device=cpu,phase=train]: step time"] == "failure"
    assert found["loader[num_workers=2]: the whole variant"] == "skipped"
    assert found["batch_size[batch_size=512]: the whole variant"] == "error"
    assert found["compile[mode=max-autotune,phase=infer]: step time"] == "skipped"
    assert found["precision[phase=train,precision=bf16-autocast]: peak heap"] == "skipped"
    assert found["optimizer[optimizer=adam]: the whole variant"] == "skipped"
    assert found["feed[pinned=True]: the whole variant"] == "skipped"
    assert found["device[device=cpu,phase=infer]: step time"] == "passed"
    assert found["training[device=cpu,phase=train]: step time"] == "passed"
    assert root.attrib["failures"] == "2"
    assert {suite.attrib["name"] for suite in root} >= {"device", "training", "batch_size"}


def test_a_failure_says_what_why_and_how_to_decide_again() -> None:
    root = ET.fromstring(junit(make_verdict()))  # noqa: S314
    failure = root.find(".//testcase[@name='device[device=cpu,phase=train]: step time']/failure")
    assert failure is not None
    assert "takes 5.1 % longer (4.2 to 6.3 %)" in failure.attrib["message"]
    assert "Cause: aten::clamp_min_" in failure.text
    assert "Decide again: python -m benchsuite gate" in failure.text


def test_the_seconds_of_a_variant_count_once() -> None:
    findings = (time_finding("v"), exact_finding("v", "operators", 1, 1), time_finding("w"))
    root = ET.fromstring(junit(make_verdict(findings)))  # noqa: S314
    assert sum(float(case.attrib["time"]) for case in root.iter("testcase")) == 22.4


def test_hostile_names_are_text() -> None:
    text = junit(hostile_verdict())
    root = ET.fromstring(text)  # noqa: S314
    demand_schema(root)
    assert not set(text) & set("\x00\x1b\ufffe\ud800")
    text.encode("utf-8")


def test_long_names_are_bounded_and_stay_apart() -> None:
    findings = tuple(time_finding(f"{'x' * 9000}{n}") for n in range(3))
    root = ET.fromstring(junit(make_verdict(findings)))  # noqa: S314
    names = {case.attrib["name"] for case in root.iter("testcase")}
    assert len(names) == 3
    assert max(map(len, names)) < 500


@given(st.text(st.characters()), st.text(st.characters()))
def test_any_text_gives_a_document_that_can_be_read(name: str, reason: str) -> None:
    finding = time_finding(
        name, scenario=name, verdict="inconclusive", reason=reason, cause=name, reproduce=reason
    )
    demand_schema(ET.fromstring(junit(make_verdict((finding,))).encode("utf-8")))  # noqa: S314
