"""A run as Parquet files: the frames with their types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.exports.run_frames import run_frames

if TYPE_CHECKING:
    from pathlib import Path

    from reports.load import ReportData


def write_parquet(data: ReportData, folder: Path) -> None:
    """Write one file for each frame."""
    for name, frame in run_frames(data):
        frame.to_parquet(folder / f"{name}.parquet", engine="pyarrow", index=False)
