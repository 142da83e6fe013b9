"""The raw samples of a scenario, packed into its card: the page hands them out itself, with no network and no other file.

The packed text is base64 of a zlib stream: a line of JSON, then numbers. The line says which trials there are and, of each,
which series of samples follow, as `[kind, samples, smallest]`. A number is what a sample is above the smallest of its series.
All numbers stand as planes: first the lowest byte of each, then the next byte of each, as often as the largest needs.
The high bytes are nearly all alike, so they take next to nothing; `templates/samples.js` reads this back.
"""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from benchsuite.record import Record
    from reports.results import ScenarioResult

BUDGET_BYTES: Final = 256 * 1024
"""So much of a page may be raw samples, of all of its cards together."""
BYTES_PER_NUMBER: Final = 8


@dataclass(frozen=True, slots=True)
class EmbeddedSamples:
    """The raw samples of one scenario, as its card holds them."""

    count: int
    """How many samples there are, of all kinds."""
    trials: int
    """How many trials they come from."""
    packed: str = ""
    """Base64; empty: they do not fit into the page, or a damaged file has others than numbers."""


def embedded_samples(
    scenarios: Iterable[ScenarioResult], budget_bytes: int = BUDGET_BYTES
) -> tuple[EmbeddedSamples, ...]:
    """Pack the samples of each scenario, the smallest first, for as long as they fit: each whole or not at all.

    Args:
        scenarios: of one page; the order of what is returned is theirs.
        budget_bytes: what all of them may take together.
    """
    trials = [
        [trial for v in scenario.variants for trial in v.trials if _series(trial)] for scenario in scenarios
    ]
    counts = [sum(len(ns) for trial in found for _, ns in _series(trial)) for found in trials]
    # A sample takes a byte and more: what has more samples than bytes are left is not worth the attempt.
    packed = {
        place: _packed(found)
        for place, (found, count) in enumerate(zip(trials, counts, strict=True))
        if 0 < count <= budget_bytes
    }
    left = budget_bytes
    for place in sorted(packed, key=lambda place: (len(packed[place]), place)):
        if len(packed[place]) > left:
            packed[place] = ""
        left -= len(packed[place])
    return tuple(
        EmbeddedSamples(count, len(found), packed.get(place, ""))
        for place, (found, count) in enumerate(zip(trials, counts, strict=True))
    )


def pack(trials: Sequence[Record]) -> str:
    """Return the samples of some trials as base64, in ns; a sample that is no whole number is rounded to one.

    Raises:
        TypeError, ValueError: a sample is no number, or none that 64 bits hold.
    """
    ids = list(dict.fromkeys(trial.variant for trial in trials))
    head: list[object] = []
    numbers = []
    for trial in trials:
        told = []
        for kind, samples_ns in _series(trial):
            whole = _whole(samples_ns)
            smallest = int(whole.min())
            told.append((kind, len(whole), smallest))
            numbers.append((whole - smallest).astype("<u8"))
        head.append((ids.index(trial.variant), trial.pass_, trial.repetition, told))
    above = np.concatenate(numbers)
    planes = max(1, (int(above.max()).bit_length() + 7) // 8)
    line = json.dumps({"variants": ids, "planes": planes, "trials": head}, separators=(",", ":"))
    by_place = above.view(np.uint8).reshape(-1, BYTES_PER_NUMBER)[:, :planes].T
    # Half a character of UTF-16 stands in JSON as an escape: the line is ASCII.
    return base64.b64encode(zlib.compress(line.encode("ascii") + b"\n" + by_place.tobytes(), 9)).decode(
        "ascii"
    )


def _packed(trials: Sequence[Record]) -> str:
    try:
        return pack(trials)
    except (TypeError, ValueError):
        return ""


def _whole(samples_ns: Sequence[float]) -> NDArray[np.int64]:
    samples = np.asarray(samples_ns)
    if samples.dtype.kind not in "if" or not np.isfinite(samples).all():
        raise TypeError("a sample is no number, or has more digits than 64 bits hold")
    return np.rint(samples).astype(np.int64) if samples.dtype.kind == "f" else samples


def _series(trial: Record) -> list[tuple[str, Sequence[int]]]:
    first = () if trial.first_step_ns is None else (trial.first_step_ns,)
    found: list[tuple[str, Sequence[int]]] = [
        ("first", first),
        ("warm-up", trial.warmup_ns),
        ("step", trial.step_ns),
        ("cpu", trial.cpu_ns),
        ("device", trial.device_ns),
    ]
    return [(kind, samples_ns) for kind, samples_ns in found if samples_ns]
