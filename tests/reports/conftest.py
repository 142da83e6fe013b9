from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benchsuite.store import Run

sys.path.append(str(Path(__file__).parent))
from sample_run import make_info, trial, write_run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchsuite.record import Record
    from reports.load import ReportData


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of eight scenarios, with one variant failed and CUDA skipped."""
    return write_run(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="session")
def loaded(sample: Path) -> ReportData:
    """The same run, read back once for all tests that change nothing in it."""
    from reports.load import load

    return load(sample)


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Run]:
    """Make a run of one scenario from the step times in ms of each variant, one for each round."""

    def make(
        times: Mapping[Any, Sequence[float]],
        *,
        answer: str = "best",
        changes: Mapping[Any, Mapping[str, Any]] | None = None,
        skipped: Mapping[Any, str] | None = None,
        stands_for: Mapping[Any, Mapping[str, Any]] | None = None,
        combines: bool = False,
        step: str | None = None,
        extra: Sequence[Record] = (),
    ) -> Run:
        names = [*times, *(skipped or {})]
        entry = {
            "name": "layout",
            "question": "Does the layout pay?",
            "compare": "mode",
            "within": [],
            "metric": "step_time",
            "answer": answer,
            "once": False,
            "combines": combines,
            **({"step": step} if step is not None else {}),
            "variants": [
                {
                    "id": f"layout[mode={name}]",
                    "settings": {"mode": name},
                    "context": {},
                    "baseline": name in {"plain", 1},
                    "available": name not in (skipped or {}),
                    "reason": (skipped or {}).get(name, ""),
                    "changes": (stands_for or {}).get(name, {}),
                }
                for name in names
            ],
        }
        records = [
            trial(f"layout[mode={name}]", name, repetition, ms * 1e6, **(changes or {}).get(name, {}))
            for name, values in times.items()
            for repetition, ms in enumerate(values)
        ]
        return Run(tmp_path, make_info(scenarios=(entry,)), (*records, *extra))

    return make
