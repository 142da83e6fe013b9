"""From a run directory, whatever state it is in, to what tables, plots and pages are made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from benchsuite.record import latest
from benchsuite.store import Run, load_run
from reports import frames, trial_frames
from reports.collect import collect
from reports.ranking import rank

if TYPE_CHECKING:
    import pandas as pd

    from reports.results import ScenarioResult


@dataclass(frozen=True, repr=False)
class ReportData:
    """A run with its results; the frames are made when they are first asked for."""

    run: Run
    scenarios: tuple[ScenarioResult, ...]
    problems: tuple[str, ...]
    """What could not be read and what is missing, in sentences."""
    narrowed: frozenset[str] = frozenset()
    """The scenarios of which variants were left out when it was asked for some alone."""

    def __repr__(self) -> str:
        """Return one line: a run's records would fill a window."""
        variants = sum(len(result.variants) for result in self.scenarios)
        return f"<run {self.run.path.name!r}: {len(self.scenarios)} questions, {variants} variants>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: answers, tables, and what is missing."""
        from reports.notebook import run_html

        return run_html(self)

    @cached_property
    def variants(self) -> pd.DataFrame:
        """One row for each variant, skipped and failed ones included."""
        return frames.variants_frame(self.scenarios)

    @cached_property
    def samples(self) -> pd.DataFrame:
        """One row for each raw sample, in ns; the canary's are included."""
        return trial_frames.samples_frame(latest(self.run.records))

    @cached_property
    def trials(self) -> pd.DataFrame:
        """One row for each trial of any pass; the canary's are included."""
        return trial_frames.trials_frame(latest(self.run.records))

    @cached_property
    def checks(self) -> pd.DataFrame:
        """One row for each check of each trial."""
        return trial_frames.checks_frame(latest(self.run.records))

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
    def memory_sites(self) -> pd.DataFrame:
        """One row for each line of each variant whose memory a memory pass has seen."""
        return frames.memory_sites_frame(self.scenarios)

    @cached_property
    def series(self) -> pd.DataFrame:
        """One row for each point of each named curve."""
        return trial_frames.series_frame(latest(self.run.records))


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
