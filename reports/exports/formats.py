"""All formats that a run or a gate can be exported to, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchsuite.errors import UsageError
from benchsuite.store import load_info
from reports.caveats import caveats
from reports.exports.csv_files import write_csv
from reports.exports.folder import write_folder
from reports.exports.junit import junit
from reports.exports.markdown import summary
from reports.exports.parquet_files import write_parquet
from reports.exports.pytest_benchmark import pytest_benchmark
from reports.exports.run_json import run_json
from reports.exports.run_junit import run_junit
from reports.exports.run_markdown import run_markdown
from reports.exports.tensorboard_events import write_events
from reports.gate.files import load_verdict
from reports.load import load
from reports.selection import select

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from benchsuite.gate.verdict import Verdict
    from reports.load import ReportData

TEXTS: Final[Mapping[str, Callable[[ReportData], str]]] = {
    "json": run_json,
    "junit": run_junit,
    "markdown": run_markdown,
    "pytest-benchmark": pytest_benchmark,
}
FOLDERS: Final[Mapping[str, Callable[[ReportData, Path], None]]] = {
    "csv": write_csv,
    "parquet": write_parquet,
    "tensorboard": write_events,
}
OF_GATES: Final[Mapping[str, Callable[[Verdict], str]]] = {"junit": junit, "markdown": summary}


@dataclass(frozen=True, slots=True)
class Text:
    """An export that is one file."""

    content: str
    caveats: tuple[str, ...] = ()
    """What is missing in it, in sentences."""


def export_text(path: Path, format_: str, wanted: Sequence[str]) -> Text:
    """Return a run or a gate as one document.

    Args:
        path: its directory.
        format_: a key of `TEXTS`.
        wanted: what variants' ids contain one of; empty: all of a run.

    Raises:
        UsageError: there is nothing of the kind at the path, or the format cannot hold it.
        NotComparableError: a newer version of benchsuite wrote it.
    """
    if _is_gate(path):
        return Text(_of_gate(path, format_, wanted))
    data = _chosen(path, wanted)
    return Text(TEXTS[format_](data), _missing(data))


def export_folder(path: Path, format_: str, wanted: Sequence[str], folder: Path) -> tuple[str, ...]:
    """Write a run as a folder of files and return what is missing in it, in sentences.

    Args:
        path: the run's directory.
        format_: a key of `FOLDERS`.
        wanted: what variants' ids contain one of; empty: all.
        folder: where the files shall be.

    Raises:
        UsageError: there is no run at the path, a gate is, or the folder holds something else or cannot be written.
        NotComparableError: a newer version of benchsuite wrote the run.
    """
    if _is_gate(path):
        raise _refusal(path, format_)
    data = _chosen(path, wanted)
    write_folder(folder, format_, path.name, lambda place: FOLDERS[format_](data, place))
    return _missing(data)


def _is_gate(path: Path) -> bool:
    return load_info(path).kind == "gate"


def _of_gate(path: Path, format_: str, wanted: Sequence[str]) -> str:
    if format_ not in OF_GATES:
        raise _refusal(path, format_)
    if wanted:
        raise UsageError(f"{path}: a gate's verdict is exported whole: leave out -k")
    verdict = load_verdict(path)
    if verdict is None:
        raise UsageError(f"{path}: this gate was not finished, so that it has no verdict: run it again")
    return OF_GATES[format_](verdict)


def _refusal(path: Path, format_: str) -> UsageError:
    return UsageError(
        f"{path}: a gate measured it, and its verdict can be exported as {' or '.join(OF_GATES)}, not as {format_}"
    )


def _chosen(path: Path, wanted: Sequence[str]) -> ReportData:
    data = load(path)
    return select(data, wanted) if wanted else data


def _missing(data: ReportData) -> tuple[str, ...]:
    return tuple(caveat.text for caveat in caveats(data) if caveat.level == "problem")
