"""How a run stands, from its directory: cheap enough for a list of many, and never an exception."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from benchsuite.errors import BenchsuiteError
from benchsuite.store import RECORDS_FILE, load_info
from reports import format as fmt
from reports.document import date
from reports.facts import seconds_of, took_s
from reports.gate.files import load_verdict
from reports.gate.rows import title

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from benchsuite.gate.verdict import Verdict
    from benchsuite.record import RunInfo

TEXT: Final = rb'"(?:[^"\\]|\\.)*"'
OUTCOME: Final = re.compile(
    rb'"baseline":(?:true|false),"repetition":\d+,"group":'
    + TEXT
    + rb'(?:,"\w+":'
    + TEXT
    + rb')*?,"outcome":"(\w+)"'
)
"""Where a line says how its trial ended, as this program writes it; a quote inside a text is escaped."""
HEAD_BYTES: Final = 65536
NAMED: Final = re.compile(r"\d{8}T\d{6}Z")
"""The time that the name of a run's directory begins with."""
WHOLE_COMMIT: Final = re.compile(r"[0-9a-f]{40,64}")
COMMIT_DIGITS: Final = 12


@dataclass(frozen=True, slots=True)
class Standing:
    """What a list of runs says of one, fit to be shown."""

    name: str
    started: str
    order_s: float
    """Seconds since 1970, to sort by."""
    kind: str = "run"
    task: str = ""
    command: str = ""
    scenarios: str = ""
    outcome: str = ""
    tone: str = ""
    """A verdict, for its colour."""
    duration: str = ""
    commit: str = ""
    size: str = ""
    problem: str = ""
    """What is wrong with the directory; empty: nothing."""


def standing(run: Path) -> Standing:
    """Return how a run stands; of a broken one, what is wrong."""
    size = fmt.size(_size_bytes(run))
    try:
        return _read(run, size)
    except BenchsuiteError as error:
        problem = str(error).replace(f"{run}/", "", 1).removeprefix(f"{run}: ")
    except OSError as error:
        problem = f"it cannot be read ({error.strerror})"
    except Exception as error:  # noqa: BLE001 - whatever a damaged header holds, the list of all runs is shown
        problem = f"its header holds what no run writes ({type(error).__name__}: {error})"
    return Standing(
        fmt.name(run.name),
        "",
        _named_s(run),
        outcome="broken",
        tone="failed",
        size=size,
        problem=fmt.clause(problem),
    )


def _read(run: Path, size: str) -> Standing:
    info, verdict = load_info(run), load_verdict(run)
    counts = _tally(run)
    outcome, tone = _verdict(verdict) if verdict else _outcome(info, counts)
    missing = "" if (run / RECORDS_FILE).is_file() else f"{RECORDS_FILE} is missing"
    return Standing(
        fmt.name(run.name),
        date(info.started),
        seconds_of(info.started) or _named_s(run),
        kind=fmt.name(info.kind),
        task=fmt.name(info.task_name or info.task),
        command=fmt.clause(" ".join(info.command)),
        scenarios=fmt.some([fmt.name(str(entry.get("name", ""))) for entry in info.scenarios]),
        outcome=outcome,
        tone=tone,
        duration=_duration(info, verdict),
        commit=_commit(info.commit or ""),
        size=size,
        problem=missing,
    )


def _verdict(verdict: Verdict) -> tuple[str, str]:
    return title(verdict), verdict.verdict if verdict.findings else "inconclusive"


def _outcome(info: RunInfo, counts: Mapping[str, int]) -> tuple[str, str]:
    failed = counts.get("failed", 0)
    ended = "finished" if info.finished else "not finished"
    if info.kind == "gate":
        return "no verdict", "inconclusive"
    if not counts.get("completed"):
        return f"{ended}, nothing measured", "failed" if info.finished else "inconclusive"
    words = f"{ended}, {fmt.count(failed)} trial{'s' if failed > 1 else ''} failed" if failed else ended
    return words, "failed" if failed else "" if info.finished else "inconclusive"


def _duration(info: RunInfo, verdict: Verdict | None) -> str:
    seconds = verdict.seconds if verdict else took_s(info)
    return fmt.duration(seconds * 1e9) if seconds is not None else ""


def _tally(run: Path) -> Mapping[str, int]:
    """Count the records of a run by their outcome."""
    path = run / RECORDS_FILE
    try:
        status = path.stat()
        return _count(path, status.st_size, status.st_mtime_ns)
    except OSError:
        return {}


@lru_cache(maxsize=4096)
def _count(path: Path, _size_bytes: int, _modified_ns: int) -> Mapping[str, int]:
    """Count outcomes from the beginning of each line: reading the samples of many runs would take seconds."""
    counts: Counter[str] = Counter()
    with path.open("rb") as file:
        for line in file:
            found = OUTCOME.search(line, 0, HEAD_BYTES)
            counts[found[1].decode() if found else _parsed(line)] += 1
    return counts


def _parsed(line: bytes) -> str:
    try:
        return str(json.loads(line)["outcome"])
    except (ValueError, KeyError, TypeError):
        return "unreadable"


def _named_s(run: Path) -> float:
    """Return when a run was begun by its directory's name; without a time in it, when the directory was changed."""
    named = NAMED.match(run.name)
    with contextlib.suppress(OSError):
        return (named and seconds_of(named[0])) or run.stat().st_mtime
    return 0.0


def _commit(text: str) -> str:
    return text[:COMMIT_DIGITS] if WHOLE_COMMIT.fullmatch(text) else fmt.name(text)


def _size_bytes(run: Path) -> int:
    total = 0
    for folder, _folders, names in os.walk(run):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size  # noqa: PTH118 - as paths, half of the time goes here
            except OSError:
                continue
    return total
