"""From a run directory, whatever state it is in, to what tables, plots and pages are made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from benchsuite.store import Run, load_run
from reports import frames
from reports.collect import collect, latest
from reports.ranking import rank

if TYPE_CHECKING:
    import pandas as pd

    from reports.results import ScenarioResult


@dataclass(frozen=True)
class ReportData:
    """A run with its results; the frames are made when they are first asked for."""

    run: Run
    scenarios: tuple[ScenarioResult, ...]
    problems: tuple[str, ...]
    """What could not be read and what is missing, in sentences."""

    @cached_property
    def variants(self) -> pd.DataFrame:
        """One row for each variant, skipped and failed ones included."""
        return frames.variants_frame(self.scenarios)

    @cached_property
    def samples(self) -> pd.DataFrame:
        """One row for each raw sample, in ns; the canary's are included."""
        return frames.samples_frame(latest(self.run.records))

    @cached_property
    def comparisons(self) -> pd.DataFrame:
        """One row for each variant that was compared with its baseline."""
        return frames.comparisons_frame(self.scenarios)

    @cached_property
    def ranking(self) -> pd.DataFrame:
        """One row for each scenario's best variant in each context, where it was shown to be faster."""
        return frames.ranking_frame(rank(self.scenarios))

    @cached_property
    def operators(self) -> pd.DataFrame:
        """One row for each operator of each variant."""
        return frames.operators_frame(self.scenarios)

    @cached_property
    def series(self) -> pd.DataFrame:
        """One row for each point of each named curve."""
        return frames.series_frame(latest(self.run.records))


def load(run: Run | Path | str) -> ReportData:
    """Read a run, given as it was read or as the path of its directory.

    Raises:
        UsageError: there is no run at this path.
        NotComparableError: a newer version of benchsuite wrote it.
    """
    if not isinstance(run, Run):
        run = load_run(Path(run))
    return ReportData(run, collect(run), (*run.problems, *_missing_artifacts(run)))


def _missing_artifacts(run: Run) -> list[str]:
    names = [name for record in run.records for name in record.artifacts.values()]
    missing = sum(not (run.path / name).is_file() for name in names)
    return (
        [f"{missing} of {len(names)} artifacts that the records name are no longer there."] if missing else []
    )
