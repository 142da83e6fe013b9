"""A gate from its first trial to its findings: passes, screening, confirmation of the suspects, judgement."""

from __future__ import annotations

import math
import random
import statistics
import time
from typing import TYPE_CHECKING, Protocol

from benchsuite.comparison import undisturbed_step_time_ns
from benchsuite.gate import exact
from benchsuite.gate.case import SIDES, Case, changed_definitions, obstacle, redefined
from benchsuite.gate.decide import Demand, Judgement, Plan, Suspect, judge, screen
from benchsuite.gate.settings import TIME_METRICS
from benchsuite.gate.verdict import Finding
from benchsuite.signed_rank import hodges_lehmann

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from benchsuite.gate.selection import Selection
    from benchsuite.gate.settings import GateSettings
    from benchsuite.gate.sides import SideName, Sides
    from benchsuite.gate.trials import GateTrials, Pair
    from benchsuite.gate.verdict import FindingVerdict
    from benchsuite.record import OwnPass, Record

GUESSED_PAIR_S = 3.0
"""What a pair takes until one has been taken; where two are taken at once, each counts half."""
PASSES_S = 5.0
CALLS_S = 2.0
EXACT_PASSES: tuple[OwnPass, ...] = ("operators", "memory")
REPETITIONS = 2
"""So often a change of what repeats exactly must be seen."""
GAPS = {"failed": "failed", "skipped": "was skipped", "completed": "is not whole"}
STEP_TIME = "step_time"


class Observer(Protocol):
    """Is told how a gate goes; it must not draw while something is timed."""

    def working_on(self, what: str, done_s: float, left_s: float) -> None:
        """Something starts that takes a while; seconds spent and seconds probably left."""
        ...

    def note(self, text: str) -> None:
        """Something has become known."""
        ...


class GateSession:
    """Decides about the selected variants."""

    def __init__(  # noqa: PLR0917 - the parts of a gate
        self, sides: Sides, selection: Selection, settings: GateSettings, trials: GateTrials, seed: int,
        observer: Observer,
    ) -> None:  # fmt: skip
        """Take up a selection; the budget counts from here."""
        self.cases = [Case(candidate) for candidate in selection.candidates]
        self.warnings: list[str] = []
        random.Random(f"{seed}/variants").shuffle(self.cases)
        self._sides = sides
        self._settings = settings
        self._trials = trials
        self._observer = observer
        self._began = time.monotonic()

    def decide(self) -> list[Finding]:
        """Measure and judge.

        Raises:
            UsageError: the disk is full.
            BenchsuiteError: no worker could be started.
            KeyboardInterrupt: the user interrupted; workers are gone.
        """
        metrics = set(self._settings.metrics)
        timed, counted = bool(metrics & TIME_METRICS), bool(metrics - TIME_METRICS)
        pairs = self._settings.screening_pairs if timed else 1
        if counted:
            self._take_passes(pairs)
        self._take_pairs(self.cases, pairs, confirming=False)
        self._close_redefined()
        if not timed:
            # What pairs count as well, such as graph breaks.
            changed = [case for case in self._open() if exact.changed(self._exact_findings(case))]
            self._take_pairs(changed, REPETITIONS - 1, confirming=False)
        suspects = [case for case in self._open() if timed and self._is_suspect(case)]
        judgements = self._confirm(suspects)
        findings = list(self._closed_findings())
        for case in self._open():
            if counted and not case.passes["base"]:
                reason = "the budget ended before its operators and memory were looked at"
                findings.append(_about(case, "inconclusive", reason))
            elif not timed and not case.pairs:
                findings.append(_about(case, "inconclusive", "the budget ended before its checks were run"))
            findings += self._exact_findings(case, REPETITIONS)
            if timed:
                findings.append(self._time_finding(case, judgements.get(case.id)))
        self._take_calls(findings)
        return findings

    def _closed_findings(self) -> Iterator[Finding]:
        for case in self.cases:
            if case.closed is None:
                continue
            verdict, reason = case.closed
            if verdict == "skipped":
                self.warnings.append(f"{case.id} was not gated: {reason}.")
            else:
                yield _about(case, verdict, reason)

    def _open(self) -> list[Case]:
        return [case for case in self.cases if case.closed is None]

    def _take_passes(self, pairs: int) -> None:
        """Look at each case's operators and memory, as long as enough is left of the budget for everybody's pairs."""
        pairs_s = len(self.cases) * pairs * GUESSED_PAIR_S
        for number, case in enumerate(self.cases):
            left_s = (len(self.cases) - number) * PASSES_S + pairs_s
            reserve_s = min(pairs_s, self._settings.budget_s / 2)
            if not self._start(f"{case.id}: operators and memory", PASSES_S + reserve_s, left_s):
                return
            self._take_case_passes(case)
            if case.closed is None and exact.changed(self._exact_findings(case)):
                self._take_case_passes(case)

    def _take_case_passes(self, case: Case) -> None:
        began = time.monotonic()
        number = len(case.passes["base"]) // len(EXACT_PASSES)
        for pass_ in EXACT_PASSES:
            self._take_pass(case, pass_, number)
        case.seconds += time.monotonic() - began

    def _take_pass(self, case: Case, pass_: OwnPass, number: int) -> None:
        found = self._trials.passes(case.candidate, pass_, number)
        case.closed = case.closed or obstacle(case, found)
        for side in SIDES:
            case.passes[side].append(found[side])
        self._warn_of_gaps(case, pass_, found)

    def _warn_of_gaps(self, case: Case, pass_: OwnPass, found: Mapping[SideName, Record]) -> None:
        """Say what a pass could not look at: it has no finding, and must not look as if nothing had changed."""
        gaps: dict[tuple[str, str], list[str]] = {}
        for side in SIDES:
            if found[side].reason:
                gaps.setdefault((GAPS[found[side].outcome], found[side].reason), []).append(side)
        for (gap, reason), sides in gaps.items():
            warning = f"{case.id}: its {pass_} pass {gap} on the {' and the '.join(sides)}: {reason}"
            if warning not in self.warnings:
                self.warnings.append(warning)

    def _close_redefined(self) -> None:
        """Leave out what a change has defined anew: a benchmark that does less is neither faster nor smaller."""
        for case in self._open():
            files = changed_definitions(case, self._sides)
            if not files:
                continue
            if not case.passes["base"] and self._start(f"{case.id}: operators", PASSES_S, PASSES_S):
                self._take_pass(case, "operators", 0)
            if work := redefined(case, files):
                case.closed = ("not comparable", work)
            elif not case.has_flops:
                self.warnings.append(
                    f"{case.id}: {' and '.join(files)}, which defines it, has changed, and its FLOPs are not known: "
                    "whether both sides do the same work, the gate cannot tell."
                )

    def _confirm(self, suspects: Sequence[Case]) -> dict[str, Judgement]:
        """Judge the suspects on new pairs, those that stay open on some more."""
        if not suspects:
            return {}
        self._observer.note(f"to be confirmed on new pairs: {', '.join(case.id for case in suspects)}")
        # New processes, new address-space layouts.
        self._trials.renew()
        first = self._settings.confirmation_pairs
        looks = (first, first + self._settings.further_pairs) if self._settings.further_pairs else (first,)
        plan = Plan(level=self._settings.level, looks=looks)
        judged: dict[str, Judgement] = {}
        for look in looks:
            waiting = [case for case in suspects if case.id not in judged or judged[case.id].open]
            self._take_pairs(waiting, look - min(looks) if judged else look, confirming=True)
            judged = {found.variant: found for found in judge([self._suspect(c) for c in suspects], plan)}
        return judged

    def _suspect(self, case: Case) -> Suspect:
        logs = tuple(pair.log_ratio for pair in case.confirmation if pair.completed)
        return Suspect(variant=case.id, log_ratios=logs, demand=self._demand(case))

    def _take_pairs(self, cases: Sequence[Case], count: int, *, confirming: bool) -> None:
        """Take pairs of all cases in turns: what disturbs the machine for a while disturbs no variant alone."""
        wanted = [case for _ in range(count) for case in cases]
        done = 0
        for together in self._side_by_side(wanted):
            kind = "confirming" if confirming else "screening"
            names = ", ".join(dict.fromkeys(case.id for case in together))
            what = f"{names}: {kind}, pair {done + 1} of {len(wanted)}"
            left_s = sum(case.pair_s or GUESSED_PAIR_S for case in wanted[done:])
            takes_s = max(case.pair_s or GUESSED_PAIR_S for case in together) * len(together)
            if self._start(what, takes_s, left_s):
                self._take(together, confirming=confirming)
            done += len(together)

    def _side_by_side(self, wanted: Sequence[Case]) -> Iterator[list[Case]]:
        """Yield the cases of which pairs are taken at once, each on a core of its own; one may be there twice."""
        together: list[Case] = []
        for case in wanted:
            lanes = self._trials.lanes(case.candidate)
            if case.closed is not None:
                continue
            if lanes == 1:
                yield [case]
                continue
            together.append(case)
            if len(together) == lanes:
                yield together
                together = []
        if together:
            yield together

    def _take(self, cases: Sequence[Case], *, confirming: bool) -> None:
        """Take one pair of each case, all at once."""
        began = time.monotonic()
        numbers = [
            len(case.pairs) + sum(other is case for other in cases[:place])
            for place, case in enumerate(cases)
        ]
        pairs = self._trials.pairs([(case.candidate, n) for case, n in zip(cases, numbers, strict=True)])
        pair_s = (time.monotonic() - began) / len(cases)
        for case, pair in zip(cases, pairs, strict=True):
            (case.confirmation if confirming else case.screening).append(pair)
            case.closed = case.closed or obstacle(case, {"base": pair.base, "head": pair.head})
            case.pair_s = pair_s
            case.seconds += pair_s

    def _take_calls(self, findings: Iterable[Finding]) -> None:
        """Look at the Python calls of what has become slower or hungrier: they lead to the line."""
        worse = {finding.variant for finding in findings if finding.verdict == "regression"}
        for case in self._open():
            if case.id in worse and self._start(f"{case.id}: calls", CALLS_S, CALLS_S):
                case.calls = self._trials.passes(case.candidate, "calls", 0)

    def _is_suspect(self, case: Case) -> bool:
        if len(case.screening) < self._settings.screening_pairs:
            return False
        return screen([pair.log_ratio for pair in case.screening], self._demand(case)) == "suspect"

    def _exact_findings(self, case: Case, repetitions: int = 1) -> list[Finding]:
        scenario = case.candidate.head.variant.scenario
        return exact.compare(
            case.id,
            scenario,
            case.records("base"),
            case.records("head"),
            self._settings,
            repetitions=repetitions,
        )

    def _time_finding(self, case: Case, judgement: Judgement | None) -> Finding:
        if judgement is not None:
            reason = judgement.reason
            if len(case.confirmation) < self._settings.confirmation_pairs:
                reason = f"the budget ended; {reason}" if reason else ""
            return self._timed(
                case, case.confirmation, judgement.verdict, reason, interval=judgement.interval, p=judgement.p,
                smallest_detectable=judgement.smallest_detectable,
            )  # fmt: skip
        taken, wanted = len(case.screening), self._settings.screening_pairs
        if taken < wanted:
            return self._timed(
                case, case.screening, "inconclusive", f"the budget ended after {taken} of {wanted} pairs"
            )
        return self._timed(case, case.screening, "unchanged", "cleared by the screening")

    def _timed(
        self, case: Case, pairs: Sequence[Pair], verdict: FindingVerdict, reason: str, *, interval: tuple[float, float] | None = None,
        p: float | None = None, smallest_detectable: float | None = None,
    ) -> Finding:  # fmt: skip
        head = _typical([undisturbed_step_time_ns(pair.head) for pair in pairs])
        base = _typical([undisturbed_step_time_ns(pair.base) for pair in pairs])
        return Finding(
            scenario=case.candidate.head.variant.scenario, variant=case.id, metric=STEP_TIME, verdict=verdict, base=base,
            head=head, ratio=math.exp(hodges_lehmann([pair.log_ratio for pair in pairs])) if pairs else None,
            interval=interval, p=p, pairs=len(pairs), smallest_detectable=smallest_detectable, limit=self._demand(case).limit,
            screening_ratios=_ratios(case.screening), confirmation_ratios=_ratios(case.confirmation),
            disturbed_pairs=sum(pair.disturbed for pair in pairs), reason=reason,
        )  # fmt: skip

    def _demand(self, case: Case) -> Demand:
        return Demand(limit=self._settings.limit(case.id, STEP_TIME), detect=self._settings.detect)

    def _start(self, what: str, takes_s: float, left_s: float) -> bool:
        """Say what comes next; return False where the budget does not last for it."""
        spent_s = time.monotonic() - self._began
        if spent_s + takes_s > self._settings.budget_s:
            return False
        self._observer.working_on(what, spent_s, left_s)
        return True


def _about(case: Case, verdict: FindingVerdict, reason: str) -> Finding:
    scenario = case.candidate.head.variant.scenario
    return Finding(scenario=scenario, variant=case.id, metric="", verdict=verdict, reason=reason)


def _ratios(pairs: Sequence[Pair]) -> tuple[float, ...]:
    return tuple(math.exp(pair.log_ratio) for pair in pairs if pair.completed)


def _typical(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None
