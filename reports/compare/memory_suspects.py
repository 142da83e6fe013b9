"""What may be behind memory that grows: the author's line whose allocations changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchsuite.stacks import own_frame
from reports import format as fmt
from reports.compare.metric_changes import SITES, WEIGHTS
from reports.compare.site_changes import changed_sites
from reports.compare.suspicion import Suspicion, at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchsuite.record import SiteKind
    from reports.compare.site_changes import SiteChange
    from reports.results import VariantResult

KINDS: Final[Mapping[str, SiteKind]] = {**SITES, "allocations": "temporary", "cuda_leak": "leak"}
"""Whose sites tell of a metric; of all allocations those that are freed at once are known."""


def suspect_memory(
    metric: str, before: VariantResult, after: VariantResult, *, grew: bool
) -> list[Suspicion]:
    """Suspect the author's function whose memory changed most in a metric's direction."""
    kind = KINDS.get(metric)
    if kind is None:
        return []
    counts = metric in {"allocations", "temporary_allocations"}
    weigh = WEIGHTS["temporary_allocations"] if counts else lambda site: site.size_bytes
    changes = changed_sites(before.sites(kind), after.sites(kind), weigh=weigh, frame_of=own_frame)
    along = [change for change in changes if (change.change > 0) == grew]
    return [Suspicion(_tell(along[0], kind, counts=counts), along[0].change)] if along else []


def _tell(site: SiteChange, kind: SiteKind, *, counts: bool) -> str:
    if counts:
        verb, where = "allocates", " times a step"
        before, after = fmt.count(site.before), fmt.count(site.after)
    else:
        verb, where = {
            "peak": ("holds", " at the peak"),
            "temporary": ("asks for", " a step"),
            "leak": ("leaves", " behind in each step"),
        }[kind]
        before, after = fmt.size(site.before), fmt.size(site.after)
    instead = f" instead of {before}" if site.before else ""
    if not site.after:
        return f"{at(site.frame)} no longer {verb} {before}{where}"
    return f"{at(site.frame)} {verb} {after}{where}{instead}"
