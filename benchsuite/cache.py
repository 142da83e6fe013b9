"""The folder for what may be kept from one run to the next and can be made again."""

from __future__ import annotations

import os
from pathlib import Path

from benchsuite.errors import UsageError

VARIABLE = "BENCHSUITE_CACHE_DIR"


def cache_folder() -> Path:
    """Return `$BENCHSUITE_CACHE_DIR`, else `benchsuite` in `$XDG_CACHE_HOME` or in `~/.cache`; it need not exist.

    Raises:
        UsageError: none of the three is known.
    """
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen).absolute()
    shared = os.environ.get("XDG_CACHE_HOME", "")
    if Path(shared).is_absolute():  # the XDG specification has others ignored
        return Path(shared) / "benchsuite"
    try:
        return Path.home() / ".cache" / "benchsuite"
    except RuntimeError as error:
        raise UsageError(f"no folder for caches is known ({error}): set {VARIABLE}") from error
