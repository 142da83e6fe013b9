"""What the rounds of a context say: each variant against its baseline, from turns of one group."""

from __future__ import annotations

import dataclasses
import itertools
import math
import statistics
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from benchsuite.record import CANARY, Record
from benchsuite.statistics import Interval, intervals_against_baseline, log_interval, robust_deviation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from benchsuite.scenario import Answer

CONFIDENCE = 0.95
"""Level of all intervals of a context together."""
MARGIN = 0.01
"""A difference is claimed when the whole interval lies beyond this."""
SAME = 0.03
"""Two variants count as the same when the whole interval lies within this."""
CONTENDED_WAIT = 0.15
"""A worker with as many threads as cores waits up to a tenth of its time by itself; one busy neighbour makes it a third."""
CONTENDED_STEAL = 0.05
CANARY_MOVED = 0.10

Verdict: TypeAlias = Literal["baseline", "faster", "slower", "same", "open"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One variant's speed against its baseline, over all rounds that hold both."""

    variant: str
    baseline: str
    speedup: Interval
    """Items a second relative to the baseline: above 1 is faster."""
    verdict: Verdict
    beside_neighbours: bool = False
    """Whether the two had different numbers of cores in rounds of which most were disturbed by others: a neighbour then
    is no noise that they share, so the interval is without bounds."""

    @property
    def rounds(self) -> int:
        """How many groups stand behind the interval."""
        return self.speedup.count


def step_time_ns(record: Record) -> float:
    """Return one trial's time of a step: the median over its turns, or over its steps where it took none."""
    if record.turns:
        return statistics.median(turn.step_ns for turn in record.turns)
    return statistics.median(record.step_ns)


def undisturbed_step_time_ns(record: Record) -> float:
    """Return one trial's time of a step as gates judge it: without the waiting for a core, where it took turns."""
    if record.turns:
        return statistics.median(turn.undisturbed_step_ns for turn in record.turns)
    return step_time_ns(record)


def undisturbed_log_ratio(base: Record, head: Record) -> float:
    """Return the logarithm of head's step time over base's: the median over neighbouring turns of one pair.

    Without the time in which a worker waited for its core: a neighbour on it would otherwise decide by how
    many of a turn's steps it interrupts (measured: `docs/method.md`).
    """
    turns = zip(base.turns, head.turns, strict=False)
    return statistics.median(math.log(h.undisturbed_step_ns / b.undisturbed_step_ns) for b, h in turns)


def timings(records: Iterable[Record]) -> list[Record]:
    """Return the completed timing trials that hold samples, the canary's left out."""
    return [
        r
        for r in records
        if r.pass_ == "timing"
        and r.outcome == "completed"
        and r.scenario != CANARY
        and (r.turns or r.step_ns)
    ]


def absolute(records: Sequence[Record], confidence: float = CONFIDENCE) -> Interval:
    """Return the step time in ns of one variant's timing records, with the interval over rounds."""
    return log_interval([step_time_ns(record) for record in records], confidence)


def compare(records: Iterable[Record]) -> list[Comparison]:
    """Compare every variant with the baseline of its context, group by group.

    Returns:
        One comparison for each variant that is no baseline and shares at least one group with it,
        with intervals that hold together for all variants of a context at 95 %.
    """
    by_context: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in timings(records):
        by_context[record.scenario, str(sorted(record.context.items()))].append(record)
    return [comparison for members in by_context.values() for comparison in _compare_context(members)]


def group_speedup(variant: Record, baseline: Record) -> float:
    """Return how many items a second the variant does for each of the baseline's, in one group.

    The value is the median over the rounds of turns of the ratio between neighbouring turns
    (Bulej et al., Duet benchmarking, 2020): what moves the machine moves both.
    """
    pairs = zip(variant.turns, baseline.turns, strict=False)
    ratios = [(b.step_ns / baseline.items_per_step) / (v.step_ns / variant.items_per_step) for v, b in pairs]
    return math.exp(statistics.median(math.log(ratio) for ratio in ratios))


def compare_in_order(variants: Sequence[Sequence[Record]]) -> tuple[Interval, ...]:
    """Compare each variant but the first with the one before it, group by group.

    Neighbours have a member in common instead of a baseline. That changes how the noise is shared between
    the ratios, and not what it is on average, which is what the intervals are made from.

    Args:
        variants: the timing records of each, in order.

    Returns:
        How many items a second each does for one of its predecessor's, with intervals that hold together
        at 95 %; an infinite one where the two share no group or one alone.
    """
    pairs = {
        str(place): _pairs(after, {record.group: record for record in before})
        for place, (before, after) in enumerate(itertools.pairwise(variants))
    }
    found = _speedups(pairs)
    unknown = Interval(1.0, 0.0, math.inf, 0)
    return tuple(found.get(name, unknown) for name in pairs)


def judge(speedup: Interval) -> Verdict:
    """Say what an interval supports: a difference, sameness, or neither yet."""
    if speedup.low > 1 + MARGIN:
        return "faster"
    if speedup.high < 1 / (1 + MARGIN):
        return "slower"
    if speedup.low > 1 / (1 + SAME) and speedup.high < 1 + SAME:
        return "same"
    return "open"


def is_open(answer: Answer, comparisons: Sequence[Comparison]) -> bool:
    """Say whether more rounds could still change a context's answer.

    Where the answer is the best variant, one that is open against the baseline but whose interval ends
    below the leader's decides nothing.

    Args:
        answer: the scenario's kind of answer.
        comparisons: all of one context.
    """
    undecided = [comparison for comparison in comparisons if comparison.verdict == "open"]
    if answer not in {"best", "break_even", "stack"}:
        return bool(undecided)
    leading = max((comparison.speedup.low for comparison in comparisons), default=0.0)
    return any(comparison.speedup.high >= leading for comparison in undecided)


def contended(record: Record) -> str:
    """Say in a few words what disturbed a timing, or return an empty string."""
    wait, steal = _wait_share(record), _steal_share(record)
    if wait > CONTENDED_WAIT:
        return f"waited {wait:.0%} of its time for a core"
    if steal > CONTENDED_STEAL:
        return f"{steal:.0%} of the machine's time was stolen by its host"
    if record.contention.get("gpu_throttled", 0.0) > 0:
        return "the GPU lowered its clocks"
    return ""


def moved_groups(records: Iterable[Record]) -> dict[str, float]:
    """Return the groups in which the canary's turns spread by more than 10 %, with their robust deviation."""
    spreads = [(record.group, canary_spread(record)) for record in records if record.scenario == CANARY]
    return {group: spread for group, spread in spreads if spread > CANARY_MOVED}


def canary_spread(canary: Record) -> float:
    """Return the robust deviation of a canary's turns as a share of their median; 0 where it took none."""
    times = [turn.step_ns for turn in canary.turns]
    return robust_deviation(times) / statistics.median(times) if times else 0.0


def _wait_share(record: Record) -> float:
    return record.contention.get("wait_share", 0.0)


def _steal_share(record: Record) -> float:
    return record.contention.get("steal_share", 0.0)


def _disturbed_by_others(record: Record) -> bool:
    """Whether others took time from a trial; one with more threads than cores waits for a core by itself."""
    waited = _wait_share(record) > CONTENDED_WAIT and record.threads * record.ranks <= record.cores
    return waited or _steal_share(record) > CONTENDED_STEAL


def _beside_neighbours(pairs: Sequence[tuple[Record, Record]]) -> bool:
    """Whether the members of most pairs had different numbers of cores, and one of the two was disturbed by others."""
    hit = [
        bool(one.cores and other.cores)
        and one.cores != other.cores
        and (_disturbed_by_others(one) or _disturbed_by_others(other))
        for one, other in pairs
    ]
    return 2 * sum(hit) > len(hit)


def _pairs(records: Iterable[Record], others: Mapping[str, Record]) -> list[tuple[Record, Record]]:
    """Return each record that took turns with another's in the same group, by which those are given."""
    return [
        (record, others[record.group])
        for record in records
        if record.turns and record.group in others and others[record.group].turns
    ]


def _speedups(pairs: Mapping[str, Sequence[tuple[Record, Record]]]) -> dict[str, Interval]:
    """Return the speedup of each that has pairs, with intervals that hold together; none where others' work is in it."""
    ratios = {name: [group_speedup(*pair) for pair in found] for name, found in pairs.items() if found}
    return {
        name: dataclasses.replace(speedup, low=0.0, high=math.inf)
        if _beside_neighbours(pairs[name])
        else speedup
        for name, speedup in intervals_against_baseline(ratios, CONFIDENCE).items()
    }


def _compare_context(records: Sequence[Record]) -> list[Comparison]:
    baselines = {record.group: record for record in records if record.baseline and record.turns}
    members: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if not record.baseline:
            members[record.variant].append(record)
    pairs = {variant: _pairs(found, baselines) for variant, found in members.items()}
    return [
        Comparison(
            variant,
            next(iter(baselines.values())).variant,
            speedup,
            judge(speedup),
            _beside_neighbours(pairs[variant]),
        )
        for variant, speedup in _speedups(pairs).items()
    ]
