"""The files that a variant's passes have left in the run directory, as links of the page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from reports import format as fmt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchsuite.record import Pass
    from reports.results import VariantResult

PURPOSES: Final[Mapping[str, str]] = {
    "trace": "a trace, to be opened in ui.perfetto.dev",
    "flamegraph": "what steps leave behind, as a flamegraph",
    "cuda_snapshot": "what CUDA's allocator did, to be opened in pytorch.org/memory_viz",
}


@dataclass(frozen=True, slots=True)
class File:
    """A file of the run directory: its address beside the page, its name, and what it is for."""

    address: str
    name: str
    purpose: str


def files_of(variant: VariantResult, pass_: Pass) -> tuple[File, ...]:
    """Return the files of a variant's last such pass that left any; a path that leads out of the run is no link."""
    found = [record.artifacts for record in variant.trials if record.pass_ == pass_ and record.artifacts]
    return tuple(
        File(
            quote(path, errors="replace"),
            fmt.name(PurePosixPath(path).name),
            PURPOSES.get(kind, fmt.name(kind)),
        )
        for kind, path in (found[-1] if found else {}).items()
        if not PurePosixPath(path).is_absolute() and ".." not in PurePosixPath(path).parts
    )
