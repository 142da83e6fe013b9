"""One trial's outcome and one run's header: frozen dataclasses and their JSON, with a schema version."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from benchsuite.errors import NotComparableError

SCHEMA = 1
OwnPass: TypeAlias = Literal["operators", "memory", "calls"]
"""What looks at a workload in a process of its own, and times nothing."""
Pass: TypeAlias = Literal["timing"] | OwnPass
Outcome: TypeAlias = Literal["completed", "skipped", "failed"]
SiteKind: TypeAlias = Literal["peak", "temporary", "leak", "cuda_peak"]
"""What lives at the high-water mark; what is freed at once, a step; what a step leaves behind; what lives on GPUs at
their peak."""
LEAK_LIMIT_BYTES = 64
"""So many bytes a step are no leak."""
CompileCache: TypeAlias = Literal["", "empty", "filled"]
Lane: TypeAlias = Literal["operators", "backward", "optimizer", "waits", "kernels", "copies"]
"""What a span of a step is: the host's operators, apart from those of the backward pass and of the optimizer, and its waiting
for a device; a device's kernels, and its copies and fills."""
Side: TypeAlias = Literal["", "base", "head"]
"""Of a gate's record, which side of the change it is; empty: it is a run's."""
RunKind: TypeAlias = Literal["run", "gate"]
"""What a directory holds: a gate's cannot be resumed or compared with."""
SAMPLES = ("warmup_ns", "step_ns", "cpu_ns", "device_ns")
CANARY = "canary"
"""The scenario name of the fixed workload that takes its turn in every group."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A check's value, its limit and whether it held; a value that was NaN is kept as None."""

    name: str
    value: float | None
    limit: float
    direction: Literal["<=", ">="]
    ok: bool


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a worker: its place among all turns of the group, its steps and its whole length."""

    order: int
    steps: int
    elapsed_ns: int
    waited_ns: int = 0
    """The part of it in which the worker's main thread was ready to run while other processes had its core; 0 where the
    worker had children, whose work cannot be told apart."""

    @property
    def undisturbed_step_ns(self) -> float:
        """Mean time of one step of this turn without the waiting for a core that others on it have caused."""
        return max(1, self.elapsed_ns - self.waited_ns) / self.steps

    @property
    def step_ns(self) -> float:
        """Mean time of one step of this turn, the final synchronisation included."""
        return self.elapsed_ns / self.steps


@dataclass(frozen=True, slots=True)
class OperatorRow:
    """One operator on inputs of one shape, as torch.profiler saw it: figures of one step, times in nanoseconds."""

    name: str
    calls: float
    self_cpu_ns: float
    total_cpu_ns: float
    self_device_ns: float = 0.0
    total_device_ns: float = 0.0
    flops: float = 0.0
    shapes: str = ""
    """Of the inputs, such as `100x1x28x28, 10x1x5x5, 10`; empty: not recorded."""


@dataclass(frozen=True, slots=True)
class AllocationSite:
    """Memory that one line of code has allocated, as memray saw it, or on a GPU as CUDA's allocator did."""

    kind: SiteKind
    size_bytes: float
    allocations: float
    stack: tuple[str, ...]
    """Frames as `function (file.py:88)`, the innermost first."""

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> AllocationSite:
        """Read what `dataclasses.asdict` made of one."""
        return cls(**{**document, "stack": tuple(document["stack"])})


@dataclass(frozen=True, slots=True)
class Span:
    """What took a part of one profiled step, and when: nanoseconds, from the step's start."""

    lane: Lane
    name: str
    start_ns: int
    duration_ns: int


@dataclass(frozen=True, slots=True)
class CallRow:
    """What one line of the author's code calls, itself or through libraries: figures of one step."""

    function: str
    """Native code by its name, such as `torch.conv2d`; a Python function as `forward (model.py:12)`, the line where it begins."""
    caller: str
    """The line that calls, as `step (train.py:88)`; paths are relative to the side's root, outside of it as imported.
    Empty: the engine calls it."""
    calls: float
    self_ns: float
    """Own time of what is called; of a library's Python function, with the Python that it calls in libraries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One variant, one pass, one repetition: what was measured, where, and how it ended.

    Samples are nanoseconds. `step_ns` is host time between the ends of consecutive steps within a
    turn; on CUDA the last step of a turn includes the wait for the device, so only a turn's whole
    length is a step time there (`turns`), and `device_ns` (event pairs) shows the single steps.
    """

    variant: str
    scenario: str
    settings: Mapping[str, Any]
    context: Mapping[str, Any]
    baseline: bool
    pass_: Pass
    repetition: int
    group: str
    side: Side = ""
    outcome: Outcome
    started: str
    """UTC, ISO 8601."""
    reason: str = ""
    seed: int = 0
    threads: int = 0
    """Of each rank."""
    ranks: int = 1
    """Processes that did the work together."""
    cores: int = 0
    """On so many the trial could run, all its ranks together; 0: not known."""
    environment: str = ""
    compile_cache: CompileCache = ""
    first_step_ns: int | None = None
    warmup_ns: Sequence[int] = ()
    settled: bool = True
    """False: the warm-up was cut off before the step time had settled."""
    step_ns: Sequence[int] = ()
    cpu_ns: Sequence[int] = ()
    device_ns: Sequence[int] = ()
    turns: tuple[Turn, ...] = ()
    items_per_step: int = 1
    metrics: Mapping[str, float] = field(default_factory=dict)
    series: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)
    checks: tuple[CheckResult, ...] = ()
    operators: tuple[OperatorRow, ...] = ()
    timeline: tuple[Span, ...] = ()
    """Of the operator pass: one step's longest spans, in the order of their starts."""
    sites: tuple[AllocationSite, ...] = ()
    calls: tuple[CallRow, ...] = ()
    contention: Mapping[str, float] = field(default_factory=dict)
    artifacts: Mapping[str, str] = field(default_factory=dict)
    """File names by kind, relative to the run directory."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Of a gate's record: the files of its side's code that ran, relative to its root, with their SHA-256's beginning."""
    foreign: tuple[str, ...] = ()
    """Modules that should have come from this side's code and did not, as `name from file`: the record is void."""
    duration_ns: int = 0
    """From the trial's start to its end, waiting for other members' turns included."""
    working_ns: int = 0
    """The part of it in the trial's own set-up, warm-up and steps."""

    def without_findings(self, reason: str) -> Record:
        """Return a failed record of the same trial that holds nothing of what it has reported."""
        return Record(
            variant=self.variant, scenario=self.scenario, settings=self.settings, context=self.context,
            baseline=self.baseline, pass_=self.pass_, repetition=self.repetition, group=self.group, side=self.side,
            outcome="failed", started=self.started, reason=reason, seed=self.seed, threads=self.threads,
            ranks=self.ranks, cores=self.cores, environment=self.environment, compile_cache=self.compile_cache, duration_ns=self.duration_ns,
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Return the record as it stands in one line of `records.jsonl`."""
        document = dataclasses.asdict(self)
        document["pass"] = document.pop("pass_")
        document["turns"] = [dataclasses.astuple(turn) for turn in self.turns]
        document["timeline"] = [dataclasses.astuple(span) for span in self.timeline]
        document |= {name: list(getattr(self, name)) for name in SAMPLES}
        return {"schema": SCHEMA, **document}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """The header of a run: `run.json`."""

    command: tuple[str, ...]
    kind: RunKind = "run"
    started: str
    finished: str | None = None
    """None: the run is still going on, or was interrupted."""
    task: str
    task_name: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    software: Mapping[str, Any] = field(default_factory=dict)
    """What the workers of an interrupted run must find again for it to be taken up."""
    plan: Mapping[str, Any] = field(default_factory=dict)
    """The ids of the groups: `once`, `contexts` (of the first round) and `passes`."""
    scenarios: tuple[Mapping[str, Any], ...] = ()
    """As `list --json` shows them, with `metric`, `answer` and `within`."""
    machine: Mapping[str, Any] = field(default_factory=dict)
    environments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What the workers saw, by the id that records carry."""
    options: Mapping[str, Any] = field(default_factory=dict)
    ceilings: Mapping[str, float] = field(default_factory=dict)
    """What the machine can do at most, by names that end in their unit; empty: not measured."""
    compiler_imports_ns: Mapping[str, float] = field(default_factory=dict)
    """How long a fresh process that compiles imports what an eager one does not, by phase (train, infer); empty: not
    measured, or part of the first steps."""
    commit: str | None = None
    left_out: tuple[str, ...] = ()
    """What this run did not measure though it was asked about, in a few words each."""
    effort: Mapping[str, float] = field(default_factory=dict)
    """`wall_s`, what measuring took so far without the time in which the run lay interrupted, and `working_s`, the part
    of it that trials spent in their own set-up, warm-up and steps."""
    fitness: tuple[Mapping[str, str], ...] = ()
    """The findings of `doctor` before the run: name, level (ok, warn, bad), message, remedy."""

    def to_json(self) -> dict[str, Any]:
        """Return the header as it stands in `run.json`."""
        return {"schema": SCHEMA, **dataclasses.asdict(self)}


def latest(records: Iterable[Record]) -> tuple[Record, ...]:
    """Keep the last record of each trial: a resumed run may have measured one again."""
    return tuple({(r.variant, r.side, r.pass_, r.group, r.repetition): r for r in records}.values())


def demand_schema(document: Any) -> None:
    """Refuse a document of a newer schema than this version knows.

    Raises:
        NotComparableError: it is of a newer schema.
        ValueError: it is no document of this program.
    """
    schema = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(schema, int) or isinstance(schema, bool):
        raise ValueError("it has no schema number")  # noqa: TRY004 - it is the document that is wrong
    if schema > SCHEMA:
        raise NotComparableError(
            f"it has schema {schema}, this benchsuite reads schemas up to {SCHEMA}: use the version that wrote it"
        )
