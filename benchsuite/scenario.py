"""The author's API: a scenario is one question, the settings to compare, and a function that builds the work.

Nothing here imports torch, so that scenarios can be listed in a fraction of a second.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Literal, TypeAlias, TypeVar, cast, get_args

from benchsuite.demands import (
    demand_choice,
    demand_count,
    demand_environment,
    demand_flag,
    demand_function,
    demand_text,
    number,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchsuite.task import Task

Phase: TypeAlias = Literal["train", "infer"]
Device: TypeAlias = Literal["cpu", "cuda"]
Answer: TypeAlias = Literal["best", "knee", "break_even", "trade_off", "reached", "stack"]
Metric: TypeAlias = Literal["step_time", "throughput", "latency"]
Direction: TypeAlias = Literal["<=", ">="]
RequirementKind: TypeAlias = Literal["cuda", "cxx_compiler", "module", "never"]
SettingValue: TypeAlias = str | int | float | bool | None
S = TypeVar("S")


class Skip(Exception):  # noqa: N818 - an outcome, not an error
    """Raised while a workload is built: this variant cannot run here, for the reason given."""


@dataclass(frozen=True, slots=True)
class Check:
    """One fact that must hold for a measurement to count. NaN never holds."""

    name: str
    value: float
    limit: float
    direction: Direction

    def __post_init__(self) -> None:
        demand_text("a check's name", self.name)
        what = f"check {shown(self.name)}: its"
        # Frozen for others; what a scenario gives may be a tensor of one element.
        object.__setattr__(self, "value", number(f"{what} value", self.value))
        object.__setattr__(self, "limit", number(f"{what} limit", self.limit))
        demand_choice(f"{what} direction", self.direction, get_args(Direction))
        if not math.isfinite(self.limit):
            raise ValueError(f"check {self.name!r} has the limit {self.limit}: a finite one is needed")

    @property
    def ok(self) -> bool:
        """Whether the value is on the right side of the limit."""
        return self.value <= self.limit if self.direction == "<=" else self.value >= self.limit


@dataclass(slots=True)
class Workload:
    """What a scenario function returns: the work that is timed and the proof that it is right."""

    step: Callable[[], object]
    """One optimizer step, one inference call: the engine owns the loop around it."""
    check: Callable[[], Sequence[Check]]
    """Called after all peaks have been read; builds its own reference."""
    items_per_step: int = 1
    """How many samples one step works through; throughput is counted in them."""
    num_steps: int | None = None
    """Work of fixed length, such as a whole training: exactly so many steps, no warm-up set aside."""
    min_steps: int = 1
    """At least so many timed steps in each trial, for percentiles that need them; one in each turn is there anyway."""
    metrics: dict[str, float] = field(default_factory=dict)
    """What the scenario itself has found; read after the check."""
    series: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """Named curves of (x, y); read after the check."""
    pause: Callable[[], object] | None = None
    """Stops the processes that work beside the step, such as data-loader workers, while others have their turns."""
    resume: Callable[[], object] | None = None
    """Lets them go on, before the workload's own turn."""
    close: Callable[[], object] | None = None
    """Releases what the workload holds, such as data-loader workers."""

    def __post_init__(self) -> None:
        self.validate()

    def validate(self) -> None:
        """Refuse what cannot be measured.

        Raises:
            TypeError: a value is of a wrong type; the message names it.
            ValueError: a value is out of range.
        """
        for name in ("step", "check"):
            demand_function(f"the workload's {name}", getattr(self, name))
        for name in ("pause", "resume", "close"):
            if (function := getattr(self, name)) is not None:
                demand_function(f"the workload's {name}", function)
        for name in ("items_per_step", "min_steps"):
            demand_count(f"the workload's {name}", getattr(self, name))
        if self.num_steps is not None:
            demand_count("the workload's num_steps", self.num_steps)
        for name in ("metrics", "series"):
            if not isinstance(found := getattr(self, name), dict):
                raise TypeError(f"the workload's {name} are {shown(found)}: a dictionary is needed")


@dataclass(frozen=True, slots=True)
class Requirement:
    """Something that a variant needs, as data: listing and skipping need no import of torch.

    `kind` names the probe in `benchsuite.environment`; `argument` is what it is asked.
    """

    kind: RequirementKind
    argument: str = ""

    def __post_init__(self) -> None:
        demand_choice("a requirement's kind", self.kind, get_args(RequirementKind))
        demand_text(f"the argument of requirement {self.kind!r}", self.argument)


CUDA = Requirement("cuda", "1")
CXX_COMPILER = Requirement("cxx_compiler")


def does_not_apply(reason: str) -> Requirement:
    """Return a requirement that no machine meets: these settings make no sense together, for the reason given."""
    return Requirement("never", reason)


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """What holds for a whole worker process and must be set before torch is imported or used."""

    env: tuple[tuple[str, str], ...] = ()
    """Environment variables as (name, value) pairs, such as OMP_*, read when torch is imported."""
    threads: int | None = None
    """Intra-op threads; None: as many as the run uses."""
    own_compile_cache: bool = False
    """Give each variant a compile cache of its own: empty in its first trial, filled in later ones."""
    ranks: int = 1
    """Processes that do the work together; with two or more, torch.distributed joins them before the set-up."""
    keeps_freed_memory: bool = True
    """Whether glibc is kept from giving freed memory back while steps are timed. That steadies a step; what is large and
    freed in each one then costs less than by default, so a scenario for which that is part of the answer says no."""

    def __post_init__(self) -> None:
        demand_environment("the env of a ProcessSpec", self.env)
        if self.threads is not None:
            demand_count("threads of a ProcessSpec", self.threads)
        demand_count("ranks of a ProcessSpec", self.ranks)
        for name in ("own_compile_cache", "keeps_freed_memory"):
            demand_flag(f"{name} of a ProcessSpec", getattr(self, name))


@dataclass(frozen=True, slots=True)
class Variant:
    """One point of a scenario's axes; its id is readable and stable."""

    id: str
    scenario: str
    settings: Mapping[str, SettingValue]
    context: Mapping[str, SettingValue]
    baseline: bool
    requirements: tuple[Requirement, ...]
    process: ProcessSpec
    changes: Mapping[str, SettingValue] = field(default_factory=dict)
    """Which settings of a combining scenario stand for this variant; empty: it cannot be combined."""


@dataclass(frozen=True, slots=True)
class Scenario(Generic[S]):
    """A question with its variants; made by the decorator `benchsuite.scenario`."""

    name: str
    question: str
    build: Callable[[S, Task], Workload]
    variants: tuple[S, ...]
    compare: str | None
    within: tuple[str, ...]
    metric: Metric
    answer: Answer
    once: bool
    step: str
    requires: Callable[[S], Sequence[Requirement]]
    process: Callable[[S], ProcessSpec]
    changes: Callable[[S], Mapping[str, SettingValue]]
    combines: bool

    def settings_from(self, values: Mapping[str, SettingValue]) -> S:
        """Return the settings that `dataclasses.asdict` turned into `values`."""
        return type(self.variants[0])(**values)

    def described(self) -> list[Variant]:
        """Return every variant with its id, its context and whether it is its context's baseline."""
        return [self._describe(settings) for settings in self.variants]

    def _describe(self, settings: S) -> Variant:
        values = settings_values(settings)
        defaults = default_values(type(settings))
        changed = [key for key in values if values[key] != defaults[key]]
        shown = [key for key in values if key == self.compare]
        shown += [key for key in changed if key != self.compare]
        inside = ",".join(f"{key}={format_value(values[key])}" for key in shown)
        return Variant(
            id=f"{self.name}[{inside}]" if inside else self.name,
            scenario=self.name,
            settings=values,
            context={key: values[key] for key in self.within},
            baseline=self.compare is None or set(changed) <= set(self.within),
            requirements=tuple(self.requires(settings)),
            process=self.process(settings),
            changes=dict(self.changes(settings)),
        )


def format_value(value: SettingValue) -> str:
    """Spell a setting as it stands in ids, tables and command lines."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "none" if value is None else str(value)


def settings_values(settings: object) -> dict[str, SettingValue]:
    """Return a settings dataclass as a plain dictionary, in the order of its fields."""
    return {f.name: getattr(settings, f.name) for f in dataclasses.fields(settings)}  # type: ignore[arg-type]


def default_values(settings_type: type) -> dict[str, SettingValue]:
    """Return the defaults of a settings dataclass: the baseline."""
    return {f.name: cast("SettingValue", f.default) for f in dataclasses.fields(settings_type)}


def grid(settings_type: type[S], **axes: Sequence[SettingValue]) -> tuple[S, ...]:
    """Return the settings for every combination of the axes' values, the last axis varying fastest.

    Raises:
        TypeError: the settings are no dataclass or lack an axis; the catalog adds file and line.
    """
    names = list(axes)
    if not dataclasses.is_dataclass(settings_type):
        raise TypeError(f"{settings_type.__name__!r} is no dataclass: write @dataclass(frozen=True) above it")
    known = [f.name for f in dataclasses.fields(settings_type)]
    if unknown := [name for name in names if name not in known]:
        raise TypeError(
            f"{settings_type.__name__!r} has no field {unknown[0]!r}; it has {', '.join(known) or 'none'}"
        )
    return tuple(
        settings_type(**dict(zip(names, values, strict=True))) for values in itertools.product(*axes.values())
    )
