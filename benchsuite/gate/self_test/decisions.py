"""What a self-test keeps: its plan, once, and one JSON line for each decision that the gate has made."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

from benchsuite.environment import Machine
from benchsuite.errors import UsageError
from benchsuite.gate.self_test.plan import Batch, Part, Plant
from benchsuite.gate.verdict import Finding
from benchsuite.gate.verdict_schema import with_findings
from benchsuite.record import SCHEMA, demand_schema
from benchsuite.scenario import Device
from benchsuite.validation import validated

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

PLAN_FILE = "self-test.json"
DECISIONS_FILE = "decisions.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the gate has said of one variant, and what it should have said."""

    batch: int
    part: Part
    load: int
    variant: str
    plant: Plant
    findings: tuple[Finding, ...]
    rivals: Mapping[str, str]
    """What other tools' rules say of the same samples, by their names; empty: no times were taken."""
    batch_seconds: float
    """What the whole gate took, from the first worker to the verdict, for all variants of the batch."""
    run: str
    """The gate's run directory, relative to the self-test's."""

    @property
    def seconds(self) -> float:
        """What the gate says that this decision took, without its own start."""
        return max(finding.seconds for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """Return the decision as it stands in one line of `decisions.jsonl`."""
        document = dataclasses.asdict(self)
        return {**document, "findings": [finding.to_json() for finding in self.findings]}


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """The header of a self-test."""

    started: str
    """UTC, ISO 8601."""
    seed: int
    loads: tuple[int, ...]
    batches: tuple[Batch, ...]
    versions: Mapping[str, str]
    """Of benchsuite, Python, torch and memray, by name."""
    commit: str | None
    machine: Machine
    device: Device = "cpu"
    """Where the steps run; self-tests that were begun before there was a choice do not say it."""

    def to_json(self) -> dict[str, Any]:
        """Return the header as it stands in `self-test.json`."""
        return {"schema": SCHEMA, **dataclasses.asdict(self)}


_HEADER: Final = TypeAdapter(SelfTest)
_DECISION: Final = TypeAdapter(Decision)


class SelfTestDirectory:
    """Where a self-test keeps what it knows; readable after any interruption."""

    def __init__(self, path: Path) -> None:
        # The gate runs in a working directory of its own.
        self.path = path.resolve()

    @classmethod
    def create(cls, path: Path, header: SelfTest) -> SelfTestDirectory:
        """Make a new one.

        Raises:
            UsageError: there is one already, or the folder cannot be written.
        """
        if (path / PLAN_FILE).exists():
            raise UsageError(
                f"{path} holds a self-test already: go on with it by --resume {path}, or name another folder"
            )
        try:
            path.mkdir(parents=True, exist_ok=True)
            (path / PLAN_FILE).write_text(json.dumps(header.to_json(), indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{path}: cannot write there ({error.strerror}): name another folder") from error
        return cls(path)

    def header(self) -> SelfTest:
        """Read the header.

        Raises:
            UsageError: there is no self-test here, or its header is damaged.
            NotComparableError: a newer version of benchsuite wrote it.
        """
        try:
            document = json.loads((self.path / PLAN_FILE).read_text(encoding="utf-8"))
            demand_schema(document)
            return validated(_HEADER, document)
        except OSError as error:
            raise UsageError(f"{self.path}: no self-test is there (it has no {PLAN_FILE})") from error
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{self.path / PLAN_FILE}: not a self-test's header ({error})") from error

    def append(self, decisions: Sequence[Decision]) -> None:
        """Add the decisions of one batch, in one write, and flush them to the disk.

        Raises:
            UsageError: the disk is full, or the directory has become unwritable.
        """
        lines = "".join(json.dumps(d.to_json(), separators=(",", ":")) + "\n" for d in decisions)
        path = self.path / DECISIONS_FILE
        try:
            _drop_torn_line(path)
            with path.open("a", encoding="utf-8") as file:
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise UsageError(
                f"{path}: cannot be written ({error.strerror}); what stands there is kept"
            ) from error

    def decisions(self, batches: Iterable[Batch]) -> tuple[Decision, ...]:
        """Return the decisions of every batch of which all were written; a torn line ends its batch.

        Raises:
            UsageError: a line that is not the last one is damaged.
        """
        found: dict[int, dict[str, Decision]] = {}
        path = self.path / DECISIONS_FILE
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        for number, line in enumerate(lines, start=1):
            try:
                decision = validated(_DECISION, with_findings(json.loads(line)))
            except (ValueError, RecursionError) as error:
                if number == len(lines):
                    break
                raise UsageError(
                    f"{path}, line {number}: not a decision ({error}): the file is damaged"
                ) from error
            found.setdefault(decision.batch, {})[decision.variant] = decision
        return tuple(
            decision
            for batch in batches
            if len(found.get(batch.number, ())) == len(batch.decisions)
            for decision in found[batch.number].values()
        )


def _drop_torn_line(path: Path) -> None:
    content = path.read_bytes() if path.is_file() else b""
    if content and not content.endswith(b"\n"):
        with path.open("r+b") as file:
            file.truncate(content.rfind(b"\n") + 1)
