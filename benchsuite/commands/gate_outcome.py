"""How a gate ends: causes are looked up, its files are written, its verdict is shown, and an exit code says it all."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from benchsuite import terminal
from benchsuite.commands.gate_summary import show
from benchsuite.errors import NothingMeasuredError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchsuite.gate.measure import Measured
    from benchsuite.gate.settings import GateSettings
    from benchsuite.gate.verdict import Verdict
    from benchsuite.store import RunDirectory

EXIT_CODES = {"regression": 1, "failed": 3, "not comparable": 4}
NOTHING_MEASURED = 3
INCONCLUSIVE = 5


def conclude(
    measured: Measured, changed_files: Sequence[str], settings: GateSettings, directory: RunDirectory,
    out: terminal.Terminal, *, as_json: bool,
) -> int:  # fmt: skip
    """Write and show a gate's verdict, and return its exit code.

    Raises:
        NothingMeasuredError: it rests on no measurement at all.
        OutputError: the exit code would be 0, and stdout cannot be written.
    """
    import reports

    verdict = _with_causes(measured, changed_files)
    verdict = dataclasses.replace(verdict, exit_code=exit_code(verdict, settings))
    reports.write_verdict(verdict, directory.path)
    # A regression must not be lost with the output; a pass is none that anybody could read.
    with terminal.heedless_of_readers(heedless_of_loss=verdict.exit_code != 0):
        show(verdict, out)
        if as_json:
            terminal.print_json(verdict.to_json())
    if verdict.exit_code == NOTHING_MEASURED and not verdict.measured and verdict.verdict != "failed":
        raise NothingMeasuredError("the gate measured nothing: no variant could be compared")
    return verdict.exit_code


def exit_code(verdict: Verdict, settings: GateSettings) -> int:
    """Return what the command ends with; a gate that rests on no measurement at all does not pass."""
    if verdict.verdict in {"pass", "inconclusive"} and not verdict.measured:
        return NOTHING_MEASURED
    if verdict.verdict == "pass":
        return 0
    if verdict.verdict == "inconclusive":
        return INCONCLUSIVE if settings.on_inconclusive == "fail" else 0
    return EXIT_CODES[verdict.verdict]


def _with_causes(measured: Measured, changed_files: Sequence[str]) -> Verdict:
    """Say of each regression what is behind it."""
    from reports.compare.blame import blame

    findings = []
    for finding in measured.verdict.findings:
        records = measured.records.get(finding.variant)
        if finding.verdict == "regression" and records is not None:
            cause = blame(finding.metric, records["base"], records["head"], changed_files)
            findings.append(dataclasses.replace(finding, cause=cause))
        else:
            findings.append(finding)
    return dataclasses.replace(measured.verdict, findings=tuple(findings))
