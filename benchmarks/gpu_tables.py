"""The tables of docs/gpu.md from a run's directory, as Markdown.

    python benchmarks/gpu_tables.py RUN [--limits limits.json] [--self-test DIR]

What a run does not hold is said to be missing: no figure is ever filled in.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import reports
from benchsuite.errors import BenchsuiteError
from benchsuite.gate.self_test import words
from benchsuite.gate.self_test.decisions import SelfTestDirectory
from benchsuite.gate.self_test.tally import tally
from reports import format as fmt
from reports.facts import machine_line

# A script's own folder stands first on its path; where this file is imported, it need not.
sys.path.append(str(Path(__file__).resolve().parent))
import gpu_limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from reports import ReportData
    from reports.results import ScenarioResult, VariantResult

BATCH = 100
EAGER = (
    "cuda_graphs[launch=eager]",
    "batch_size[batch_size=100,device=cuda]",
    "compile[mode=eager,device=cuda]",
)
"""The plain training step at batch 100: the first of these that was measured."""
INFERENCE = frozenset({"grad_mode", "serving"})
"""Scenarios that have no axis for the phase, and infer."""
PARTS = frozenset({"optimizer", "training"})
"""Scenarios whose step is a part of a training step, or a whole epoch."""
LEAST_GAIN = 8.0
MOST_TRAINING_NS = 60_000.0
LEAST_IMAGES_PER_S = 5e6
MOST_INFERENCE_NS = 30_000.0
MISSING = "not measured"
TWO_GPUS = "2 NVIDIA GPUs are needed"


@dataclass(frozen=True, slots=True)
class Timed:
    """A sound variant that worked on a GPU."""

    scenario: str
    variant: VariantResult

    @property
    def step_ns(self) -> float:
        """Of one call of the step, which may hold several optimizer steps."""
        time = self.variant.step_time
        assert time is not None, "a sound variant was timed"
        return time.value

    @property
    def items(self) -> int:
        """Images that one call works through."""
        return self.variant.timings[0].items_per_step

    @property
    def batch(self) -> int:
        """Images of one optimizer step or one request."""
        chosen = self.variant.settings.get("batch_size")
        return chosen if isinstance(chosen, int) and chosen else min(self.items, BATCH)

    @property
    def trains(self) -> bool:
        """Whether its step is a whole training step."""
        infers = self.scenario in INFERENCE or self.variant.settings.get("phase") == "infer"
        return not infers and self.scenario not in PARTS

    @property
    def infers(self) -> bool:
        """Whether its step is an inference call."""
        return not self.trains and self.scenario not in PARTS

    @property
    def update_ns(self) -> float:
        """Of one optimizer step."""
        return self.step_ns * self.batch / self.items

    @property
    def device_ns(self) -> float:
        """Of one call by the GPU's clock: the median over all timed steps of all rounds."""
        return statistics.median(ns for record in self.variant.timings for ns in record.device_ns)

    @property
    def kernels_ns(self) -> float | None:
        """All kernels of one call, as the profiler saw them, one after the other; None: there is no such pass."""
        found = [row.self_device_ns for row in self.variant.operators]
        return sum(found) or None


def timed(scenarios: Iterable[ScenarioResult]) -> list[Timed]:
    """Return the sound variants that worked on a GPU."""
    return [
        Timed(scenario.name, variant)
        for scenario in scenarios
        for variant in scenario.variants
        if variant.sound and gpu_limits.on_gpu(variant)
    ]


def document(
    data: ReportData, limits: gpu_limits.Limits | None = None, self_test: SelfTestDirectory | None = None
) -> str:
    """Return all tables as Markdown.

    Raises:
        UsageError: there is no self-test in that directory, or it is damaged.
    """
    found = timed(data.scenarios)
    parts = [
        ("Where and when", _facts(data)),
        ("Is it whole?", _completeness(data)),
        ("Goals", _goals(found)),
        ("Training at batch 100", _training(found)),
        ("Inference", _inference(found)),
        ("What pays", _ranking(data)),
        ("Answers", _answers(data)),
    ]
    lines = [line for title, own in parts for line in (f"## {title}", "", *own, "")]
    if limits is not None:
        lines += ["## Limits", "", gpu_limits.table(limits, gpu_limits.rows(data.scenarios, limits))]
    if self_test is not None:
        lines += _gate(self_test)
    return "\n".join(lines)


def _facts(data: ReportData) -> Iterator[str]:
    info = data.run.info
    yield f"- Begun {fmt.one_line(info.started)}, {'ended' if info.finished else 'not finished'} {info.finished or ''}".rstrip()
    yield f"- {cell(machine_line(data))}"
    yield f"- Command: {cell(' '.join(info.command))}"
    yield f"- Commit: {cell(info.commit or 'not known')}"
    yield from (f"- {cell(problem)}" for problem in data.problems)


def _completeness(data: ReportData) -> Iterator[str]:
    variants = [variant for scenario in data.scenarios for variant in scenario.variants]
    counts = Counter(variant.outcome for variant in variants)
    yield ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())) + "."
    for variant in variants:
        if variant.outcome == "failed" or variant.failed_checks:
            broken = ", ".join(check.name for check in variant.failed_checks)
            yield f"- FAILED {cell(variant.id)}: {cell(variant.reason or f'the check {broken} does not hold')}"
    skipped = [
        v for v in variants if v.outcome == "skipped" and ("cuda" in v.id or "cuda" in str(v.settings))
    ]
    for reason, count in sorted(Counter(variant.reason for variant in skipped).items()):
        wanted = "" if TWO_GPUS in reason else " (look at this)"
        yield f"- {count} of CUDA skipped{wanted}: {cell(reason)}"


def _goals(found: Sequence[Timed]) -> Iterator[str]:
    yield "| goal | found | met |"
    yield "| --- | --- | --- |"
    updates = [one for one in found if one.trains and one.batch == BATCH]
    eager = next((one for name in EAGER for one in updates if one.variant.id == name), None)
    best = min(updates, key=lambda one: one.update_ns, default=None)
    gain = eager.update_ns / best.update_ns if eager and best else None
    yield _goal(
        f"best training step at batch {BATCH}: at most 1/{LEAST_GAIN:.0f} of the eager one's time",
        f"1/{gain:.1f}: {_us(best.update_ns)} ({cell(best.variant.id)}) of {_us(eager.update_ns)}"
        if gain and best and eager
        else None,
        gain is not None and gain >= LEAST_GAIN,
    )
    yield _goal(
        f"and below {_us(MOST_TRAINING_NS)}",
        f"{_us(best.update_ns)} ({cell(best.variant.id)})" if best else None,
        best is not None and best.update_ns < MOST_TRAINING_NS,
    )
    rates = [(1e9 * one.items / one.step_ns, one) for one in found if one.trains]
    rate, fastest = max(rates, key=lambda pair: pair[0], default=(0.0, None))
    yield _goal(
        f"training at the best batch size: more than {LEAST_IMAGES_PER_S / 1e6:.0f} million images/s",
        f"{rate / 1e6:.2f} million images/s ({cell(fastest.variant.id)})" if fastest else None,
        rate > LEAST_IMAGES_PER_S,
    )
    single = min((o for o in found if o.infers and o.items == 1), key=lambda o: o.device_ns, default=None)
    yield _goal(
        f"inference at batch 1: below {_us(MOST_INFERENCE_NS)} on the device",
        f"{_us(single.device_ns)} ({cell(single.variant.id)})" if single else None,
        single is not None and single.device_ns < MOST_INFERENCE_NS,
    )


def _goal(goal: str, found: str | None, met: bool) -> str:
    return f"| {goal} | {found or MISSING} | {'—' if found is None else 'yes' if met else '**no**'} |"


def _training(found: Sequence[Timed]) -> Iterator[str]:
    yield "| variant | optimizer step | device, one call | work, one call | kernels | launches | GPU idle |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    chosen = sorted((o for o in found if o.trains and o.batch == BATCH), key=lambda o: o.update_ns)
    for one in chosen:
        yield f"| {cell(one.variant.id)} | {_us(one.update_ns)} | {_seen(one)} |"
    if not chosen:
        yield f"| {MISSING} |" + " |" * 6


def _inference(found: Sequence[Timed]) -> Iterator[str]:
    yield "| variant | one call | images/s | device, one call | work, one call | kernels | launches | GPU idle |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    chosen = sorted((o for o in found if o.infers), key=lambda o: (o.items, o.step_ns))
    for one in chosen:
        rate = 1e9 * one.items / one.step_ns
        yield f"| {cell(one.variant.id)} | {_us(one.step_ns)} | {rate:,.0f} | {_seen(one)} |"
    if not chosen:
        yield f"| {MISSING} |" + " |" * 7


def _seen(one: Timed) -> str:
    """Return what the device and the profiler saw, as cells."""
    idle = one.variant.metric("device_idle_share")
    counts = (one.variant.metric("kernels"), one.variant.metric("launches"))
    return " | ".join([
        _us(one.device_ns),
        _us(one.kernels_ns),
        *("—" if count is None else f"{count:.4g}" for count in counts),
        "—" if idle is None else f"{100 * idle:.0f} %",
    ])  # fmt: skip


def _gate(kept: SelfTestDirectory) -> list[str]:
    """Return what a self-test has decided so far, whether it was interrupted or not."""
    header = kept.header()
    decisions = kept.decisions(header.batches)
    page = words.markdown(header, tally(decisions), len(decisions)).splitlines()
    return [f"#{line}" if line.startswith("#") else line for line in page]


def _ranking(data: ReportData) -> Iterator[str]:
    for place, ranked in reports.by_place(reports.rank(data.scenarios)).items():
        yield f"- {cell(place)}"
        yield from (f"  - {cell(str(one))}" for one in ranked)
    yield from (f"- {cell(note)}" for note in reports.ranking_notes(reports.rank(data.scenarios)))


def _answers(data: ReportData) -> Iterator[str]:
    for summary in reports.summarise(data):
        yield f"- **{cell(summary.question)}**"
        yield from (f"  - {escaped(sentence)}" for sentence in summary.sentences)


def _us(ns: float | None) -> str:
    return "—" if ns is None else f"{ns / 1e3:.1f} us"


def cell(text: str) -> str:
    """Return the first line of a text, of bounded length, as plain text in Markdown."""
    return escaped(fmt.one_line(text))


def escaped(text: str) -> str:
    """Return text that neither ends a cell nor begins anything else in Markdown, on one line."""
    return re.sub(r"([\\|`<*_\[\]])", r"\\\1", " ".join(text.split()))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--limits", type=Path, help="what gpu_limits.py has measured")
    parser.add_argument("--self-test", type=Path, help="the directory of a gate's self-test")
    given = parser.parse_args(arguments)
    self_test = SelfTestDirectory(given.self_test) if given.self_test else None
    limits = gpu_limits.read(given.limits) if given.limits else None
    try:
        print(document(reports.load(given.run), limits, self_test), end="")
    except BenchsuiteError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
