"""What a worker says when its trial ends in an exception."""

from __future__ import annotations

import contextlib
import traceback
from pathlib import Path
from typing import Any

from benchsuite.errors import UsageError
from benchsuite.scenario import Skip

LONGEST_TEXT = 500
ENGINE = ("/torch/", f"{Path(__file__).parent.parent}/", contextlib.__file__, "<string>")
"""What stands in the name of a file that is neither a scenario's nor a task's; a dataclass's own code has no file."""


def message_of(error: BaseException) -> dict[str, Any]:
    """Return the message that ends a trial; the traceback of a failure goes to stderr."""
    if isinstance(error, Skip):
        return {"event": "skipped", "reason": str(error)}
    if isinstance(error, UsageError):
        return {"event": "failed", "reason": str(error)}
    traceback.print_exception(error)
    return {"event": "failed", "reason": one_line(error)}


def one_line(error: BaseException) -> str:
    """Return the error with the line of code that raised it, the engine's own frames left out."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if not any(place in frame.filename for place in ENGINE)]
    place = f" ({theirs[-1].filename.rpartition('/')[2]}:{theirs[-1].lineno})" if theirs else ""
    text = " ".join(str(error).split())
    return (
        f"{type(error).__name__}: {text[:LONGEST_TEXT]}{place}" if text else f"{type(error).__name__}{place}"
    )
