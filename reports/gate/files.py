"""What a gate leaves in its run directory: its verdict for programs, for CI servers, for a pull request and for a browser."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from benchsuite.errors import NotComparableError, UsageError
from benchsuite.store import REPORT_FILE, VERDICT_FILE
from reports.document import write_file
from reports.exports import junit, summary

if TYPE_CHECKING:
    from pathlib import Path

    from benchsuite.gate.verdict import Verdict

JUNIT_FILE: Final = "junit.xml"
SUMMARY_FILE: Final = "summary.md"


def write_verdict(verdict: Verdict, directory: Path) -> Path:
    """Write `verdict.json`, `junit.xml`, `summary.md` and `report.html`, each in one step; return the page's path.

    The verdict itself comes first: whatever may keep the others from being written, it is there.

    Raises:
        UsageError: the directory cannot be written.
    """
    write_file(directory / VERDICT_FILE, json.dumps(verdict.to_json(), indent=1) + "\n")
    write_file(directory / JUNIT_FILE, junit(verdict))
    write_file(directory / SUMMARY_FILE, summary(verdict))
    from reports.gate.page import render_verdict

    return write_file(directory / REPORT_FILE, render_verdict(verdict))


def load_verdict(directory: Path) -> Verdict | None:
    """Read a gate's verdict back; None where the directory holds none.

    Raises:
        UsageError: the file is damaged.
        NotComparableError: a newer version of benchsuite wrote it.
    """
    from benchsuite.gate.verdict_schema import read_verdict
    from benchsuite.validation import parsed

    path = directory / VERDICT_FILE
    if not path.is_file():
        return None
    try:
        return read_verdict(parsed(path.read_text(encoding="utf-8")))
    except NotComparableError as error:
        raise NotComparableError(f"{path}: {error}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not a gate's verdict ({error}): the file is damaged") from error
