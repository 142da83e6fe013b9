"""A gate's verdict as JUnit XML: one test suite for each scenario, one test case for each variant and metric."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, Literal, TypeAlias
from xml.etree import ElementTree as ET

from reports import format as fmt
from reports.exports.xml_text import case_name, document, timestamp, xml_text
from reports.gate.rows import command, ordered
from reports.gate.words import metric_name, standing, tell

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchsuite.gate.verdict import Finding, Verdict

Result: TypeAlias = Literal["", "failure", "error", "skipped"]
RESULTS: Final[dict[str, Result]] = {
    "regression": "failure",
    "missing": "skipped",
    "failed": "error",
    "inconclusive": "skipped",
    "not comparable": "skipped",
    "new": "skipped",
}


def junit(verdict: Verdict) -> str:
    """Return the verdict as one XML document, which Jenkins and GitLab read.

    A regression is a failure, a failed variant an error. What is not decided, not comparable, new, missing or
    without weight (quarantined, advisory) counts as skipped, and says why. Characters that XML forbids are left out.
    """
    by_scenario: dict[str, list[Finding]] = defaultdict(list)
    for finding in verdict.findings:
        by_scenario[finding.scenario].append(finding)
    root = ET.Element("testsuites", {"name": "benchsuite gate", "time": f"{verdict.seconds:.3f}"})
    counts = _counts(verdict.findings)
    root.attrib |= {name: counts[name] for name in ("tests", "failures", "errors")}
    for scenario, findings in sorted(by_scenario.items()):
        root.append(_suite(scenario, ordered(findings), verdict))
    return document(root)


def result(finding: Finding) -> Result:
    """Return what a finding is in JUnit's words; empty: passed."""
    found = RESULTS.get(finding.verdict, "")
    return "skipped" if found and not finding.counts else found


def _suite(scenario: str, findings: Sequence[Finding], verdict: Verdict) -> ET.Element:
    cases = _cases(findings)
    seconds = sum(float(case.get("time", "0")) for case in cases)
    suite = ET.Element("testsuite", {"name": case_name(scenario), "time": f"{seconds:.3f}"})
    suite.attrib |= _counts(findings)
    if started := timestamp(verdict.started):
        suite.set("timestamp", started)
    sides = ET.SubElement(suite, "properties")
    for name, side in (("base", verdict.base), ("head", verdict.head)):
        text = f"{side.name} {side.commit or ''}{' with changes' if side.dirty else ''}"
        ET.SubElement(sides, "property", {"name": name, "value": xml_text(fmt.clause(text))})
    suite.extend(cases)
    return suite


def _cases(findings: Iterable[Finding]) -> list[ET.Element]:
    """Return the test cases; the seconds of a variant stand at its first one, so that they add up."""
    timed: set[str] = set()
    cases = []
    for finding in findings:
        seconds = 0.0 if finding.variant in timed else finding.seconds
        timed.add(finding.variant)
        cases.append(_case(finding, seconds))
    return cases


def _case(finding: Finding, seconds: float) -> ET.Element:
    metric = metric_name(finding.metric)
    attributes = {
        "classname": case_name(finding.scenario),
        "name": f"{case_name(finding.variant)}: {metric}",
        "time": f"{seconds:.3f}",
    }
    case = ET.Element("testcase", attributes)
    told = xml_text(fmt.sentence(tell(finding), capital=False))
    kind = result(finding)
    if kind:
        message = f"{standing(finding)}: {told}" if kind == "skipped" else told
        child = ET.SubElement(case, kind, {"message": message, "type": standing(finding)})
        child.text = _details(finding)
    else:
        ET.SubElement(case, "system-out").text = "\n".join([told, _details(finding)])
    return case


def _details(finding: Finding) -> str:
    lines = {"": finding.reason, "Cause: ": finding.cause, "Quarantined: ": finding.quarantine}
    shown = {head: fmt.prose(text) for head, text in lines.items()} | {"Decide again: ": command(finding)}
    return xml_text("\n".join(f"{head}{text}" for head, text in shown.items() if text))


def _counts(findings: Sequence[Finding]) -> dict[str, str]:
    results = [result(finding) for finding in findings]
    return {
        "tests": str(len(results)),
        "failures": str(results.count("failure")),
        "errors": str(results.count("error")),
        "skipped": str(results.count("skipped")),
    }
