"""What has changed around the code since a run was stored: machine, software and data."""

from __future__ import annotations

import dataclasses
from importlib import metadata
from typing import TYPE_CHECKING, Any

from benchsuite.environment import comparable_facts, differences, read_machine
from benchsuite.errors import NotComparableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from benchsuite.gate.settings import GateSettings
    from benchsuite.store import Run

PACKAGES = ("torch", "numpy")


def refuse_or_warn(stored: Run, settings: GateSettings) -> Iterable[str]:
    """Compare what can be known before anything is measured: the machine, and the packages' versions."""
    machine = dataclasses.asdict(read_machine())
    changed = differences(comparable_facts(stored.info.machine, {}, {}), comparable_facts(machine, {}, {}))
    for package in PACKAGES:
        then, now = _version(str(stored.info.software.get(package) or "")), _version(_installed(package))
        if then and then != now:
            changed[f"environment.{package}"] = (then, now)
    return _changed(stored, changed, settings)


def _installed(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"


def _version(text: str) -> str:
    """Return a version without what a build adds, such as +cpu."""
    return text.partition("+")[0]


def environment_warnings(stored: Run, fresh: Run, settings: GateSettings) -> Iterable[str]:
    """Compare what the workers of both saw."""
    before, after = _environments(stored), _environments(fresh)
    changed: dict[str, tuple[str | None, str | None]] = {}
    for variant in before.keys() & after.keys():
        changed |= differences(
            comparable_facts({}, before[variant], stored.info.data),
            comparable_facts({}, after[variant], fresh.info.data),
        )
    return _changed(stored, changed, settings)


def _changed(
    stored: Run, changed: Mapping[str, tuple[str | None, str | None]], settings: GateSettings
) -> Iterable[str]:
    if not changed:
        return ()
    named = "; ".join(f"{name} was {then}, is {now}" for name, (then, now) in sorted(changed.items()))
    if settings.on_machine_change == "fail":
        raise NotComparableError(
            f"{stored.path}: it was measured elsewhere ({named}): measure a new one, gate against a git ref, or set "
            'on_machine_change = "report"'
        )
    return (f"The stored run was measured elsewhere: {named}.",)


def _environments(run: Run) -> dict[str, Mapping[str, Any]]:
    return {
        r.variant: run.info.environments.get(r.environment, {})
        for r in run.records
        if r.pass_ == "timing" and r.outcome == "completed"
    }
