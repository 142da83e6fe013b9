"""A run as JUnit XML: one test suite for each scenario, one test case for each variant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias
from xml.etree import ElementTree as ET

from reports import format as fmt
from reports.answers import answer
from reports.caveats import caveats
from reports.exports.xml_text import case_name, document, timestamp, xml_text
from reports.phrases import fault, step

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reports.load import ReportData
    from reports.results import ScenarioResult, VariantResult

Result: TypeAlias = Literal["", "failure", "error", "skipped"]


def run_junit(data: ReportData) -> str:
    """Return a run as one XML document, which Jenkins and GitLab read.

    A check that did not hold is a failure, a trial of any pass that failed an error. What was skipped, or was not
    measured since the run ended before its turn, counts as skipped. Each says why.
    """
    root = ET.Element("testsuites", {"name": "benchsuite run"})
    results = [_result(variant) for scenario in data.scenarios for variant in scenario.variants]
    counts = _counts(results)
    root.attrib |= {name: counts[name] for name in ("tests", "failures", "errors")}
    root.extend(_suite(scenario, data) for scenario in data.scenarios)
    seconds = sum(float(suite.get("time", "0")) for suite in root)
    root.set("time", f"{seconds:.3f}")
    return document(root)


def _result(variant: VariantResult) -> Result:
    if variant.failed_checks:
        return "failure"
    if variant.faults:
        return "error"
    return "" if variant.outcome == "completed" else "skipped"


def _suite(scenario: ScenarioResult, data: ReportData) -> ET.Element:
    cases = [_case(scenario, variant) for variant in scenario.variants]
    seconds = sum(float(case.get("time", "0")) for case in cases)
    suite = ET.Element("testsuite", {"name": case_name(scenario.name), "time": f"{seconds:.3f}"})
    suite.attrib |= _counts([_result(variant) for variant in scenario.variants])
    if started := timestamp(data.run.info.started):
        suite.set("timestamp", started)
    told = [("question", scenario.question)]
    if scenario.name not in data.narrowed:
        told += [("answer", str(statement)) for statement in answer(scenario)]
    told += [(caveat.level, caveat.text) for caveat in caveats(data) if caveat.level == "problem"]
    properties = ET.SubElement(suite, "properties")
    for name, text in told:
        ET.SubElement(properties, "property", {"name": name, "value": xml_text(fmt.prose(text))})
    suite.extend(cases)
    return suite


def _case(scenario: ScenarioResult, variant: VariantResult) -> ET.Element:
    seconds = sum(max(0.0, record.working_ns or record.duration_ns) for record in variant.trials) / 1e9
    case = ET.Element(
        "testcase",
        {
            "classname": case_name(scenario.name),
            "name": case_name(variant.id),
            "time": f"{seconds:.3f}",
        },
    )
    kind = _result(variant)
    if not kind:
        ET.SubElement(case, "system-out").text = xml_text(_measured(variant))
        return case
    type_ = {"failure": "check failed", "error": "failed"}.get(kind, variant.outcome)
    child = ET.SubElement(case, kind, {"message": xml_text(_message(variant, kind)), "type": type_})
    child.text = xml_text("\n".join(_reasons(variant)))
    return case


def _message(variant: VariantResult, kind: Result) -> str:
    if kind == "skipped":
        return fmt.sentence(f"{variant.outcome}: {fmt.one_line(variant.reason)}", capital=False)
    if kind == "failure":
        return fmt.sentence(fault(variant), capital=False)
    first = variant.faults[0]
    return fmt.sentence(f"the {first.pass_} pass failed: {fmt.one_line(first.reason)}", capital=False)


def _reasons(variant: VariantResult) -> Iterable[str]:
    """Yield each reason once, whole, and what was measured all the same."""
    told = [fmt.prose(record.reason) for record in variant.faults if record.reason]
    yield from dict.fromkeys(told or [fmt.prose(variant.reason)])
    if variant.timings:
        yield _measured(variant)


def _measured(variant: VariantResult) -> str:
    parts = [step(variant)]
    if variant.comparison is not None:
        speedup = variant.comparison.speedup
        around = fmt.factor_range(speedup.low, speedup.high)
        parts.append(
            f"{fmt.factor(speedup.value)} times as fast as its baseline ({around}): {variant.comparison.verdict}"
        )
    return fmt.sentence("; ".join(parts), capital=False)


def _counts(results: list[Result]) -> dict[str, str]:
    return {
        "tests": str(len(results)),
        "failures": str(results.count("failure")),
        "errors": str(results.count("error")),
        "skipped": str(results.count("skipped")),
    }
