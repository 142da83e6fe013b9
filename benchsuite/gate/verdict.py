"""What a gate has found: frozen dataclasses and their JSON, `verdict.json`, with a schema version."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from benchsuite.record import SCHEMA

FindingVerdict: TypeAlias = Literal[
    "regression", "improvement", "unchanged", "inconclusive", "not comparable", "new", "missing", "failed"
]
GateVerdict: TypeAlias = Literal["pass", "regression", "failed", "not comparable", "inconclusive"]
ORDER: tuple[GateVerdict, ...] = ("failed", "regression", "not comparable", "inconclusive")
"""A gate's verdict is the first of these that a finding has which counts, else `pass`."""
RATIOS = ("screening_ratios", "confirmation_ratios")
"""Keys that gates of earlier versions did not write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One metric of one variant, base against head.

    Values are in the metric's unit (`step_time` in ns, `peak_heap` in bytes, counts a step).
    """

    scenario: str
    variant: str
    metric: str
    """Empty: the finding is about the variant itself, such as `missing`, `new` or `failed`."""
    verdict: FindingVerdict
    base: float | None = None
    head: float | None = None
    ratio: float | None = None
    """Head over base; of a time the Hodges-Lehmann estimate over the deciding pairs. None: not known, or base is 0."""
    interval: tuple[float, float] | None = None
    """Around the ratio of a time, at the level of the test that decided."""
    p: float | None = None
    """Of the deciding test, one-sided, before the correction for several suspects; None: no test decided."""
    pairs: int = 0
    """How many pairs stand behind the verdict: those of the confirmation, or of the screening that cleared it."""
    smallest_detectable: float | None = None
    """The relative change that so many pairs of this noise show in nine of ten cases."""
    limit: float | None = None
    """What the metric may grow by: a share of a time, else an amount in its unit."""
    exact: bool = False
    """Whether the metric repeats exactly, so that no statistics stand behind the verdict."""
    advisory: bool = False
    """Shown, but without weight in the gate's verdict: a time against a stored run."""
    quarantine: str = ""
    """Why the finding has no weight for the time being; empty: it has."""
    screening_ratios: tuple[float, ...] = ()
    """Head over base in each pair of the screening, in the order of measuring; empty: none, or an older gate."""
    confirmation_ratios: tuple[float, ...] = ()
    """The same of the confirmation, which alone decides about a suspect; empty: the screening raised no suspicion."""
    disturbed_pairs: int = 0
    """Pairs whose workers waited for a core, or whose canary moved."""
    seconds: float = 0.0
    """How long deciding about the variant took, all its metrics together."""
    reason: str = ""
    """Why it is inconclusive, not comparable, missing or failed, in a clause."""
    cause: str = ""
    """What is behind a regression or an improvement, in a sentence; empty: not looked for."""
    reproduce: str = ""
    """A command that decides about this variant again."""

    @property
    def counts(self) -> bool:
        """Whether it has weight in the gate's verdict."""
        return not self.advisory and not self.quarantine

    def to_json(self) -> dict[str, Any]:
        """Return the finding as it stands in `verdict.json`; what is not a finite number is null."""
        document = dataclasses.asdict(self)
        if self.interval is not None:
            document["interval"] = [_finite(bound) for bound in self.interval]
        for name in RATIOS:
            document[name] = [_finite(ratio) for ratio in document[name]]
        return {key: _finite(value) if isinstance(value, float) else value for key, value in document.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class SideInfo:
    """What stood on one side of a gate."""

    name: str
    """As the user named it: a ref, an interpreter, a run; of the head `working tree`."""
    commit: str | None = None
    dirty: bool = False
    """Whether the working tree had changes that are not committed."""
    python: str = ""
    environment: Mapping[str, Any] = field(default_factory=dict)
    """What its workers saw: torch, threads, BLAS, variables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A gate's result."""

    base: SideInfo
    head: SideInfo
    findings: tuple[Finding, ...]
    started: str
    """UTC, ISO 8601."""
    seconds: float
    machine: Mapping[str, Any] = field(default_factory=dict)
    """A `benchsuite.environment.Machine` as a dictionary."""
    warnings: tuple[str, ...] = ()
    """What changes how to read the findings, in sentences."""
    run: str = ""
    """The run directory with all records."""
    exit_code: int = 0
    """What the command ended with: `make` and some CI systems keep no more of it than that it was not 0."""

    @property
    def verdict(self) -> GateVerdict:
        """Return the first verdict in the order of weight that a finding which counts has."""
        found = {finding.verdict for finding in self.findings if finding.counts}
        return next((verdict for verdict in ORDER if verdict in found), "pass")

    @property
    def measured(self) -> bool:
        """Whether any finding rests on a measurement."""
        return any(finding.exact or finding.advisory or finding.pairs for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """Return the document that stands in `verdict.json`."""
        document = {"schema": SCHEMA, "verdict": self.verdict, **dataclasses.asdict(self)}
        document["findings"] = [finding.to_json() for finding in self.findings]
        return document


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
