"""Which frames of a run become files, by the files' names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from reports.load import ReportData

NAMES: Final = (
    "variants",
    "comparisons",
    "trials",
    "samples",
    "checks",
    "series",
    "operators",
    "memory_sites",
)


def run_frames(data: ReportData) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each frame with its name; each is made when its turn has come."""
    for name in NAMES:
        yield name, getattr(data, name)
