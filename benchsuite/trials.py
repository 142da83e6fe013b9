"""From a planned variant to what its worker is told: process, cores, seed, data and folders."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchsuite.origin import PROJECT_ROOT
from benchsuite.plan import MAX_ROUNDS
from benchsuite.record import CANARY
from benchsuite.store import safe_name
from benchsuite.turns import ROUNDS
from benchsuite.worker import canary
from benchsuite.worker.protocol import TrialSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchsuite.launcher import Worker
    from benchsuite.origin import Origin
    from benchsuite.plan import PlannedVariant
    from benchsuite.record import CompileCache
    from benchsuite.starters import Starters
    from benchsuite.turns import Launch


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user chose for a run."""

    task: str
    task_origin: Origin
    task_attribute: str
    dataset: str | None = None
    data_dir: Path | None = None
    threads: int | None = None
    """Intra-op threads of a worker, of each of its ranks; None: one for each usable core."""
    seed: int = 0
    budget_s: float = 660.0
    """No round beyond the third is started that would end later than this after the run's start."""
    timeout_s: float = 600.0
    """How long one trial's set-up and warm-up, or its check, may take."""
    max_rounds: int = MAX_ROUNDS
    renews_zygotes: bool = True
    """Whether each round gets new zygotes, and with them new address-space layouts."""
    stacks: bool = False
    """Whether the operator pass records Python stacks."""
    native_traces: bool = False
    """Whether the memory pass records the stacks of native code too."""
    turn_rounds: int = ROUNDS
    """How many turns a variant takes in each round."""
    longest_step_ns: int | None = None
    """Variants whose step takes longer are left out; None: none are."""


@dataclass(frozen=True, slots=True)
class Trials:
    """Makes the specifications of a run's trials."""

    options: Options
    cores: tuple[int, ...]
    compile_caches: Path
    """Holds a folder for each variant that keeps its compiled code to itself."""

    def preparing(self) -> TrialSpec:
        """Return the trial that readies the task's data."""
        options = self.options
        return TrialSpec(
            scenario="",
            module="",
            file="",
            settings={},
            pass_="prepare",
            task_module=options.task_origin.module,
            task_file=options.task_origin.file,
            task_attribute=options.task_attribute,
            dataset=options.dataset,
            data_dir=str(options.data_dir) if options.data_dir else None,
            seed=options.seed,
            threads=1,
            paths=(str(PROJECT_ROOT), str(Path.cwd())),
        )

    def ceilings(self, *, cuda: bool) -> TrialSpec:
        """Return the trial that measures the machine, with the threads and cores that one workload has to itself."""
        threads = self.options.threads or len(self.cores)
        return dataclasses.replace(
            self.preparing(), pass_="ceilings", threads=threads, cores=self.cores[:threads], cuda=cuda
        )

    def timing(self, planned: PlannedVariant, repetition: int) -> TrialSpec:
        """Return a trial with the threads that were asked for, on cores that change from round to round."""
        process = planned.variant.process
        threads = process.threads or self.options.threads or max(1, len(self.cores) // process.ranks)
        start = repetition % len(self.cores)
        return dataclasses.replace(
            self.preparing(),
            scenario=planned.variant.scenario,
            module=planned.entry.origin.module,
            file=planned.entry.origin.file,
            settings=planned.variant.settings,
            pass_="timing",
            threads=threads,
            cores=(self.cores[start:] + self.cores[:start])[: threads * process.ranks],
            ranks=process.ranks,
            cuda=any(requirement.kind == "cuda" for requirement in planned.variant.requirements),
            compile_cache=self._compile_cache(planned),
            compile_threads=threads,
        )

    def operators(self, planned: PlannedVariant, artifacts: Path) -> TrialSpec:
        """Return a trial that looks at the operators as they were timed."""
        return dataclasses.replace(
            self.timing(planned, 0), pass_="operators", artifacts=str(artifacts), stacks=self.options.stacks
        )

    def memory(self, planned: PlannedVariant, artifacts: Path) -> TrialSpec:
        """Return a trial at one thread, where allocations repeat exactly, on whichever core is free."""
        spec = dataclasses.replace(self.timing(planned, 0), pass_="memory", artifacts=str(artifacts))
        return dataclasses.replace(
            spec, threads=1, cores=self.cores, native_traces=self.options.native_traces
        )

    def canary(self, repetition: int) -> TrialSpec:
        """Return the trial of the fixed workload, on the first of the cores that the round uses."""
        core = self.cores[repetition % len(self.cores)]
        file = str(Path(canary.__file__).resolve())
        return dataclasses.replace(
            self.preparing(), scenario=CANARY, module=canary.__name__, file=file, pass_="timing",
            cores=(core,),
        )  # fmt: skip

    def _compile_cache(self, planned: PlannedVariant) -> str:
        if not planned.variant.process.own_compile_cache:
            return ""
        folder = self.compile_caches / safe_name(planned.variant.id)
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder)


def launch(starters: Starters, spec: TrialSpec, env: Mapping[str, str]) -> Launch:
    """Return a function that starts the worker of a trial and gives it its specification."""

    def start() -> Worker:
        worker = starters.get(env).start()
        worker.send(spec.to_json())
        return worker

    return start


def cache_state(spec: TrialSpec) -> CompileCache:
    """Say whether a trial finds compiled code of its own variant; an empty string: it keeps none."""
    if not spec.compile_cache:
        return ""
    return "filled" if any(Path(spec.compile_cache).iterdir()) else "empty"
