"""What one run says about each variant: one figure for each metric, and under which conditions it was measured."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from benchsuite.comparison import CONFIDENCE, absolute, contended, step_time_ns
from benchsuite.environment import comparable_facts
from benchsuite.errors import BenchsuiteError
from benchsuite.record import CANARY, Record, latest
from benchsuite.statistics import Interval, log_interval
from benchsuite.store import load_info, load_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from benchsuite.record import RunInfo

Outcome: TypeAlias = Literal["measured", "check failed", "failed", "skipped"]
SOFTWARE: Final = ("torch", "torchvision", "cuda", "python", "numpy", "memray")
"""What a worker says of versions: a change of one is an event on a line, not another line."""
SOFTWARE_FACTS: Final = frozenset({"machine.python", *(f"environment.{name}" for name in SOFTWARE)})
LARGEST: Final = 1e100
"""A figure beyond it is no measurement, and its sums would overflow."""
PASSES: Final = ("timing", "memory", "operators", "calls")
"""A metric that several passes report is taken from the first of these."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric of one variant in one run, in the metric's own unit (ns, bytes, counts a step)."""

    metric: str
    value: float
    low: float | None = None
    """Ends of the interval at 95 % over trials; None: one trial alone, or a metric that is no time."""
    high: float | None = None
    count: int = 1
    """How many trials stand behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One pass of one variant in one run."""

    scenario: str
    variant: str
    pass_: str
    outcome: Outcome
    reason: str = ""
    disturbed: str = ""
    """What takes weight from the figures, in a clause; empty: nothing is known."""
    facts: Mapping[str, str]
    """What must agree for two cells to be on one line: task, settings, machine, environment, data."""
    software: Mapping[str, str]
    """Versions, as far as they are known."""
    figures: tuple[Figure, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReading:
    """One run directory, whatever state it is in."""

    kind: str = "run"
    started: str = ""
    finished: bool = False
    commit: str = ""
    task: str = ""
    cells: tuple[Cell, ...] = ()
    problem: str = ""
    """What could not be read, in a clause; the rest stands."""


def read_run(path: Path) -> RunReading:
    """Read a run directory; a damaged or newer one gives a reading that says so, never an exception.

    Of a gate the header alone is read: its records are of two sides.
    """
    try:
        info = load_info(path)
        if info.kind == "gate":
            return RunReading(kind="gate", started=str(info.started))
        run = load_run(path)
        return RunReading(
            started=str(info.started),
            finished=info.finished is not None,
            commit=str(info.commit or ""),
            task=str(info.task_name or info.task),
            cells=tuple(_cells(info, run.records)),
            problem=_problem(run.problems),
        )
    except BenchsuiteError as error:
        return RunReading(problem=str(error).removeprefix(f"{path}/").removeprefix(f"{path}: "))
    except (
        OSError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ) as error:
        return RunReading(problem=f"it cannot be read ({type(error).__name__})")


def _problem(problems: Sequence[str]) -> str:
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return problems[0].rstrip(".") + more if problems else ""


def _cells(info: RunInfo, records: Iterable[Record]) -> Iterator[Cell]:
    passes: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in latest(records):
        passes[record.variant, record.pass_].append(record)
    taken: dict[str, set[str]] = defaultdict(set)
    for (variant, _pass), members in sorted(passes.items(), key=lambda item: _rank(item[0][1])):
        if members[0].scenario == CANARY:
            yield _canary_cell(info, members)
            continue
        cell = _cell(info, members, taken[variant])
        taken[variant].update(figure.metric for figure in cell.figures)
        yield cell


def _rank(pass_: str) -> int:
    return PASSES.index(pass_) if pass_ in PASSES else len(PASSES)


def _cell(info: RunInfo, trials: Sequence[Record], taken: set[str]) -> Cell:
    """Return one pass of one variant, without the metrics that another pass has told already."""
    completed = [r for r in trials if r.outcome == "completed"]
    last = (completed or trials)[-1]
    seen = info.environments.get(last.environment, {})
    outcome, reason = _outcome(trials, completed)
    return Cell(
        scenario=last.scenario,
        variant=last.variant,
        pass_=last.pass_,
        outcome=outcome,
        reason=reason,
        disturbed=_disturbed(trials, completed),
        facts={
            **_facts(info, seen),
            "items a step": str(last.items_per_step),
            **{f"settings.{key}": str(value) for key, value in last.settings.items()},
        },
        software=_software(seen),
        figures=tuple(f for f in _figures(completed) if f.metric not in taken)
        if outcome == "measured"
        else (),
    )


def _canary_cell(info: RunInfo, trials: Sequence[Record]) -> Cell:
    """Return the fixed workload: over all groups of a run, and on one line as long as the machine is the same."""
    turned = [r for r in trials if r.turns]
    seen = info.environments.get(trials[-1].environment, {})
    figures = (_timed("step_time", absolute(turned)),) if turned else ()
    return Cell(
        scenario=CANARY,
        variant=CANARY,
        pass_="timing",
        outcome="measured" if turned else "failed",
        reason="" if turned else trials[-1].reason or "it took no turns",
        facts={name: text for name, text in _facts(info, {}).items() if name.startswith("machine.")},
        software=_software(seen),
        figures=figures,
    )


def _facts(info: RunInfo, seen: Mapping[str, Any]) -> dict[str, str]:
    found = comparable_facts(info.machine, seen, info.data)
    facts = {name: text for name, text in found.items() if name not in SOFTWARE_FACTS}
    return {"task": str(info.task_name or info.task), **facts}


def _software(seen: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(seen[name]) for name in SOFTWARE if seen.get(name) is not None}


def _outcome(trials: Sequence[Record], completed: Sequence[Record]) -> tuple[Outcome, str]:
    if not completed:
        failed = [r for r in trials if r.outcome == "failed"]
        return ("failed", failed[-1].reason) if failed else ("skipped", trials[-1].reason)
    broken = next((check for r in completed for check in r.checks if not check.ok), None)
    if broken is not None:
        return "check failed", f"the check {broken.name!r} did not hold"
    return "measured", ""


def _disturbed(trials: Sequence[Record], completed: Sequence[Record]) -> str:
    texts = [text for r in completed if r.pass_ == "timing" and (text := contended(r))]
    failed = sum(r.outcome == "failed" for r in trials)
    told = [f"{len(texts)} of {len(completed)} timings were disturbed: {texts[-1]}"] if texts else []
    if completed and failed:
        told.append(f"{failed} of {len(trials)} trials failed")
    return "; ".join(told)


def _figures(trials: Sequence[Record]) -> Iterator[Figure]:
    found = [*_times(trials), *_metrics(trials)]
    seen: set[str] = set()
    for figure in found:
        if figure.metric not in seen and math.isfinite(figure.value) and abs(figure.value) <= LARGEST:
            seen.add(figure.metric)
            yield figure


def _times(trials: Sequence[Record]) -> Iterator[Figure]:
    """Yield what the samples of timing trials say; step times as every other page shows them."""
    timed = [r for r in trials if r.pass_ == "timing" and (r.turns or r.step_ns) and step_time_ns(r) > 0]
    if not timed:
        return
    time = absolute(timed)
    yield _timed("step_time", time)
    items = timed[0].items_per_step * 1e9
    lowest = items / time.low if time.low > 0 else math.inf
    yield _timed("throughput", Interval(items / time.value, items / time.high, lowest, time.count))
    for name, values in (
        ("first_step_time", [float(r.first_step_ns) for r in timed if r.first_step_ns]),
        ("device_time", [statistics.median(r.device_ns) for r in timed if r.device_ns]),
        ("cpu_time", [statistics.median(r.cpu_ns) for r in timed if r.cpu_ns]),
    ):
        if values:
            yield _typical(name, values)


def _metrics(trials: Sequence[Record]) -> Iterator[Figure]:
    values: dict[str, list[float]] = defaultdict(list)
    for record in trials:
        for name, value in record.metrics.items():
            if isinstance(value, int | float) and math.isfinite(value):
                values[name].append(float(value))
    for name, found in values.items():
        yield _typical(name, found)


def _typical(metric: str, values: Sequence[float]) -> Figure:
    """Return the median over trials; of times with the interval of their logarithms, widened to hold it."""
    value = statistics.median(values)
    if not metric.endswith("_time") or len(values) == 1 or min(values) <= 0:
        return Figure(metric, value, count=len(values))
    around = log_interval(values, CONFIDENCE)
    return _timed(metric, Interval(value, min(value, around.low), max(value, around.high), around.count))


def _timed(metric: str, time: Interval) -> Figure:
    known = time.count > 1 and time.low > 0 and math.isfinite(time.high)
    return Figure(metric, time.value, time.low if known else None, time.high if known else None, time.count)
