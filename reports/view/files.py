"""The page of a run's files: its report, its records, and what the passes left, variant by variant."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from benchsuite.store import ARTIFACTS_FOLDER, INFO_FILE, RECORDS_FILE, REPORT_FILE, VERDICT_FILE
from benchsuite.view.responses import Page
from benchsuite.view.site import TRACE
from reports import format as fmt
from reports.document import page_policy, render_document
from reports.gate.files import JUNIT_FILE, SUMMARY_FILE
from reports.view.standing import standing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOST_FILES: Final = 5000
ARTIFACT_DEPTH: Final = 4
"""Parts of an artifact's path at least: folder, variant, pass, file."""
ITSELF: Final = "?raw"
PURPOSES: Final[Mapping[str, str]] = {
    REPORT_FILE: "the report, built anew where it is out of date",
    RECORDS_FILE: "all raw samples, one line for each trial",
    INFO_FILE: "what was asked for, on which machine, with which software",
    VERDICT_FILE: "the gate's verdict, for programs",
    JUNIT_FILE: "the gate's verdict, for CI servers",
    SUMMARY_FILE: "the gate's verdict, for a pull request",
    "trace.json.gz": "a trace: opens in Perfetto",
    "flamegraph.html": "what steps leave behind, as a flamegraph",
    "cuda_snapshot.pickle": "what CUDA's allocator did: save it, then open it in pytorch.org/memory_viz",
}


@dataclass(frozen=True, slots=True)
class Listed:
    """A file as a row of the page."""

    address: str
    """Relative to the page."""
    saved_at: str
    """Where the file itself is, if its address shows a page that leads to it; else empty."""
    name: str
    purpose: str
    size: str
    size_bytes: int
    variant: str = ""
    pass_: str = ""


def files_page(run: Path, index: str) -> Page:
    """Return the page of a run's files.

    Args:
        run: the run's directory.
        index: the address of all runs.
    """
    files, left = list_files(run)
    found = standing(run)
    html = render_document(
        "files.html.j2",
        title=fmt.name(run.name),
        index=index,
        found=found,
        report=REPORT_FILE,
        own=[file for file in files if not file.variant],
        artifacts=[file for file in files if file.variant],
        left=left,
    )
    return Page(html, page_policy())


def list_files(run: Path) -> tuple[list[Listed], int]:
    """Return the files of a run, its own first, then the artifacts by name; and how many more there are."""
    found = [_listed(run, path) for path in _walk(run)]
    found.sort(
        key=lambda file: (file.variant, file.pass_, [*PURPOSES, file.name].index(file.name), file.name)
    )
    return found[:MOST_FILES], max(0, len(found) - MOST_FILES)


def _walk(run: Path) -> Iterator[Path]:
    """Return regular files, without links and hidden ones; the report is one even where it is still to be built."""
    yield run / REPORT_FILE
    for folder, folders, names in os.walk(run):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (Path(folder, name) for name in names if not name.startswith(".")):
            if path.is_file() and not path.is_symlink() and path != run / REPORT_FILE:
                yield path


def _listed(run: Path, path: Path) -> Listed:
    inside = path.relative_to(run)
    address = quote(os.fsencode(inside))
    variant = pass_ = ""
    name = inside.as_posix()
    if len(inside.parts) >= ARTIFACT_DEPTH and inside.parts[0] == ARTIFACTS_FOLDER:
        variant, pass_, *rest = inside.parts[1:]
        name = "/".join(rest)
    size_bytes = _size_bytes(path)
    leads_on = path.name.endswith(TRACE) or (name == REPORT_FILE and size_bytes is not None)
    return Listed(
        address,
        f"{address}{ITSELF}" if leads_on else "",
        fmt.name(name),
        PURPOSES.get(path.name, ""),
        fmt.size(size_bytes),
        size_bytes or 0,
        fmt.name(variant),
        fmt.name(pass_),
    )


def _size_bytes(path: Path) -> int | None:
    """Return how large a file is; None: it is not there, or no longer."""
    try:
        return path.stat().st_size
    except OSError:
        return None
