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
from benchsuite.turns import ROUNDS, TURN_NS, Launch
from benchsuite.worker import canary
from benchsuite.worker.protocol import TrialSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchsuite.launcher import Worker
    from benchsuite.origin import Origin
    from benchsuite.record import CompileCache
    from benchsuite.scenario import Variant
    from benchsuite.starters import Starters
    from benchsuite.worker.protocol import CodeSide


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
    code: CodeSide | None = None
    """Whose code a gate's trials run; None: what the path finds."""
    spreads_children: bool = True
    """Whether processes that a workload forks may use all cores, as those of a user's may."""
    engine: str = str(PROJECT_ROOT)
    """The folder that workers find the package `benchsuite` in."""

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
            # A side's own places stand first; the head's folder must not follow behind the base's.
            paths=(self.engine,) if self.code else (self.engine, str(Path.cwd())),
            code=self.code,
        )

    def ceilings(self, *, cuda: bool) -> TrialSpec:
        """Return the trial that measures the machine, with the threads and cores that one workload has to itself."""
        threads = self.options.threads or len(self.cores)
        return dataclasses.replace(
            self.preparing(), pass_="ceilings", threads=threads, cores=self.cores[:threads], cuda=cuda
        )

    def imports(self, *, cuda: bool) -> TrialSpec:
        """Return the trial that measures what compiling imports, for a fresh interpreter."""
        return dataclasses.replace(self.preparing(), pass_="imports", cuda=cuda)

    def timing(self, variant: Variant, origin: Origin, repetition: int) -> TrialSpec:
        """Return a trial with the threads that were asked for, on cores that change from round to round."""
        process = variant.process
        threads = process.threads or self.options.threads or max(1, len(self.cores) // process.ranks)
        start = repetition % len(self.cores)
        return dataclasses.replace(
            self.preparing(),
            scenario=variant.scenario,
            module=origin.module,
            file=origin.file,
            settings=variant.settings,
            pass_="timing",
            threads=threads,
            cores=(self.cores[start:] + self.cores[:start])[: threads * process.ranks],
            child_cores=self.cores if self.spreads_children else (),
            ranks=process.ranks,
            cuda=any(requirement.kind == "cuda" for requirement in variant.requirements),
            # A gate compares like with like: there the steadier of the two is the better one for both.
            keeps_freed_memory=process.keeps_freed_memory or self.code is not None,
            compile_cache=self._compile_cache(variant),
            compile_threads=threads,
        )

    def operators(self, variant: Variant, origin: Origin, artifacts: Path) -> TrialSpec:
        """Return a trial that looks at the operators as they were timed."""
        return dataclasses.replace(
            self.timing(variant, origin, 0),
            pass_="operators",
            artifacts=str(artifacts),
            stacks=self.options.stacks,
        )

    def calls(self, variant: Variant, origin: Origin, artifacts: Path) -> TrialSpec:
        """Return a trial that looks at the calls of Python functions, at one thread."""
        spec = dataclasses.replace(self.timing(variant, origin, 0), pass_="calls", artifacts=str(artifacts))
        return dataclasses.replace(spec, threads=1)

    def memory(self, variant: Variant, origin: Origin, artifacts: Path) -> TrialSpec:
        """Return a trial at one thread, where allocations repeat exactly, on whichever core is free."""
        spec = dataclasses.replace(self.timing(variant, origin, 0), pass_="memory", artifacts=str(artifacts))
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

    def _compile_cache(self, variant: Variant) -> str:
        if not variant.process.own_compile_cache:
            return ""
        folder = self.compile_caches / safe_name(variant.id)
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder)


def launch(starters: Starters, spec: TrialSpec, env: Mapping[str, str], turn_ns: int = TURN_NS) -> Launch:
    """Return how the worker of a trial is started and given its specification."""

    def start() -> Worker:
        worker = starters.get(env).start()
        worker.send(spec.to_json())
        return worker

    return Launch(start, turn_ns)


def cache_state(spec: TrialSpec) -> CompileCache:
    """Say whether a trial finds compiled code of its own variant; an empty string: it keeps none."""
    if not spec.compile_cache:
        return ""
    return "filled" if any(Path(spec.compile_cache).iterdir()) else "empty"
