"""The folder for what may be kept from one run to the next and can be made again."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "BENCHSUITE_CACHE_DIR"


def cache_folder() -> Path:
    """Return `$BENCHSUITE_CACHE_DIR`, else `benchsuite` in `$XDG_CACHE_HOME` or in `~/.cache`; it need not exist."""
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "benchsuite"
