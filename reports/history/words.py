"""How a history is spelt: values in their metric's unit, dates, commits, and a sentence for each change."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from benchsuite.history.metrics import EXACT_FLOORS, is_better
from benchsuite.record import CANARY
from reports import format as fmt
from reports.compare.metric_changes import AMOUNTS, COUNTS
from reports.gate.words import METRIC_WORDS, numbered, signed_percent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from benchsuite.history.ledger import RunEntry
    from benchsuite.history.readings import Figure
    from benchsuite.history.series import Line, Point, Step

Tone: TypeAlias = Literal["worse", "better", "changed", ""]
IN_TIMES: Final = 3.0
"""From this factor on, or from its inverse, a change is told in times, not in percent."""
COMMIT_DIGITS: Final = 12
LONGEST_COMMIT: Final = 40
"""Characters of a commit that git describes by a tag."""
MOST_FACTS: Final = 4
ALL_DIGITS: Final = 15
FEWEST_RUNS: Final = 10
"""With fewer no split is rarer than the test's level: 5 of 10 can be chosen in 252 ways, 4 of 9 in 126, and each way
and its mirror are alike."""
WORDS: Final = {
    **METRIC_WORDS,
    "throughput": "throughput",
    "first_step_time": "time of the first step",
    "cpu_time": "CPU time a step",
    "device_time": "device time a step",
    "peak_rss": "peak resident memory",
    "canary": "the canary",
}


def metric_words(metric: str) -> str:
    """Return words for a metric's name."""
    return WORDS.get(metric) or fmt.name(metric.replace("_", " "))


def spelling(metric: str) -> Callable[[float | None], str]:
    """Return how a metric's values are spelt, by the ending of its name where it is not known."""
    named = {"throughput": fmt.rate, "energy": fmt.energy}
    if metric in named or metric.endswith(("_time", "_ns")):
        return named.get(metric, fmt.duration)
    if metric.endswith("_s"):
        return lambda value: fmt.duration(None if value is None else value * 1e9)
    if metric in AMOUNTS or metric.endswith(("_bytes", "_heap", "_rss", "_memory", "_reserved", "_leak")):
        return fmt.size
    if metric.endswith(("_share", "_overhead", "accuracy")) or metric.startswith("recall"):
        return fmt.percent
    return fmt.count if metric in COUNTS else fmt.plain


def unit(metric: str) -> str:
    """Return the unit of a metric's values in JSON; empty: it has none, or it is not known."""
    spell = spelling(metric)
    if metric.endswith("_s"):
        return "s"
    units = {fmt.rate: "items/s", fmt.energy: "J", fmt.duration: "ns", fmt.size: "B"}
    return units.get(spell, "")


def spell_pair(metric: str, old: float, new: float) -> tuple[str, str]:
    """Spell two values; two that differ are never spelt alike."""
    if old == new or f"{old:.{fmt.DIGITS - 1}e}" != f"{new:.{fmt.DIGITS - 1}e}":
        return spelling(metric)(old), spelling(metric)(new)
    measure = f" {unit(metric)}".rstrip()
    return f"{old:,.{ALL_DIGITS}g}{measure}", f"{new:,.{ALL_DIGITS}g}{measure}"


def spell_range(metric: str, figure: Figure) -> str:
    """Spell a figure's interval; empty where it has none."""
    if figure.low is None or figure.high is None:
        return ""
    if metric == "throughput":
        return fmt.rate_range(figure.low, figure.high)
    return fmt.duration_range(figure.low, figure.high)


def commit(run: RunEntry) -> str:
    """Return a run's commit, or its name where none is known; short, fit to be shown."""
    if not run.commit:
        return fmt.name(run.name)
    bare = run.commit.removesuffix("-dirty")
    hexadecimal = len(bare) > COMMIT_DIGITS and all(letter in "0123456789abcdef" for letter in bare)
    short = bare[:COMMIT_DIGITS] if hexadecimal else fmt.name(bare)[:LONGEST_COMMIT]
    return short + ("-dirty" if run.commit.endswith("-dirty") else "")


def day(run: RunEntry, *, with_time: bool = False) -> str:
    """Return when a run was begun in UTC: `12 Nov 2026`, with the time of day where asked for."""
    moment = _moment(run)
    if moment is None:
        return "date not known"
    return f"{moment:%d %b %Y, %H:%M}".lstrip("0") if with_time else f"{moment:%d %b %Y}".lstrip("0")


def tone(metric: str, step: Step) -> Tone:
    """Say whether a change is for the better."""
    better = is_better(metric, rose=step.change.new > step.change.old)
    return "changed" if better is None else "better" if better else "worse"


def change_words(metric: str, step: Step) -> str:
    """Spell a change as a share with its interval: `+6.0 % (+5.1 to +7.0 %)`."""
    change = step.change
    if change.factor is None:
        old, new = spell_pair(metric, change.old, change.new)
        return f"{old} to {new}"
    factor = change.factor
    head = signed_percent(factor.value) if factor.value < IN_TIMES else f"{fmt.factor(factor.value)} times"
    if factor.low == factor.high or not math.isfinite(factor.high):
        return head
    low, high = signed_percent(factor.low, ROUND_FLOOR), signed_percent(factor.high, ROUND_CEILING)
    return f"{head} ({low.removesuffix(' %') if high.endswith(' %') else low} to {high})"


def tell(metric: str, line: Line, step: Step) -> str:
    """Say what changed, by how much and between which commits, and what else changed there."""
    change = step.change
    before, after = line.points[change.before].run, line.points[change.after].run
    old, new = spell_pair(metric, change.old, change.new)
    same_day = day(before) == day(after)
    where = fmt.listing([f"{commit(run)} ({day(run, with_time=same_day)})" for run in (before, after)])
    what = f"{_subject(metric, line)} {_verb(step)}"
    sentence = f"{what}, from {old} to {new}, between {where}"
    if commit(before) == commit(after):
        sentence += ", at the same commit"
    return f"{fmt.sentence(sentence)} {' '.join(_besides(metric, line, step))}".strip()


def _subject(metric: str, line: Line) -> str:
    if line.variant == CANARY:
        return "Step time of the canary, a fixed workload,"
    words = metric_words(metric)
    return f"{words[:1].upper()}{words[1:]} of {fmt.name(line.variant)}"


def _verb(step: Step) -> str:
    change = step.change
    rose = change.new > change.old
    factor = change.factor
    if factor is None:
        return "rose" if rose else "fell"
    around = ""
    exact = factor.low == factor.high
    if factor.value >= IN_TIMES or factor.value <= 1 / IN_TIMES:
        if not exact and math.isfinite(factor.high):
            around = f" ({fmt.factor_range(factor.low, factor.high)})"
        return f"{'rose' if rose else 'fell'} to {fmt.factor(factor.value)} times{around}"
    if not exact and factor.high < IN_TIMES:
        low, high = signed_percent(factor.low, ROUND_FLOOR), signed_percent(factor.high, ROUND_CEILING)
        if rose and factor.low >= 1:
            around = f" ({low.lstrip('+').removesuffix(' %')} to {high.lstrip('+')})"
        elif not rose and factor.high <= 1:
            around = f" ({high.lstrip('-').removesuffix(' %')} to {low.lstrip('-')})"
        else:
            around = f" ({low.removesuffix(' %')} to {high})"
    return f"{'rose' if rose else 'fell'} by {signed_percent(factor.value).lstrip('+-')}{around}"


def _besides(metric: str, line: Line, step: Step) -> Iterable[str]:
    change = step.change
    if step.software:
        yield fmt.sentence(f"In between, {tell_software(step.software)}")
    if step.machine_factor is not None:
        moved = signed_percent(step.machine_factor)
        yield f"The canary moved too, by {moved}: the machine may be behind it."
    if metric in EXACT_FLOORS and change.seen == 1:
        yield "One run has shown it so far."
    new = [point for point in line.points[change.after :] if point.figure is not None][: change.seen]
    if disturbed := sum(bool(point.disturbed) for point in new):
        yield f"Of {numbered(len(new), 'run')} since, {disturbed} {'was' if disturbed == 1 else 'were'} disturbed."


def tell_software(changed: Mapping[str, tuple[str | None, str | None]]) -> str:
    """Say which versions changed: `torch changed from 2.11.0 to 2.12.0`."""
    return fmt.some(
        [
            f"{fmt.name(name)} changed from {_known(old)} to {_known(new)}"
            for name, (old, new) in changed.items()
        ],
        most=MOST_FACTS,
    )


def tell_unlike(line: Line) -> str:
    """Say under which other conditions a line stands than its variant's newest; empty: it is that line."""
    if not line.unlike:
        return ""
    told = [
        f"{_fact(name)} is {_known(here)} instead of {_known(there)}"
        for name, (there, here) in line.unlike.items()
    ]
    return fmt.sentence(f"A line of its own: {fmt.some(told, most=MOST_FACTS)}")


def tell_point(metric: str, point: Point) -> str:
    """Say what a run has shown, in one line: commit, date, value, what takes weight from it."""
    head = f"{commit(point.run)} · {day(point.run, with_time=True)}"
    if point.figure is None:
        return f"{head} · {gap(point)}"
    around = spell_range(metric, point.figure)
    parts = [
        head,
        spelling(metric)(point.figure.value) + (f" ({around})" if around else ""),
        fmt.clause(point.disturbed),
        "" if point.run.finished else "run not finished",
    ]
    return " · ".join(part for part in parts if part)


def gap(point: Point) -> str:
    """Say why a run has no figure."""
    reason = fmt.one_line(point.reason).rstrip(".")
    return point.outcome + (f": {reason}" if reason else "")


def too_few(count: int, metric: str) -> str:
    """Say why no change can be shown in so few runs; empty: it can."""
    if count == 1:
        return "One run shows no change."
    if metric not in EXACT_FLOORS and count < FEWEST_RUNS:
        return f"{count} runs are too few to tell a change from noise: {FEWEST_RUNS} can show one."
    return ""


def _fact(name: str) -> str:
    return fmt.name(
        name.removeprefix("settings.").removeprefix("machine.").removeprefix("environment.").replace("_", " ")
    )


def _known(fact: str | None) -> str:
    return "not known" if fact is None else fmt.clause(fact) or "empty"


def _moment(run: RunEntry) -> datetime | None:
    started_s = run.started_s
    try:
        return None if started_s is None else datetime.fromtimestamp(started_s, UTC)
    except (ValueError, OverflowError, OSError):
        return None
