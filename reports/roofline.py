"""Where a step sits on the roofline: its FLOP/s and bytes/s against the most that the machine was seen to reach.

FLOPs are those of products, by torch's formulas; bytes are the operands of all operators, whether memory or a cache
served them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from reports import format as fmt
from reports.bounds import Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reports.results import VariantResult

Side: TypeAlias = Literal["arithmetic", "memory"]


@dataclass(frozen=True, slots=True)
class Place:
    """A step's place on the roofline."""

    flops_per_s: float
    bytes_per_s: float
    copy_bytes_per_s: float
    """What a large copy reaches, bytes read and bytes written."""
    peak_flops_per_s: float | None
    """What a large product reaches; None: not measured for the step's number format and threads."""

    @property
    def intensity(self) -> float:
        """Arithmetic intensity, in FLOP/byte."""
        return self.flops_per_s / self.bytes_per_s

    @property
    def ridge(self) -> float | None:
        """The intensity from which on products bound a step, in FLOP/byte; below, copies do."""
        return None if self.peak_flops_per_s is None else self.peak_flops_per_s / self.copy_bytes_per_s

    @property
    def side(self) -> Side | None:
        """The side of the ridge; None: it is not known where that lies."""
        if self.ridge is None:
            return None
        return "memory" if self.intensity < self.ridge else "arithmetic"

    @property
    def cached(self) -> bool:
        """Whether operands move faster than a large copy: memory alone cannot have served them."""
        return self.bytes_per_s > self.copy_bytes_per_s

    @property
    def attainable_flops_per_s(self) -> float | None:
        """The FLOP/s of the roof at this intensity, if memory serves all operands; None: the peak is not known."""
        if self.peak_flops_per_s is None:
            return None
        return min(self.peak_flops_per_s, self.intensity * self.copy_bytes_per_s)

    @property
    def share(self) -> float | None:
        """What the step reaches of the roof, from 0 to 1; None: there is none, or caches lift the step above it."""
        if self.side == "arithmetic" and self.peak_flops_per_s:
            return min(1.0, self.flops_per_s / self.peak_flops_per_s)
        # Below the ridge, FLOP/s of attainable FLOP/s are bytes/s of those of a copy, and these exist without FLOPs too.
        return None if self.cached else self.bytes_per_s / self.copy_bytes_per_s


def locate(step: Step) -> Place | None:
    """Return a step's place; None where its bytes or the ceiling of a copy are not known."""
    moved_bytes, copy_bytes_per_s = step.moved_bytes, step.copy_ceiling
    if not moved_bytes or not copy_bytes_per_s:
        return None
    peak = step.flops_ceiling
    # Who passes a measured peak shows that it lies higher.
    peak = None if peak is None else max(peak, step.flops_per_s)
    return Place(step.flops_per_s, 1e9 * moved_bytes / step.step_ns, copy_bytes_per_s, peak or None)


def place_of(variant: VariantResult, ceilings: Mapping[str, float]) -> Place | None:
    """Return the place of a variant's step; None where it was not timed, or as `locate` says."""
    step = Step.of(variant, ceilings)
    return None if step is None else locate(step)


def standing(place: Place) -> str:
    """Say on which side of the ridge a step sits, as part of a sentence; empty: it is not known."""
    if place.side is None:
        return ""
    caches = " but served from caches" if place.side == "memory" and place.cached else ""
    return f"on the {place.side} side of the ridge{caches}"


def tell(place: Place) -> str:
    """Say in a sentence what a step reaches and what it could."""
    moved, copied = fmt.byte_rate(place.bytes_per_s), fmt.byte_rate(place.copy_bytes_per_s)
    products = f"{fmt.flop_rate(place.flops_per_s)} and " if place.flops_per_s else ""
    where = ""
    if place.ridge is not None:
        intensity = f" at {fmt.plain(place.intensity)} FLOP/byte," if place.flops_per_s else ","
        where = f"{intensity} on the {place.side} side of the ridge at {fmt.plain(place.ridge)}"
    if place.share is None:
        reached = f"more than the {copied} of a copy, so served from caches at least in part"
    else:
        roof = _roof(place, copied)
        reached = f"at {roof}" if place.share >= 1 else f"{fmt.percent(place.share)} of {roof}"
    return f"Roofline: {products}{moved}{where}; {reached}."


def figures(place: Place | None) -> dict[str, float | str | None]:
    """Return the figures of a step's place by name, for a frame; None: not known."""
    return {
        "flops_per_s": place.flops_per_s if place else None,
        "bytes_per_s": place.bytes_per_s if place else None,
        "flops_per_byte": place.intensity if place else None,
        "attainable_flops_per_s": place.attainable_flops_per_s if place else None,
        "roofline_side": place.side if place else None,
        "roofline_share": place.share if place else None,
    }


def _roof(place: Place, copied: str) -> str:
    attainable = place.attainable_flops_per_s
    return f"the attainable {fmt.flop_rate(attainable)}" if attainable else f"the {copied} of a copy"
