"""How a gate decides about a noisy metric: pure functions from pairs to verdicts.

All ratios are head over base, natural logarithms of them where it says "log ratios", one for each pair of fresh
processes. Limits and changes are relative: 0.01 is 1 %. Limits hold both ways: log ratios beyond plus or
minus log(1 + limit) are a change. `docs/method.md` says why it is done so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from benchsuite.false_discovery import adjusted, rejected
from benchsuite.signed_rank import (
    hodges_lehmann,
    pairs_needed,
    signed_rank_interval,
    signed_rank_p,
    smallest_detectable,
    smallest_p,
)
from benchsuite.statistics import robust_deviation

if TYPE_CHECKING:
    from collections.abc import Sequence

Screening: TypeAlias = Literal["cleared", "suspect"]
TimeVerdict: TypeAlias = Literal["regression", "improvement", "unchanged", "inconclusive"]

_PAIRS_THAT_MAY_HOLD_AN_OUTLIER = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a gate asks of one variant."""

    limit: float
    """The relative change that is tolerated, 0 or more."""
    detect: float
    """The relative change that must not be missed."""

    @property
    def margin(self) -> float:
        """The limit as a log ratio."""
        return math.log1p(self.limit)

    @property
    def asked(self) -> float:
        """The change that must not be missed, a share: never less than twice the limit, to leave room between the two."""
        return max(self.detect, 2 * self.limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """When a gate looks at the pairs of a suspect, and how often it may err."""

    level: float
    """Of the one-sided test of one suspect; over all suspects the rate of false discoveries, for each direction."""
    looks: tuple[int, ...]
    """After how many confirmation pairs there may be a verdict, ascending: (12, 20) adds 8 pairs where 12 left it open."""

    @property
    def level_of_a_look(self) -> float:
        """The level that each look gets, so that all of them together keep to the level (Bonferroni)."""
        return self.level / len(self.looks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """The confirmation pairs of one variant; pairs that raised the suspicion are not among them."""

    variant: str
    log_ratios: tuple[float, ...]
    """In the order in which they were measured, which the looks go by."""
    demand: Demand


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the confirmation pairs of one suspect say."""

    variant: str
    verdict: TimeVerdict
    pairs: int
    ratio: float | None = None
    """The Hodges-Lehmann estimate; None: there are no pairs."""
    interval: tuple[float, float] = (0.0, math.inf)
    """Around the ratio; inverts the test of one look."""
    p: float = 1.0
    """Of the one-sided test in the direction of the estimate, corrected for the looks but not for several suspects."""
    smallest_detectable: float = math.inf
    """The relative change that so many pairs of this noise show in nine of ten cases; infinite: they are too few."""
    reason: str = ""
    """Why it is inconclusive and what would be needed, in a clause."""
    open: bool = False
    """Whether further pairs are worth their time: it is inconclusive, or the estimate is beyond the limit without proof."""


def screen(log_ratios: Sequence[float], demand: Demand) -> Screening:
    """Say which variants need no confirmation, from few pairs and loosely.

    A variant is cleared where the Hodges-Lehmann estimate is within the limit, either way, and no pair, of four or
    more one at most, is beyond the change that must not be missed: noise that could hide that change
    scatters the pairs beyond it. A lone outlier raises no suspicion.

    Args:
        log_ratios: of the screening pairs; without any the variant is a suspect.
        demand: what is tolerated and what must not be missed.
    """
    if not log_ratios:
        return "suspect"
    beyond = sum(abs(value) > math.log1p(demand.asked) for value in log_ratios)
    tolerated = len(log_ratios) >= _PAIRS_THAT_MAY_HOLD_AN_OUTLIER
    near = abs(hodges_lehmann(log_ratios)) <= demand.margin
    return "cleared" if near and beyond <= tolerated else "suspect"


def judge(suspects: Sequence[Suspect], plan: Plan) -> list[Judgement]:
    """Judge all suspects of a gate together.

    Regression: the one-sided test against the limit is significant, by Benjamini and Hochberg's procedure over all
    suspects; improvement: the same in the other direction. Unchanged: neither, and the pairs could have shown the
    change that must not be missed (nine times of ten), and the interval excludes it. Inconclusive: all else.

    Args:
        suspects: every suspect of the gate, the ones without pairs too: the correction counts them.
        plan: the looks and the level.

    Returns:
        One judgement for each suspect, in their order. Those that are `open` may be judged again with more
        pairs, together with all others, up to the plan's last look.

    Raises:
        ValueError: a log ratio is not finite.
    """
    slower = [_p_over_looks(s.log_ratios, s.demand.margin, plan.looks) for s in suspects]
    faster = [_p_over_looks([-r for r in s.log_ratios], s.demand.margin, plan.looks) for s in suspects]
    regressed, improved = rejected(slower, plan.level), rejected(faster, plan.level)
    corrected = [min(pair) for pair in zip(adjusted(slower), adjusted(faster), strict=True)]
    found = []
    for i, suspect in enumerate(suspects):
        shown: TimeVerdict | None = "regression" if regressed[i] else "improvement" if improved[i] else None
        found.append(_judgement(suspect, plan, shown, (slower[i], faster[i]), corrected[i]))
    return found


def _p_over_looks(log_ratios: Sequence[float], margin: float, looks: Sequence[int]) -> float:
    """Return the p value of several looks at growing pairs: the smallest, times the number of looks (Bonferroni).

    It holds for whatever reason there were no further pairs.
    """
    count = len(log_ratios)
    taken = [look for look in looks if look < count] + [count]
    smallest = min(signed_rank_p(log_ratios[:look], margin) for look in taken)
    return min(1.0, max(len(looks), len(taken)) * smallest)


def _judgement(
    suspect: Suspect, plan: Plan, shown: TimeVerdict | None, ps: tuple[float, float], corrected: float
) -> Judgement:
    """Return the judgement of one suspect.

    Args:
        suspect: whom it is about.
        plan: the looks and the level.
        shown: what the tests have shown after the correction for several suspects; None: nothing.
        ps: the p values of "slower" and "faster", before that correction.
        corrected: the smaller of the two after it.
    """
    ratios, demand = suspect.log_ratios, suspect.demand
    if not ratios:
        return Judgement(
            variant=suspect.variant, verdict="inconclusive", pairs=0, reason="no pair was measured", open=True
        )
    estimate, level = hodges_lehmann(ratios), plan.level_of_a_look
    low, high = signed_rank_interval(ratios, level)
    draft = Judgement(
        variant=suspect.variant,
        verdict=shown or "unchanged",
        pairs=len(ratios),
        ratio=math.exp(estimate),
        interval=(math.exp(low), math.exp(high)),
        p=ps[0] if estimate >= 0 else ps[1],
        smallest_detectable=smallest_detectable(robust_deviation(ratios), len(ratios), demand.limit, level),
    )
    if shown:
        return draft
    reason = _why_inconclusive(suspect, plan, draft, corrected)
    return replace(
        draft,
        verdict="inconclusive" if reason else "unchanged",
        reason=reason,
        open=bool(reason) or abs(estimate) > demand.margin,
    )


def _why_inconclusive(suspect: Suspect, plan: Plan, draft: Judgement, corrected: float) -> str:
    """Return why pairs that show no change do not show that there is none either; empty: they do."""
    demand, level, pairs = suspect.demand, plan.level_of_a_look, _pairs(draft.pairs)
    limit, asked = percent(demand.limit), percent(demand.asked)
    if smallest_p(draft.pairs) > level:
        fewest = math.ceil(-math.log2(level))
        return f"{pairs} cannot decide at this level, whatever they show: at least {fewest} would be needed"
    if draft.smallest_detectable > demand.asked:
        needed = pairs_needed(robust_deviation(suspect.log_ratios), demand.asked, demand.limit, level)
        more = (
            f"about {needed} pairs would be needed, or" if needed else "1000 pairs would not be enough, only"
        )
        shown = percent(draft.smallest_detectable)
        return (
            f"these {pairs} could have shown {shown} and more, {asked} is asked for: {more} a quieter machine"
        )
    if draft.p <= plan.level:
        among = f"among all suspects of this gate it is none yet (p = {corrected:.2g})"
        return f"alone it would be a change (p = {draft.p:.2g}), {among}: more than these {pairs} would be needed"
    if draft.interval[1] >= 1 + demand.asked or draft.interval[0] <= 1 / (1 + demand.asked):
        low, high = (percent(bound - 1, sign="+") for bound in draft.interval)
        between = f"the change lies between {low} and {high}: neither {limit} nor {asked} is ruled out"
        return f"{between}, and more than these {pairs} would be needed"
    if draft.ratio is not None and abs(math.log(draft.ratio)) > demand.margin:
        estimate = percent(draft.ratio - 1, sign="+")
        return f"the estimate is {estimate}, beyond {limit}, and not shown: more than these {pairs} would be needed"
    return ""


def _pairs(count: int) -> str:
    return f"{count} pair" if count == 1 else f"{count} pairs"


def percent(share: float, sign: Literal["+", "-"] = "-") -> str:
    """Return a share as text in per cent, with at most one decimal; sign `+` shows that of positive ones too."""
    rounded = round(100 * share, 1) + 0.0  # Adding 0 turns -0 into 0.
    return f"{rounded:{sign}g} %"
